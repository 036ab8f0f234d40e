#include "actors/delegations/delegation_rows.hpp"

#include "actors/text/json_scan.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace workspace_supervisor {

namespace {

// The texts of one row; what is missing or no string is empty.
struct row {
  delegation_result result;
  std::string created_at;
};

std::string* field_of(row& row, std::string_view name) {
  if (name == "delegation_id") {
    return &row.result.delegation_id;
  }
  if (name == "source_id") {
    return &row.result.source_id;
  }
  if (name == "target_id") {
    return &row.result.target_id;
  }
  if (name == "status") {
    return &row.result.status;
  }
  if (name == "summary") {
    return &row.result.summary;
  }
  if (name == "error") {
    return &row.result.error;
  }
  if (name == "response_preview") {
    return &row.result.response_preview;
  }
  if (name == "created_at") {
    return &row.created_at;
  }
  return nullptr;
}

// Reads one element of the array. Of a key that comes twice the last value counts, as with most readers.
// Returns false when it is no JSON object.
bool read_row(std::string_view text, row& row) {
  json_scan scan(text);
  if (!scan.take('{')) {
    return false;
  }
  if (scan.take('}')) {
    return scan.at_end();
  }
  std::string escaped_name;
  do {
    std::string_view name;
    std::string_view value;
    if (!scan.take_value(name) || name.size() < 2 || name.front() != '"' || !scan.take(':') ||
        !scan.take_value(value)) {
      return false;
    }
    if (name.find('\\') == std::string_view::npos) {
      name = name.substr(1, name.size() - 2);
    } else if (decode_json_string(name, escaped_name)) {
      name = escaped_name;
    } else {
      return false;
    }
    std::string* field = field_of(row, name);
    if (field == nullptr) {
      continue;
    }
    field->clear();
    if (value.front() == '"' && !decode_json_string(value, *field)) {
      return false;
    }
  } while (scan.take(','));
  return scan.take('}') && scan.at_end();
}

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

  void add(std::string_view text) {
    row row;
    if (!read_row(text, row)) {
      ++rows_.malformed;
      return;
    }
    delegation_result& result = row.result;
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
    result.created_at = parse_rfc3339(row.created_at);
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

// Reads a fixed number of digits and moves behind them.
bool take_digits(std::string_view& text, std::size_t count, int& value) {
  if (text.size() < count) {
    return false;
  }
  value = 0;
  for (std::size_t index = 0; index < count; ++index) {
    if (text[index] < '0' || text[index] > '9') {
      return false;
    }
    value = value * 10 + (text[index] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool take_one_of(std::string_view& text, std::string_view characters) {
  if (text.empty() || characters.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, double& fraction) {
  if (!take_one_of(text, ".")) {
    return true;
  }
  int digit = 0;
  double scale = 1;
  bool any = false;
  while (take_digits(text, 1, digit)) {
    scale /= 10;
    fraction += digit * scale;
    any = true;
  }
  return any;
}

// Reads the zone, which is all that is left. "+0100" and "+01" are not RFC 3339, but common.
bool take_zone(std::string_view text, int& offset_seconds) {
  if (text.empty() || text == "Z" || text == "z") {
    return true;
  }
  const int sign = text.front() == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!take_one_of(text, "+-") || !take_digits(text, 2, hours)) {
    return false;
  }
  if (!text.empty()) {
    take_one_of(text, ":");
    if (!take_digits(text, 2, minutes)) {
      return false;
    }
  }
  offset_seconds = sign * (hours * 3600 + minutes * 60);
  return text.empty() && hours <= 23 && minutes <= 59;
}

} // namespace

bool parse_delegation_rows(std::string_view body, const std::string& workspace, delegation_rows& rows,
                           std::string& error) {
  rows = {};
  error.clear();
  json_scan scan(body);
  const char* expected = nullptr;
  row_merger merger(workspace, rows);
  if (!scan.take('[')) {
    expected = "'['";
  } else if (!scan.take(']')) {
    do {
      std::string_view element;
      if (!scan.take_value(element)) {
        expected = "a whole value";
        break;
      }
      merger.add(element);
    } while (scan.take(','));
    if (expected == nullptr && !scan.take(']')) {
      expected = "',' or ']'";
    }
  }
  if (expected == nullptr && !scan.at_end()) {
    expected = "the end";
  }
  if (expected != nullptr) {
    rows = {};
    error = "the answer is no JSON array: expected " + std::string(expected) + " at byte " +
            std::to_string(scan.position()) + " of " + std::to_string(body.size());
    return false;
  }
  merger.finish();
  return true;
}

double parse_rfc3339(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  double fraction = 0;
  int offset = 0;
  if (!take_digits(text, 4, year) || !take_one_of(text, "-") || !take_digits(text, 2, month) ||
      !take_one_of(text, "-") || !take_digits(text, 2, day) || !take_one_of(text, "Tt ") ||
      !take_digits(text, 2, hour) || !take_one_of(text, ":") || !take_digits(text, 2, minute) ||
      !take_one_of(text, ":") || !take_digits(text, 2, second) || !take_fraction(text, fraction) ||
      !take_zone(text, offset)) {
    return 0;
  }
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  // A leap second is written as 60.
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) {
    return 0;
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const double at = double(days) * 86400 + hour * 3600 + minute * 60 + second + fraction - offset;
  // Nothing was delegated before 1970: such a time stands for none (Go's zero time is the year 1).
  return at > 0 ? at : 0;
}

} // namespace workspace_supervisor
