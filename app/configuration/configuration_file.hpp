#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

// The configuration syntax of CAF 1.x, read by us so that messages can name file and line. Knows no keys.

namespace workspace_supervisor {

/// Bounds of what is read; more is an error and never a crash.
struct configuration_bounds {
  static constexpr std::size_t bytes = 16 * 1024 * 1024;
  static constexpr std::size_t depth = 16;           ///< of nested groups, and of nested lists
  static constexpr std::size_t key_bytes = 1024;     ///< of one part of a key
  static constexpr std::size_t list_values = 100000; ///< in all lists of a file together
  static constexpr std::size_t errors = 20;          ///< after so many the rest is left unread
};

struct configuration_value;
using configuration_list = std::vector<configuration_value>;
using configuration_timespan = std::chrono::nanoseconds;

/// One value of the file: string, integer, real, boolean, timespan or list.
struct configuration_value {
  std::variant<std::string, std::int64_t, double, bool, configuration_timespan, configuration_list> data;

  bool operator==(const configuration_value&) const = default;
};

/// Line and column (in bytes) count from 1; 0: not from a file.
struct configuration_location {
  std::size_t line = 0;
  std::size_t column = 0;
};

/// A key with its value, or a group with what is in it. Groups of one name are merged.
struct configuration_node {
  std::string name;
  configuration_location where;             ///< of the key; of a group that appears more than once: the first
  std::optional<configuration_value> value; ///< none: a group
  std::vector<configuration_node> children; ///< of a group, in the order of the file

  /// @returns the child of that name, or nullptr.
  const configuration_node* find(const std::string& child) const;
  /// Whether names, values and order are the same; places are not compared.
  bool same_content(const configuration_node& other) const;

private:
  friend class configuration_parser;
  std::unordered_map<std::string, std::size_t> index_;
};

/// What could not be read, and where.
struct configuration_syntax_error {
  configuration_location where;
  std::string message; ///< what was found and what was expected
};

struct configuration_document {
  configuration_node root; ///< what could be read: all of it when there are no errors
  std::vector<configuration_syntax_error> errors;
};

/// Reads a whole file's text.
configuration_document parse_configuration(std::string_view text);

/// Reads a single value, as it would stand behind a `=`.
/// @returns the value, or none and in `error` what was wrong.
std::optional<configuration_value> parse_configuration_value(std::string_view text, std::string& error);

/// Reads a dotted key such as `heartbeat.interval` or `workspaces."ws.b".socket`.
/// @returns its parts, or nothing and in `error` what was wrong.
std::vector<std::string> parse_configuration_key(std::string_view text, std::string& error);

/// The value in the file's syntax.
std::string print_configuration_value(const configuration_value& value);

/// One part of a key in the file's syntax: in quotes where it needs them.
std::string print_configuration_key_part(std::string_view part);

/// A whole key in the file's syntax.
std::string print_configuration_key(const std::vector<std::string>& parts);

/// The document in the file's syntax: reading it again gives the same content.
std::string print_configuration(const configuration_node& root);

/// What kind of value it is and the value itself, for messages: "the integer 30".
std::string describe_configuration_value(const configuration_value& value);

/// Text from outside for a message: in quotes, cut after 80 bytes, what is not printable ASCII or UTF-8
/// escaped.
std::string quote_for_message(std::string_view text);

/// Reads a file's bytes, at most `configuration_bounds::bytes`.
/// @returns the bytes, or none and in `error` what failed (an error number's text); `missing` says that there
/// is no such file.
std::optional<std::string> read_configuration_bytes(const std::string& path, std::string& error,
                                                    bool& missing);

} // namespace workspace_supervisor
