#include "actors/delegation_list/delegation_rows.hpp"
#include "tests/support/fuzz_input.hpp"

#include <array>
#include <set>
#include <utility>

using namespace workspace_supervisor;

namespace {

const std::string own = "ws-1";

void check_texts(const delegation_result& result) {
  for (const auto* text : {&result.delegation_id, &result.target_id, &result.source_id, &result.status,
                           &result.summary, &result.own_summary, &result.response_preview, &result.error})
    must(is_utf8(*text), "what is told is UTF-8", *text);
  must(result.created_at >= 0 && result.created_at < 1e12, "a time is one");
}

using keys = std::set<std::pair<std::string, std::string>>;

/// What holds for any body.
keys check(std::string_view body, bool& read, delegation_rows& rows) {
  std::string error;
  read = parse_delegation_rows(body, own, rows, error);
  must(read == error.empty(), "what cannot be read says why", error);
  must(is_utf8(error), "a reason is UTF-8", error);
  must(read || (rows.finished.empty() && rows.foreign.empty()), "nothing is told of what cannot be read");
  keys finished;
  for (const auto& result : rows.finished) {
    must(result.source_id == own, "what is told is of this workspace");
    must(!result.delegation_id.empty(), "it has an id");
    must(result.status == "completed" || result.status == "failed", "it is finished", result.status);
    must(finished.emplace(result.delegation_id, result.status).second, "it is told once");
    check_texts(result);
  }
  must(std::set<std::string>(rows.foreign.begin(), rows.foreign.end()).size() == rows.foreign.size(),
       "a foreign one is told once");
  return finished;
}

constexpr std::array<const char*, 12> names{
    "delegation_id",    "source_id",  "status", "target_id", "summary",    "error",
    "response_preview", "created_at", "id",     "type",      "delegation", "Status"};
constexpr std::array<const char*, 12> values{R"("completed")",
                                             R"("failed")",
                                             R"("in_progress")",
                                             R"("ws-1")",
                                             R"("ws-2")",
                                             R"("d-1")",
                                             R"("d-2")",
                                             R"("")",
                                             "null",
                                             "17",
                                             "[{}]",
                                             R"("2026-11-23T20:37:22.5Z")"};

/// A list made from decisions, and which of its rows are genuine: the first of equal members counts for
/// nobody, so each has its members once.
struct made_list {
  std::string body = "[";
  keys finished;

  void add_row(fuzz_input& input) {
    std::string row;
    std::array<std::string, names.size()> given;
    for (auto members = 3 + input.below(6); members > 0; --members) {
      const auto name = input.below(names.size());
      if (!given[name].empty())
        continue;
      given[name] = values[input.below(values.size())];
      row += (row.empty() ? "\"" : ",\"") + std::string(names[name]) + "\":" + given[name];
    }
    body += (body.size() > 1 ? ",{" : "{") + row + "}";
    const auto text = [&](std::size_t name) {
      const auto& value = given[name];
      return value.size() > 2 && value.front() == '"' ? value.substr(1, value.size() - 2) : std::string();
    };
    if (!text(0).empty() && text(1) == own && (text(2) == "completed" || text(2) == "failed"))
      finished.emplace(text(0), text(2));
  }
};

} // namespace

/// A list of any bytes is taken apart or refused; of one that is a list every genuine result is told,
/// whatever rows stand beside it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  bool read = false;
  delegation_rows rows;
  if (input.flag()) {
    made_list list;
    while (!input.empty())
      list.add_row(input);
    const auto finished = check(list.body + "]", read, rows);
    must(read, "a list is read", list.body);
    must(finished == list.finished, "every genuine result is told, and no other", list.body);
    return 0;
  }
  check(input.rest(), read, rows);
  return 0;
}
