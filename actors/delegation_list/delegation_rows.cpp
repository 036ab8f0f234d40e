#include "actors/delegation_list/delegation_rows.hpp"

#include "actors/delegation_list/delegation_reader.hpp"
#include "actors/delegation_list/rfc3339.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace workspace_supervisor {

namespace {

void take_if_empty(std::string& text, const std::string& other) {
  if (text.empty()) {
    text = other;
  }
}

// Collects rows in the answer's order and merges those that tell of one result.
class row_merger {
public:
  row_merger(const std::string& workspace, delegation_rows& rows)
      : workspace_(workspace)
      , rows_(rows) {}

  void add(std::optional<delegation_row> row) {
    if (!row) {
      ++rows_.malformed;
      return;
    }
    delegation_result& result = row->result;
    if (result.delegation_id.empty()) {
      return;
    }
    if (result.source_id.empty() || result.status.empty()) {
      ++rows_.malformed;
      return;
    }
    const bool finished = result.status == "completed" || result.status == "failed";
    if (result.source_id != workspace_) {
      if (finished && foreign_.insert(result.delegation_id).second) {
        rows_.foreign.push_back(result.delegation_id);
      }
      return;
    }
    if (result.response_preview.empty() && !result.summary.empty()) {
      own_summaries_.try_emplace(result.delegation_id, result.summary);
    }
    if (!finished) {
      return;
    }
    result.created_at = parse_rfc3339(row->created_at);
    const auto [place, is_first] =
        places_.try_emplace(result_key(result.delegation_id, result.status), parts_.size());
    if (is_first) {
      parts_.emplace_back();
    }
    parts_[place->second].push_back(std::move(result));
  }

  // The answer has the newest row first: a result stands where its newest row stood.
  void finish() {
    rows_.finished.reserve(parts_.size());
    for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
      delegation_result merged = merge(*part);
      const auto own = own_summaries_.find(merged.delegation_id);
      if (own != own_summaries_.end()) {
        merged.own_summary = own->second;
      }
      rows_.finished.push_back(std::move(merged));
    }
  }

private:
  static delegation_result merge(std::vector<delegation_result>& parts) {
    std::stable_partition(parts.begin(), parts.end(),
                          [](const delegation_result& part) { return !part.response_preview.empty(); });
    delegation_result merged = std::move(parts.front());
    for (std::size_t index = 1; index < parts.size(); ++index) {
      take_if_empty(merged.target_id, parts[index].target_id);
      take_if_empty(merged.summary, parts[index].summary);
      take_if_empty(merged.response_preview, parts[index].response_preview);
      take_if_empty(merged.error, parts[index].error);
      merged.created_at = std::max(merged.created_at, parts[index].created_at);
    }
    return merged;
  }

  const std::string& workspace_;
  delegation_rows& rows_;
  std::unordered_map<std::string, std::size_t> places_; // result key to its place in `parts_`
  std::vector<std::vector<delegation_result>> parts_;
  std::unordered_map<std::string, std::string> own_summaries_; // by delegation id, whatever the row's status
  std::unordered_set<std::string> foreign_;
};

} // namespace

bool parse_delegation_rows(std::string_view body, const std::string& workspace, delegation_rows& rows,
                           std::string& error) {
  rows = {};
  error.clear();
  row_merger merger(workspace, rows);
  if (!read_delegation_rows(
          body, [&](std::optional<delegation_row> row) { merger.add(std::move(row)); }, error)) {
    rows = {};
    return false;
  }
  merger.finish();
  return true;
}

} // namespace workspace_supervisor
