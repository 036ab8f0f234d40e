#include "actors/delegation_list/list_reading.hpp"

#include "actors/delegation_list/delegation_rows.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>

namespace workspace_supervisor {

namespace {

/// How many foreign delegation ids are remembered so that each is logged once.
constexpr std::size_t foreign_remembered = 1024;

/// FNV-1a with a seed that nobody outside knows: 0 is kept for "none".
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t value = 14695981039346656037ULL ^ seed;
  for (const char character : text)
    value = (value ^ static_cast<unsigned char>(character)) * 1099511628211ULL;
  value ^= value >> 32;
  return value == 0 ? 1 : value;
}

/// Tells of those that are not among `reported`. @returns what is to be remembered, the newest last.
std::vector<std::string> report_foreign(const std::vector<std::string>& foreign,
                                        std::vector<std::string> reported, workspace_context& context) {
  std::unordered_set<std::string_view> known{reported.begin(), reported.end()};
  std::vector<std::string> added;
  for (const auto& id : foreign) {
    if (!known.insert(id).second)
      continue;
    context.probe.foreign_rows.fetch_add(1, std::memory_order_relaxed);
    context.process->events->emit(
        make_event(log_level::warning, "delegation.foreign", context.settings.id,
                   "a result that claims another workspace as its source was ignored: a possible injection")
            .with("delegation_id", id.substr(0, 64)));
    added.push_back(id);
  }
  reported.insert(reported.end(), added.begin(), added.end());
  if (reported.size() > foreign_remembered)
    reported.erase(reported.begin(), reported.end() - foreign_remembered);
  return reported;
}

} // namespace

list_reading read_list(const delegation_list& list, workspace_context& context) {
  const auto seed = context.process->hash_seed;
  list_reading reading;
  auto& outcome = reading.outcome;
  outcome.body = hash(list.body.get(), seed);
  if (outcome.body == list.last_body) {
    outcome.unchanged = true;
    return reading;
  }
  delegation_rows rows;
  if (!parse_delegation_rows(list.body.get(), context.settings.id, rows, outcome.error))
    return reading;
  context.probe.malformed_rows.fetch_add(static_cast<std::uint32_t>(rows.malformed),
                                         std::memory_order_relaxed);
  outcome.reported_foreign = report_foreign(rows.foreign, list.reported_foreign, context);

  auto& record = reading.record;
  for (auto& result : rows.finished) {
    auto key = result_key(result.delegation_id, result.status);
    const auto hashed = hash(key, seed);
    outcome.handled.push_back(hashed);
    record.listed.push_back(std::move(key));
    if (!std::binary_search(list.handled.begin(), list.handled.end(), hashed))
      record.results.push_back(std::move(result));
  }
  std::sort(outcome.handled.begin(), outcome.handled.end());
  // The first answer is recorded even when it is empty: from then on nothing is history.
  outcome.recorded = !record.results.empty() || list.last_body == 0;
  record.workspace = context.settings.id;
  record.answered_at = list.answered_at;
  record.backlog = std::chrono::duration<double>(context.process->configuration.delegation.backlog).count();
  return reading;
}

void tell_news(const stored_results& news, workspace_context& context) {
  for (const auto& stored : news.results) {
    auto& counted = stored.result.status == "failed" ? context.probe.new_failed : context.probe.new_completed;
    counted.fetch_add(1, std::memory_order_relaxed);
    context.process->events->emit(
        make_event(log_level::info, "delegation.new", context.settings.id,
                   "delegation " + stored.result.delegation_id.substr(0, 8) + " " + stored.result.status)
            .with("seq", stored.seq)
            .with("delegation_id", stored.result.delegation_id.substr(0, 64))
            .with("status", stored.result.status));
  }
}

} // namespace workspace_supervisor
