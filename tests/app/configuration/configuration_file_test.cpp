#include "app/configuration/configuration_file.hpp"
#include "tests/app/configuration/configuration_fixture.hpp"

using namespace workspace_supervisor;
using namespace std::chrono_literals;

namespace {

/// The value at the dotted path, which must be there.
configuration_value at(const configuration_document& document, const std::vector<std::string>& path) {
  const auto* node = &document.root;
  for (const auto& part : path) {
    node = node->find(part);
    if (!node) {
      ADD_FAILURE() << "no " << part;
      return {};
    }
  }
  return node->value.value_or(configuration_value{});
}

configuration_document read(std::string_view text) {
  auto document = parse_configuration(text);
  for (const auto& error : document.errors)
    ADD_FAILURE() << error.where.line << ':' << error.where.column << ": " << error.message;
  return document;
}

/// "line:column: message" of the first error.
std::string first_error(std::string_view text) {
  const auto document = parse_configuration(text);
  if (document.errors.empty())
    return "";
  const auto& error = document.errors.front();
  return std::to_string(error.where.line) + ":" + std::to_string(error.where.column) + ": " + error.message;
}

struct value_case {
  const char* text;
  configuration_value value;
};

class value_test : public testing::TestWithParam<value_case> {};

TEST_P(value_test, is_read) {
  std::string error;
  EXPECT_EQ(parse_configuration_value(GetParam().text, error), GetParam().value) << error;
}

TEST_P(value_test, is_the_same_after_printing) {
  std::string error;
  EXPECT_EQ(parse_configuration_value(print_configuration_value(GetParam().value), error), GetParam().value)
      << error;
}

INSTANTIATE_TEST_SUITE_P(
    values, value_test,
    testing::Values(
        value_case{"\"a b\"", {std::string("a b")}}, value_case{"'a \"b'", {std::string("a \"b")}},
        value_case{R"("\n\r\t\\\"")", {std::string("\n\r\t\\\"")}}, value_case{"\"\"", {std::string()}},
        value_case{"\"ü # { } ,\"", {std::string("ü # { } ,")}}, value_case{"0", {std::int64_t{0}}},
        value_case{"-42", {std::int64_t{-42}}}, value_case{"+42", {std::int64_t{42}}},
        value_case{"0x1F", {std::int64_t{31}}}, value_case{"-0b101", {std::int64_t{-5}}},
        value_case{"017", {std::int64_t{15}}},
        value_case{"9223372036854775807", {std::numeric_limits<std::int64_t>::max()}},
        value_case{"-9223372036854775808", {std::numeric_limits<std::int64_t>::min()}},
        value_case{"1.5", {1.5}}, value_case{".5", {0.5}}, value_case{"-2e3", {-2000.0}},
        value_case{"2.0", {2.0}}, value_case{"true", {true}}, value_case{"false", {false}},
        value_case{"5s", {configuration_timespan(5s)}}, value_case{"100ms", {configuration_timespan(100ms)}},
        value_case{"10min", {configuration_timespan(10min)}},
        value_case{"24h", {configuration_timespan(24h)}}, value_case{"7us", {configuration_timespan(7us)}},
        value_case{"9ns", {configuration_timespan(9ns)}}, value_case{"-3s", {configuration_timespan(-3s)}},
        value_case{"0s", {configuration_timespan(0)}}, value_case{"[]", {configuration_list{}}},
        value_case{"[1, [\"a\",], 2s # why\n,]",
                   {configuration_list{{std::int64_t{1}},
                                       {configuration_list{{std::string("a")}}},
                                       {configuration_timespan(2s)}}}}));

struct error_case {
  std::string text;
  const char* place;
  const char* part;
};

class syntax_error_test : public testing::TestWithParam<error_case> {};

TEST_P(syntax_error_test, says_where_and_what) {
  const auto error = first_error(GetParam().text);
  EXPECT_TRUE(error.starts_with(std::string(GetParam().place) + ": ")) << error;
  EXPECT_CONTAINS(error, GetParam().part);
}

INSTANTIATE_TEST_SUITE_P(
    errors, syntax_error_test,
    testing::Values(
        error_case{"a = info", "1:5", "expected a value, found 'info' (strings stand in double quotes"},
        error_case{"a =\nb = 1", "1:4", "expected a value, found the end of the line"},
        error_case{"a = 5 s", "1:7", "expected a new line or ',' before the next key, found 's'"},
        error_case{"a = 1.5s", "1:5", "expected a number or a timespan"},
        error_case{"a = 5sec", "1:5", "found '5sec'"}, error_case{"a = 08", "1:5", "found '08'"},
        error_case{"a = 0x", "1:5", "found '0x'"},
        error_case{"a = 9223372036854775808", "1:5", "fits in 64 bits"},
        error_case{"a = 1e999", "1:5", "fits in 64 bits"}, error_case{"a = nan", "1:5", "expected a value"},
        error_case{"a = 9999999999h", "1:5", "less than 292 years"},
        error_case{"a = \"b", "1:7", "expected \" to end the string that began in line 1"},
        error_case{"a = \"b\nc\"", "1:7", "found the end of the line"},
        error_case{std::string{"a = \"b\0c\"", 9}, "1:7", "found a NUL byte"},
        error_case{"a = \"\\x\"", "1:7", "expected one of the escapes"},
        error_case{"a = [1, 2", "1:10", "expected ']' for the list that began in line 1"},
        error_case{"a = [1 2]", "1:8", "expected ',' or ']'"},
        error_case{"a = [{ b = 1 }]", "1:6", "expected a value, found '{'"},
        error_case{"a = <tcp://h>", "1:5", "expected a value, found '<'"},
        error_case{"\n\na {\n b = 1\n", "5:1", "expected '}' for the group opened in line 3"},
        error_case{"a = 1\n}", "2:1", "expected a key, found '}'"},
        error_case{"a {\n = 1 }", "2:2", "expected a key or '}', found '='"},
        error_case{"a\n= 1", "1:2", "expected '=' or '{' after the key a, found the end of the line"},
        error_case{"a.= 1", "1:3", "expected a key, found '='"},
        error_case{"a = 1,, b = 2", "1:7", "expected a key, found ','"},
        error_case{"a = 1\n\n a = 2", "3:2", "stands here again, first set in line 1"},
        error_case{"a.b = 1\na { b = 2 }", "2:5", "first set in line 1"},
        error_case{"a = 1\na { b = 2 }", "2:1", "a is a group here but has a value in line 1"},
        error_case{"a { b = 2 }\na = 1", "2:1", "first used as a group in line 1"},
        error_case{"\r a = 1", "1:1", "\\x0d"}));

TEST(configuration_file, nests_by_braces_and_by_dots) {
  const auto document = read("a { b { c = 1 } }\na.b.d = 2\na.b { e = 3 }\na { b.f = 4 }\na.b = { g = 5 }");
  for (int i = 1; i <= 5; ++i)
    EXPECT_EQ(at(document, {"a", "b", std::string(1, "cdefg"[i - 1])}), configuration_value{std::int64_t{i}});
}

TEST(configuration_file, takes_quoted_keys_and_groups) {
  const auto document = read("workspaces.\"ws.b\".configs-dir = \"/b\"\nworkspaces { \"ws c\" { 'x' = 1 } }");
  EXPECT_EQ(at(document, {"workspaces", "ws.b", "configs-dir"}), configuration_value{std::string("/b")});
  EXPECT_EQ(at(document, {"workspaces", "ws c", "x"}), configuration_value{std::int64_t{1}});
}

TEST(configuration_file, takes_commas_colons_and_comments) {
  const auto document = read("a: 1, b = 2 # comment, c = 3\n,d = 4#x\n# } {\ne { f = 5, }, g = 6");
  EXPECT_EQ(document.root.children.size(), 5u);
  EXPECT_EQ(at(document, {"e", "f"}), configuration_value{std::int64_t{5}});
}

TEST(configuration_file, takes_braces_round_everything) {
  EXPECT_EQ(at(read("# first\n{ \"a\": { b: 1 } }\n"), {"a", "b"}), configuration_value{std::int64_t{1}});
}

TEST(configuration_file, is_empty_without_text) {
  EXPECT_TRUE(read("").root.children.empty());
  EXPECT_TRUE(read("\n# nothing").root.children.empty());
}

TEST(configuration_file, takes_windows_line_ends_and_a_byte_order_mark) {
  const auto document = read("\xEF\xBB\xBF"
                             "a {\r\n  b = 5s # c\r\n}\r\nc = 1\r\n");
  EXPECT_EQ(at(document, {"a", "b"}), configuration_value{configuration_timespan(5s)});
  EXPECT_EQ(document.root.find("c")->where.line, 4u);
}

TEST(configuration_file, keeps_line_and_column) {
  const auto document = read("\n a {\n   b = 1\n }");
  const auto* node = document.root.find("a");
  EXPECT_EQ(node->where.line, 2u);
  EXPECT_EQ(node->where.column, 2u);
  EXPECT_EQ(node->find("b")->where.line, 3u);
  EXPECT_EQ(node->find("b")->where.column, 4u);
}

TEST(configuration_file, refuses_a_nul_byte) {
  using namespace std::string_literals;
  EXPECT_CONTAINS(first_error("a = 1\n\0 b = 2"s), "2:1: expected a key, found a NUL byte");
  EXPECT_CONTAINS(first_error("a = \"\0\""s), "found a NUL byte");
}

TEST(configuration_file, goes_on_after_a_bad_word) {
  const auto document = parse_configuration("a = five\nb = 5 s\ng { c = six }\nd = 1");
  ASSERT_EQ(document.errors.size(), 3u);
  EXPECT_EQ(document.errors[2].where.line, 3u);
  EXPECT_NE(document.root.find("d"), nullptr);
}

TEST(configuration_file, bounds_depth) {
  std::string groups, lists = "a = ";
  for (int i = 0; i < 100000; ++i) {
    groups += "a{";
    lists += '[';
  }
  EXPECT_CONTAINS(first_error(groups), "expected groups nested at most 16 deep");
  EXPECT_CONTAINS(first_error(lists), "expected lists nested at most 16 deep");
  std::string dots = "a";
  for (int i = 0; i < 100; ++i)
    dots += ".a";
  EXPECT_CONTAINS(first_error(dots + " = 1"), "16 parts");
}

TEST(configuration_file, bounds_size) {
  EXPECT_CONTAINS(first_error(std::string(configuration_bounds::bytes + 1, ' ')),
                  "expected at most 16777216 bytes");
}

TEST(configuration_file, bounds_the_number_of_errors) {
  std::string text;
  for (int i = 0; i < 1000; ++i)
    text += "a" + std::to_string(i) + " = x\n";
  EXPECT_EQ(parse_configuration(text).errors.size(), configuration_bounds::errors);
}

TEST(configuration_file, prints_what_it_reads_again) {
  const auto document = read(read_text(SOURCE_FOLDER "/tests/fuzz/corpus/configuration_file/values.conf"));
  EXPECT_TRUE(read(print_configuration(document.root)).root.same_content(document.root));
}

TEST(configuration_key_text, is_read_in_parts) {
  std::string error;
  EXPECT_EQ(parse_configuration_key("a.\"b.c\".d", error), (std::vector<std::string>{"a", "b.c", "d"}));
  EXPECT_TRUE(parse_configuration_key("a..b", error).empty());
  EXPECT_CONTAINS(error, "expected a key");
  EXPECT_EQ(print_configuration_key({"a", "b.c", ""}), "a.\"b.c\".\"\"");
}

TEST(quote_for_message, hides_what_would_change_the_terminal) {
  EXPECT_EQ(quote_for_message("a\x1b[0mü\xff\xe2\x80\xae"), "'a\\x1b[0mü\\xff\\xe2\\x80\\xae'");
  EXPECT_LT(quote_for_message(std::string(1000, 'x')).size(), 100u);
}

} // namespace
