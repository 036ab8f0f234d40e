#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// How workspacectl ends.
enum client_exit {
  client_done = 0,
  client_refused = 1,     ///< the supervisor answered with an error
  client_usage = 2,       ///< the command line is wrong
  client_not_well = 3,    ///< it answered, and what was asked about is not as it should be
  client_unreachable = 69 ///< no supervisor, or no answer from it
};

/// A command line, taken apart.
struct client_arguments {
  std::string command;
  std::vector<std::string> operands; ///< what follows the command and is no option

  std::string socket;                ///< never empty
  std::string workspace;             ///< from --workspace; "": not given
  std::string environment_workspace; ///< from WORKSPACE_ID
  bool json = false;
  std::chrono::milliseconds timeout{0}; ///< 0: the command's own

  bool watch = false; ///< status
  std::chrono::milliseconds watch_interval{1000};
  bool ready = false;                ///< health
  bool done = false;                 ///< task
  std::optional<std::int64_t> tasks; ///< task
  std::optional<std::string> error;  ///< outcome
  bool success = false;              ///< outcome
  std::int64_t count = 1;            ///< outcome
  std::int64_t after = 0;            ///< results
  std::int64_t limit = 100;          ///< results
  std::string configs_dir;           ///< workspace add; as written, as those that follow
  std::string results_file;          ///< workspace add; "": not given
  std::string platform_url;          ///< workspace add; "": not given
  std::string own_socket;            ///< workspace add; "": not given

  std::string answer;  ///< what --help or --version prints; "": neither was asked for
  std::string trouble; ///< what is wrong with the command line; "": nothing
};

/// Reads a command line (without the program's name); takes the rest from the environment.
client_arguments read_client_arguments(const std::vector<std::string>& words);

} // namespace workspace_supervisor
