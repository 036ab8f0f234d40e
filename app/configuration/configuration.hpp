#pragma once

// The room of the configuration: its keys, its file, environment and arguments, checked and printed.

#include "actors/workspace/settings.hpp"
#include "app/configuration/configuration_file.hpp"

#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// Where a value came from.
struct configuration_origin {
  enum class kind { default_value, file, environment, argument };
  kind from = kind::default_value;
  std::string text; ///< "caf-application.conf:3", "WORKSPACE_ID", "--workspace.id"; "" for a default

  /// For messages: "caf-application.conf:3", "environment variable WORKSPACE_ID", "argument --workspace.id".
  std::string place() const;
};

/// The value that holds for one key, and where it came from.
struct effective_value {
  std::vector<std::string> key;
  configuration_value value;
  configuration_origin origin;
};

/// One thing that is wrong.
struct configuration_error {
  std::string place;      ///< file and line, variable or argument; "configuration" where nothing set it
  std::string key;        ///< as it stands in a file; "" where the trouble is none of a key
  std::string message;    ///< what was expected and what was found
  std::string suggestion; ///< nearest known key or option, or ""

  /// One line: place, key, message and suggestion.
  std::string text() const;
};

/// What the configuration is made from.
struct configuration_sources {
  std::vector<std::string> arguments; ///< without the program's name
  std::map<std::string, std::string> environment;
  std::string default_file =
      "caf-application.conf"; ///< may be missing, other than one named by --config-file

  /// Those of this process.
  static configuration_sources of_process(int argument_count, const char* const* arguments);
};

struct configuration_result {
  settings values; ///< complete when there are no errors (in dev mode: but for what dev mode makes itself)
  std::vector<configuration_error> errors;
  std::vector<std::string> warnings;
  std::vector<effective_value> effective; ///< in the order of `--check-config`

  bool help = false;
  bool version = false;
  bool check_only = false; ///< --check-config
  bool dev = false;
  std::optional<milliseconds> dev_duration;
  std::string file; ///< the configuration file that was read, or ""

  /// Whether the key (as in a file, "heartbeat.interval") was set anywhere, so that it is no default.
  bool given(const std::string& key) const;
};

/// Reads, merges and checks everything. Blocks on files; call it before anything else runs.
configuration_result load_configuration(const configuration_sources& sources);

/// The text of `--check-config`; is itself a configuration file with the same meaning.
std::string effective_configuration_text(const configuration_result& result);

/// What a process ends with whose configuration seems wrong: 78, after which it is not to be restarted; but
/// 70, after which it is, while no descriptor is to be had: it cannot know then.
int exit_of_a_wrong_configuration();

/// Does what needs no supervision: --help, --version, --check-config, and telling errors, with the
/// warnings. A process that is to run logs the warnings itself.
/// @returns the exit code (0, or that of `exit_of_a_wrong_configuration`), or none when the process is to
/// run.
std::optional<int> answer_without_running(const configuration_result& result, std::ostream& output,
                                          std::ostream& errors);

} // namespace workspace_supervisor
