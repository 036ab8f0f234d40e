#pragma once

#include "actors/workspace/settings.hpp"
#include "app/configuration/configuration_file.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The one table of all configuration keys: file, environment, command line, `--help`, `--check-config` and
// messages are all made from it.

namespace workspace_supervisor {

/// What a key's value must be.
enum class configuration_type {
  boolean,
  integer,
  timespan,  ///< whole milliseconds
  choice,    ///< one of a few strings
  text_list, ///< strings that are not empty
  id,        ///< of a workspace
  url,       ///< http or https base URL
  path,
  optional_path, ///< "" means none
  address,       ///< host:port; "" means none
  user,          ///< name or uid:gid; "" means none
  anything       ///< handed on as it is
};

/// Where in `settings` a key's value goes; none: it needs more than copying.
using configuration_target =
    std::variant<std::monostate, bool& (*)(settings&), int& (*)(settings&), std::size_t& (*)(settings&),
                 milliseconds& (*)(settings&), std::vector<std::string>& (*)(settings&),
                 notify_user& (*)(settings&), agent_restart& (*)(settings&), log_level& (*)(settings&),
                 log_format& (*)(settings&)>;

struct configuration_key {
  std::string_view name; ///< `workspaces.ID.…` stands for every ID, `caf.*` for all below `caf`
  configuration_type type;
  std::string_view default_value; ///< in the file's syntax; "": none that is fixed
  std::string_view default_note;  ///< what holds where there is no fixed default: "required"
  std::string_view environment;   ///< variable, or ""
  std::int64_t least = 0;         ///< of an integer, or milliseconds of a timespan
  std::int64_t most = 0;
  std::string_view choices; ///< of a choice, separated by spaces, in the order of the target's enumeration
  std::string_view meaning; ///< one sentence
  configuration_target target;
};

/// An option of the command line that is no key.
struct configuration_option {
  std::string_view name;  ///< "--check-config"
  std::string_view value; ///< what stands behind '=', or ""
  std::string_view meaning;
};

std::span<const configuration_key> configuration_keys();
std::span<const configuration_option> configuration_options();

/// Parts of the name of `key`, for a pattern with ID and `*` as they are.
std::vector<std::string> configuration_key_parts(const configuration_key& key);

/// What a key of type `choice` may be, in the order of its target's enumeration.
std::vector<std::string_view> configuration_choices(const configuration_key& key);

/// @returns the row that a key belongs to (`workspaces.ID.…` and `caf.*` match), or nullptr.
const configuration_key* find_configuration_key(const std::vector<std::string>& parts);

/// @returns the row of that name as the table has it; asserts that there is one.
const configuration_key& configuration_key_named(std::string_view name);

/// What a value of the key must be: "a timespan from 1ms to 24h".
std::string configuration_expectation(const configuration_key& key);

/// Checks type, range and form; looks at no file.
/// @returns "" or what was expected and what was found.
std::string check_configuration_value(const configuration_key& key, const configuration_value& value);

/// @returns "" or what is wrong with a workspace's id.
std::string check_workspace_id(std::string_view id);

/// The known key (or, for an argument, option) nearest to an unknown one by edit distance.
/// @returns none when all are too far from it to be what was meant.
std::optional<std::string> nearest_configuration_key(const std::vector<std::string>& parts);
std::optional<std::string> nearest_configuration_option(std::string_view argument);

/// The text of `--help`.
std::string configuration_help();

} // namespace workspace_supervisor
