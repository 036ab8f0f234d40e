#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace workspace_supervisor {

class platform_server;

/// The actors that can be made to crash, as stats name them.
std::vector<std::string> crashable_actors();

/// What a run with a crashing actor came to.
struct crash_run {
  bool crashed = false;  ///< the message at which it was to crash came
  bool told = false;     ///< every result was notified and named in a self-message in time
  bool beats_on = false; ///< beats went on afterwards
  bool agent_heard =
      false; ///< what the agent said last, its error too, came to the platform, and that it lives
  std::uint64_t messages = 0;    ///< that the actor had handled in the end
  std::vector<int> filed;        ///< how often each result stands in the results file
  std::vector<int> woken;        ///< in how many different self-messages
  std::vector<int> notified;     ///< in how many notifications
  int messages_twice = 0;        ///< deliveries of a self-message beyond its first
  std::string trouble;           ///< what the run itself could not do; empty when nothing
  std::vector<std::string> logs; ///< warnings and errors
};

/// Runs a workspace against `server` in this process: 20 results in four portions, of each of which the agent
/// says something, attached to it all the while; `actor` throwing when it
/// comes to its message number `number` (0: never); a supervisor, once the platform has got `number`
/// requests.
/// @param folder an empty folder of the run's own
/// @param durable whether results are kept on disk
crash_run run_with_crash(platform_server& server, const std::string& workspace, const std::string& actor,
                         std::uint64_t number, const std::string& folder, bool durable);

} // namespace workspace_supervisor
