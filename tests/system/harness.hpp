#pragma once

#include "actors/workspace/settings.hpp"
#include "actors/workspace/workspace_probe.hpp"
#include "app/dev_platform/platform.hpp"
#include "messages/activity.hpp"
#include "messages/event.hpp"
#include "messages/heartbeat.hpp"
#include "tests/support/temporary_directory.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

// A platform, and the supervisor's whole tree of actors against it over real sockets, in one process. This
// header has neither CAF nor Beast, so that a test that includes it compiles in a second.

constexpr std::chrono::seconds generous{30}; ///< a limit that only something broken reaches

enum class platform_certificate { none, good, expired, wrong_host, self_signed };

struct system_options {
  std::vector<std::string> workspaces{"ws-a"};
  bool durable = false; ///< results in a database in the temporary folder
  platform_certificate certificate = platform_certificate::none;
  bool write_tokens = true;              ///< the platform's tokens lie in the workspaces' token files
  platform_options platform;             ///< what else the platform shall be
  std::function<void(settings&)> adjust; ///< changes the short intervals that tests run with
};

class system_under_test {
public:
  /// Starts the platform alone: what it is to do can be ordered before the supervisor is started.
  explicit system_under_test(system_options options = {});
  system_under_test(const system_under_test&) = delete;
  system_under_test& operator=(const system_under_test&) = delete;
  ~system_under_test();

  void start();
  /// The same; the actor throws when it comes to its message number `message`, from 1.
  void start_crashing(const std::string& name, const std::string& workspace, std::uint64_t message);
  /// Stops the supervisor in order; the platform goes on. `start` begins another one on the same folder.
  void stop();

  platform_server& platform();
  std::string configs_dir(const std::string& workspace = "ws-a") const;
  std::string token_file(const std::string& workspace = "ws-a") const;
  std::string results_file(const std::string& workspace = "ws-a") const;
  /// Takes the results file away as the agent does. @returns its lines, oldest first, empty when it is not
  /// there.
  std::vector<std::string> take_results(const std::string& workspace = "ws-a") const;
  /// Adds a finished row to the platform's list that is new, genuine and whole.
  void add_result(const std::string& delegation_id, const std::string& status = "completed",
                  const std::string& workspace = "ws-a");

  // What the control API asks of the actors; made again while an actor is down.
  void say(const set_activity& change, const std::string& workspace = "ws-a");
  void say(const record_outcomes& outcomes, const std::string& workspace = "ws-a");
  void say(const set_runtime_state& state, const std::string& workspace = "ws-a");
  void say(const set_runtime_metadata& metadata, const std::string& workspace = "ws-a");
  void set_task(const std::string& text, const std::string& workspace = "ws-a");
  void record_error(const std::string& text, const std::string& workspace = "ws-a");
  activity_report activity(const std::string& workspace = "ws-a");
  beat_outcome beat(const std::string& workspace = "ws-a");
  /// Begins after all that the platform lists now was listed. `news` counts what one that was under way
  /// found, too.
  poll_outcome poll(const std::string& workspace = "ws-a");
  parent_name parent(const std::string& workspace = "ws-a");
  std::string save_token(const std::string& token, const std::string& workspace = "ws-a"); ///< "" or an error
  std::string token(const std::string& workspace = "ws-a");
  std::string refresh(const std::string& workspace = "ws-a");
  /// Several at once.
  std::vector<parent_name> parents_at_once(std::size_t count, const std::string& workspace = "ws-a");
  std::vector<beat_outcome> beats_at_once(std::size_t count, const std::string& workspace = "ws-a");

  /// An actor by its name in stats; with "" as workspace one of those that all share.
  const actor_probe& actor(const std::string& name, const std::string& workspace = "ws-a");
  const workspace_probe& probe(const std::string& workspace = "ws-a");
  /// Makes the actor throw as soon as it comes to that. @returns false when it is down.
  bool strike(const std::string& name, const std::string& workspace = "ws-a");
  /// Makes the actor throw, and waits until its successor runs. @returns whether it does.
  bool crash(const std::string& name, const std::string& workspace = "ws-a");
  /// Crashes the actor until its supervisor gives up. @returns whether it did.
  bool crash_for_good(const std::string& name, const std::string& workspace = "ws-a");

  /// How many actors run now, those of the framework left out.
  std::size_t running_actors() const;
  /// Timers that are set on the loop.
  std::size_t timers() const;
  /// Adds or removes a workspace as the control API does. @returns the status.
  int put(const std::string& workspace);
  int remove(const std::string& workspace);

  bool ended() const; ///< the whole tree has ended
  bool wait_ended(std::chrono::milliseconds timeout = generous) const;
  bool gave_up() const;

  /// All events so far of this name, in order.
  std::vector<event> events(const std::string& name, const std::string& workspace = "") const;
  bool wait_for_event(const std::string& name, std::size_t count = 1,
                      const std::string& workspace = "") const;

  /// Waits for so many requests from now on.
  bool wait_for_more(request_class kind, std::size_t count, const std::string& workspace = "");
  std::size_t count(request_class kind, const std::string& workspace = "");
  /// Waits until `predicate` holds, which is asked again and again.
  static bool wait_until(const std::function<bool()>& predicate);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Beats and polls come only when they are asked for, after the first; what fails is not tried again by
/// itself.
void only_when_asked(settings& configuration);

/// An event's field; "" when it has none of this name.
std::string field(const event& happened, const std::string& key);

/// A fault of this action for requests of this class.
platform_fault fault(fault_action action, request_class kind, unsigned times = 0);
platform_fault answer_status(int status, request_class kind, unsigned times = 0);

/// The member of a line of the results file, a body or the like, as text; "" when there is none.
std::string member(const std::string& json, const std::string& pointer);

} // namespace workspace_supervisor
