#include "actors/delegation_list/delegation_reader.hpp"
#include "actors/delegation_list/delegation_rows.hpp"
#include "actors/delegation_list/rfc3339.hpp"
#include "actors/text/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace workspace_supervisor {
namespace {

const std::string me = "ws-1";

delegation_rows parsed(const std::string& body) {
  delegation_rows rows;
  std::string error;
  EXPECT_TRUE(parse_delegation_rows(body, me, rows, error)) << error;
  EXPECT_EQ(error, "");
  return rows;
}

std::string row(const std::string& id, const std::string& status, const std::string& more = "",
                const std::string& source = me) {
  return R"({"delegation_id":")" + id + R"(","source_id":")" + source + R"(","status":")" + status + '"' +
         (more.empty() ? "" : ",") + more + '}';
}

// A JSON array of what stands in `rows`.
std::string array(const std::string& rows) {
  std::string text = "[";
  text += rows;
  text += ']';
  return text;
}

TEST(delegation_rows, takes_all_fields_of_a_row) {
  const auto rows = parsed(R"([{"id":"1","type":"delegate","delegation_id":"d","source_id":"ws-1",
    "target_id":"ws-2","summary":"s","status":"completed","error":"e","response_preview":"p",
    "created_at":"1970-01-01T00:00:10Z"}])");
  ASSERT_EQ(rows.finished.size(), 1u);
  const delegation_result& result = rows.finished[0];
  EXPECT_EQ(result.delegation_id, "d");
  EXPECT_EQ(result.source_id, "ws-1");
  EXPECT_EQ(result.target_id, "ws-2");
  EXPECT_EQ(result.summary, "s");
  EXPECT_EQ(result.status, "completed");
  EXPECT_EQ(result.error, "e");
  EXPECT_EQ(result.response_preview, "p");
  EXPECT_EQ(result.own_summary, "");
  EXPECT_EQ(result.created_at, 10);
}

TEST(delegation_rows, empty_array_has_no_rows) {
  EXPECT_TRUE(parsed("[]").finished.empty());
  EXPECT_TRUE(parsed(" \r\n\t[ ] \n").finished.empty());
}

TEST(delegation_rows, body_that_is_no_array_is_an_error) {
  const std::string good = row("d", "completed");
  for (const std::string& body : {std::string(),
                                  std::string(" "),
                                  std::string("null"),
                                  std::string("{}"),
                                  std::string("\"[]\""),
                                  std::string("<html></html>"),
                                  std::string("["),
                                  std::string("[]]"),
                                  std::string("[] x"),
                                  std::string("[,]"),
                                  std::string("[") + good,
                                  std::string("[") + good + ',',
                                  std::string("[") + good + ",]",
                                  std::string("[") + good + good + ']',
                                  std::string("[") + good.substr(0, good.size() - 1) + ']',
                                  std::string("[") + good + "}]",
                                  "{\"delegations\":[" + good + "]}",
                                  std::string("[\"open]"),
                                  std::string("[\"open\\\"]"),
                                  std::string(1, '\0'),
                                  std::string("[}")}) {
    delegation_rows rows;
    rows.malformed = 7;
    std::string error;
    EXPECT_FALSE(parse_delegation_rows(body, me, rows, error)) << body;
    EXPECT_NE(error.find("no JSON array"), std::string::npos) << error;
    EXPECT_TRUE(rows.finished.empty());
    EXPECT_EQ(rows.malformed, 0u);
  }
}

TEST(delegation_rows, every_cut_of_an_answer_is_an_error) {
  const std::string body = array(row("d", "completed", R"("summary":"a\"b\\","x":[{"y":[1,{}]}])"));
  for (std::size_t size = 0; size < body.size(); ++size) {
    delegation_rows rows;
    std::string error;
    EXPECT_FALSE(parse_delegation_rows(body.substr(0, size), me, rows, error)) << body.substr(0, size);
  }
}

TEST(delegation_rows, error_tells_nothing_of_the_answer) {
  delegation_rows rows;
  std::string error;
  EXPECT_FALSE(parse_delegation_rows("secret", me, rows, error));
  EXPECT_EQ(error.find("secret"), std::string::npos);
}

TEST(delegation_rows, row_without_delegation_id_is_skipped_silently) {
  const auto rows = parsed(R"([{}, {"delegation_id":null}, {"delegation_id":""}, {"delegation_id":12},
    {"delegation_id":["d"],"source_id":"ws-1","status":"completed"},
    {"source_id":"ws-1","status":"completed"}, )" +
                           row("d", "completed") + ']');
  EXPECT_EQ(rows.malformed, 0u);
  EXPECT_TRUE(rows.foreign.empty());
  EXPECT_EQ(rows.finished.size(), 1u);
}

TEST(delegation_rows, row_without_source_or_status_is_malformed) {
  for (const char* bad : {R"({"delegation_id":"a"})", R"({"delegation_id":"a","source_id":"ws-1"})",
                          R"({"delegation_id":"a","status":"completed"})",
                          R"({"delegation_id":"a","source_id":"","status":"completed"})",
                          R"({"delegation_id":"a","source_id":null,"status":"completed"})",
                          R"({"delegation_id":"a","source_id":"ws-1","status":""})",
                          R"({"delegation_id":"a","source_id":"ws-1","status":1})",
                          R"({"delegation_id":"a","source_id":"other","status":true})",
                          R"({"delegation_id":"a","source_id":{"ws-1":1},"status":"completed"})"}) {
    const auto rows = parsed(std::string("[") + bad + ',' + row("d", "failed") + ']');
    EXPECT_EQ(rows.malformed, 1u) << bad;
    EXPECT_TRUE(rows.foreign.empty()) << bad;
    EXPECT_EQ(rows.finished.size(), 1u) << bad;
  }
}

TEST(delegation_rows, element_that_is_no_object_is_malformed) {
  for (const char* bad :
       {"null", "1", "-1e5", "true", "\"x\"", "[]", "[{}]",
        R"([["delegation_id","x"],{"delegation_id":"x","source_id":"ws-1","status":"failed"}])"}) {
    const auto rows = parsed(std::string("[") + bad + ',' + row("d", "completed") + ',' + bad + ']');
    EXPECT_EQ(rows.malformed, 2u) << bad;
    EXPECT_EQ(rows.finished.size(), 1u) << bad;
  }
}

TEST(delegation_rows, element_that_is_no_json_costs_the_answer) {
  for (const char* bad : {"NaN", R"({"a"})", R"({"a":})", R"({"a":1,})", R"({"a":1 "b":2})", R"({a:1})",
                          R"({1:1})", R"({"delegation_id":"\x"})", R"({"delegation_id":"\u12"})",
                          R"({"delegation_id":"\u12g4"})", R"({"\q":1})", "\"a\nb\"", "// x\n1"}) {
    delegation_rows rows;
    std::string error;
    EXPECT_FALSE(parse_delegation_rows(array(row("d", "completed") + ',' + bad), me, rows, error)) << bad;
    EXPECT_NE(error.find("no JSON array"), std::string::npos) << error;
    EXPECT_TRUE(rows.finished.empty()) << bad;
  }
}

TEST(delegation_rows, other_fields_that_are_no_strings_read_as_empty) {
  for (const char* value : {"null", "5", "-0.5e+3", "true", "{}", "[]", R"({"a":["b\"]}"]})", R"(["x"])"}) {
    std::string more;
    for (const char* name : {"target_id", "summary", "error", "response_preview", "created_at"}) {
      more += (more.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
    }
    const auto rows = parsed(array(row("d", "completed", more)));
    ASSERT_EQ(rows.finished.size(), 1u) << value;
    const delegation_result& result = rows.finished[0];
    EXPECT_EQ(result.target_id + result.summary + result.error + result.response_preview, "") << value;
    EXPECT_EQ(result.created_at, 0) << value;
    EXPECT_EQ(rows.malformed, 0u) << value;
  }
}

TEST(delegation_rows, only_completed_and_failed_are_finished) {
  const auto rows =
      parsed(array(row("a", "pending") + ',' + row("b", "completed") + ',' + row("c", "COMPLETED") + ',' +
                   row("d", "failed") + ',' + row("e", "in_progress")));
  ASSERT_EQ(rows.finished.size(), 2u);
  EXPECT_EQ(rows.finished[0].delegation_id, "d");
  EXPECT_EQ(rows.finished[1].delegation_id, "b");
  EXPECT_EQ(rows.malformed, 0u);
}

TEST(delegation_rows, results_stand_oldest_first_by_their_newest_row) {
  // "a" was delegated first and came back last.
  const auto rows = parsed(array(row("a", "completed", R"("response_preview":"p")") + ',' +
                                 row("b", "completed") + ',' + row("a", "completed")));
  ASSERT_EQ(rows.finished.size(), 2u);
  EXPECT_EQ(rows.finished[0].delegation_id, "b");
  EXPECT_EQ(rows.finished[1].delegation_id, "a");
}

TEST(delegation_rows, one_delegation_with_two_statuses_is_two_results) {
  EXPECT_EQ(parsed(array(row("a", "completed") + ',' + row("a", "failed"))).finished.size(), 2u);
}

TEST(delegation_rows, foreign_finished_row_is_listed_once_and_not_handled) {
  const auto rows =
      parsed(array(row("a", "completed", "", "other") + ',' + row("a", "failed", "", "other") + ',' +
                   row("b", "pending", "", "other") + ',' + row("c", "failed", "", "WS-1")));
  EXPECT_EQ(rows.foreign, (std::vector<std::string>{"a", "c"}));
  EXPECT_TRUE(rows.finished.empty());
  EXPECT_EQ(rows.malformed, 0u);
}

TEST(delegation_rows, foreign_row_neither_hides_nor_joins_a_genuine_one) {
  const std::string foreign = row("a", "completed",
                                  R"("target_id":"t","summary":"evil","error":"e","response_preview":"p",
                                     "created_at":"2030-01-01T00:00:00Z")",
                                  "other");
  const std::string foreign_pending = row("a", "pending", R"("summary":"evil")", "other");
  const std::string genuine = row("a", "completed", R"("created_at":"1970-01-01T00:00:10Z")");
  const std::string before = foreign + ',' + foreign_pending;
  for (const std::string& body : {before + ',' + genuine, genuine + ',' + before}) {
    const auto rows = parsed(array(body));
    ASSERT_EQ(rows.finished.size(), 1u);
    const delegation_result& result = rows.finished[0];
    EXPECT_EQ(result.source_id, me);
    EXPECT_EQ(result.target_id + result.summary + result.own_summary + result.error + result.response_preview,
              "");
    EXPECT_EQ(result.created_at, 10);
    EXPECT_EQ(rows.foreign, std::vector<std::string>{"a"});
  }
}

TEST(delegation_rows, equal_rows_merge_to_the_first_text_that_is_not_empty_previews_first) {
  const auto rows =
      parsed(array(row("a", "completed", R"("summary":"no preview","target_id":"t1","error":"e1")") + ',' +
                   row("a", "completed", R"("response_preview":"p2","target_id":"t2")") + ',' +
                   row("a", "completed", R"("response_preview":"p3","target_id":"t3","summary":"s3")")));
  ASSERT_EQ(rows.finished.size(), 1u);
  const delegation_result& result = rows.finished[0];
  EXPECT_EQ(result.summary, "s3");
  EXPECT_EQ(result.response_preview, "p2");
  EXPECT_EQ(result.target_id, "t2");
  EXPECT_EQ(result.error, "e1");
  EXPECT_EQ(result.own_summary, "no preview");
}

TEST(delegation_rows, merged_rows_have_the_newest_time) {
  const std::string old_row = row("a", "completed", R"("created_at":"2026-01-01T00:00:00Z")");
  const std::string new_row =
      row("a", "completed", R"("created_at":"2026-01-01T00:00:01Z","response_preview":"p")");
  const std::string no_time = row("a", "completed", R"("created_at":"never")");
  for (const std::string& body :
       {old_row + ',' + new_row + ',' + no_time, no_time + ',' + new_row + ',' + old_row}) {
    const auto rows = parsed(array(body));
    ASSERT_EQ(rows.finished.size(), 1u);
    EXPECT_EQ(rows.finished[0].created_at, parse_rfc3339("2026-01-01T00:00:01Z"));
  }
}

TEST(delegation_rows, own_summary_comes_from_any_status_first_not_empty_without_preview) {
  const auto rows = parsed(array(row("a", "completed", R"("summary":"theirs","response_preview":"p")") + ',' +
                                 row("a", "in_progress", R"("summary":"")") + ',' +
                                 row("a", "pending", R"("summary":"ours")") + ',' +
                                 row("a", "queued", R"("summary":"older")")));
  ASSERT_EQ(rows.finished.size(), 1u);
  EXPECT_EQ(rows.finished[0].summary, "theirs");
  EXPECT_EQ(rows.finished[0].own_summary, "ours");
}

TEST(delegation_rows, own_summary_is_not_taken_from_a_malformed_row) {
  const auto rows = parsed(array(row("a", "completed") + R"(,{"delegation_id":"a","summary":"x"},)" +
                                 R"({"delegation_id":"a","source_id":"ws-1","summary":"x"})"));
  ASSERT_EQ(rows.finished.size(), 1u);
  EXPECT_EQ(rows.finished[0].own_summary, "");
}

TEST(delegation_rows, last_of_two_equal_keys_counts) {
  const auto rows =
      parsed(array(row("a", "completed", R"("summary":"1","summary":"2","error":"e","error":null)")));
  ASSERT_EQ(rows.finished.size(), 1u);
  EXPECT_EQ(rows.finished[0].summary, "2");
  EXPECT_EQ(rows.finished[0].error, "");
}

TEST(delegation_rows, escapes_are_decoded_in_names_and_values) {
  const auto rows = parsed(
      array(row("a", "completed", R"("s\u0075mmary":"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\uD83D\ude00")")));
  ASSERT_EQ(rows.finished.size(), 1u);
  EXPECT_EQ(rows.finished[0].summary, "\"\\/\b\f\n\r\tA\u00e9\u20ac\U0001F600");
}

TEST(delegation_rows, invalid_utf8_and_half_surrogates_become_replacements) {
  const std::string r = "\uFFFD";
  const std::pair<std::string, std::string> cases[] = {
      {"a\xFFz", "a" + r + "z"},
      {"\xC3", r},
      {"\xC3\\u00e9", r + "\u00e9"},
      {"\xE2\x82", r},
      {"\xED\xA0\x80", r + r + r},
      {"\xC0\xAF", r + r},
      {"\xF4\x90\x80\x80", r + r + r + r},
      {"\xF0\x9F\x98\x80", "\U0001F600"},
      {"\\ud83d", r},
      {"\\ude00", r},
      {"\\ud83dx", r + "x"},
      {"\\ud83d\\n", r + "\n"},
      {"\\ud83d\\ud83d\\ude00", r + "\U0001F600"},
      {"\\uD83D\\uDE00", "\U0001F600"},
      {"\\\\ud83d", "\\ud83d"},
  };
  for (const auto& [text, expected] : cases) {
    const auto rows = parsed(array(row("a", "completed", "\"summary\":\"" + text + '"')));
    ASSERT_EQ(rows.finished.size(), 1u) << text;
    EXPECT_EQ(rows.finished[0].summary, expected);
    EXPECT_EQ(valid_utf8(rows.finished[0].summary), rows.finished[0].summary);
  }
}

TEST(delegation_rows, unknown_field_may_be_nested) {
  constexpr std::size_t levels = deepest_delegation_answer - 2; // in the array and in the row
  const std::string deep = std::string(levels, '[') + std::string(levels, ']');
  const auto rows =
      parsed(array(row("a", "completed", "\"x\":" + deep + ",\"summary\":" + deep) + ',' + deep));
  EXPECT_EQ(rows.finished.size(), 1u);
  EXPECT_EQ(rows.malformed, 1u);
}

TEST(delegation_rows, answer_nested_too_deep_is_an_error) {
  for (const std::size_t levels : {deepest_delegation_answer - 1, std::size_t{1'000'000}}) {
    for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"x\":", "}")}) {
      std::string deep;
      for (std::size_t level = 0; level < levels; ++level) {
        deep += open;
      }
      deep += '1';
      for (std::size_t level = 0; level < levels; ++level) {
        deep += close;
      }
      delegation_rows rows;
      std::string error;
      EXPECT_FALSE(parse_delegation_rows(array(row("a", "completed", "\"x\":" + deep)), me, rows, error));
      EXPECT_NE(error.find("too deep"), std::string::npos) << error;
      EXPECT_TRUE(rows.finished.empty());
    }
  }
}

TEST(delegation_rows, huge_answers_are_read_whatever_they_hold) {
  constexpr std::size_t size = 16777216;
  delegation_rows rows;
  std::string error;
  EXPECT_FALSE(parse_delegation_rows(std::string(size, '['), me, rows, error));
  EXPECT_FALSE(parse_delegation_rows(std::string("[") + std::string(size, '"'), me, rows, error));
  EXPECT_EQ(parsed(array(row("a", "completed", "\"summary\":\"" + std::string(size, 'x') + '"')))
                .finished.at(0)
                .summary.size(),
            size);
  std::string many = "[1";
  while (many.size() < size / 8) {
    many += ",1";
  }
  EXPECT_GT(parsed(many + ']').malformed, 1'000'000u);
  std::string all = std::string("[") + row("0", "completed");
  std::size_t count = 1;
  for (; all.size() < size / 8; ++count) {
    all += ',' + row(std::to_string(count), "completed");
  }
  EXPECT_EQ(parsed(all + ']').finished.size(), count);
}

TEST(delegation_rows, ten_thousand_rows_of_one_result_are_one) {
  std::string body = std::string("[") + row("a", "failed");
  for (int index = 0; index < 10'000; ++index) {
    body += ',' + row("a", "failed", R"("error":"e")");
  }
  const auto rows = parsed(body + ']');
  ASSERT_EQ(rows.finished.size(), 1u);
  EXPECT_EQ(rows.finished[0].error, "e");
}

} // namespace
} // namespace workspace_supervisor
