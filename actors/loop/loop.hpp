#pragma once

// The room of the loop: one thread that runs every scheduled actor, their timers and the sockets of the
// process, in CAF's scheduler's place.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}
namespace caf {
class actor_system_config;
}

namespace workspace_supervisor {

struct actor_loop_options {
  /// Messages that an actor handles before it makes way for another.
  std::size_t messages_per_turn = 25;
  /// Told of an exception that left a socket's handler: a bug that nobody else would hear of. On the loop's
  /// thread; must not throw.
  std::function<void(const std::string&)> on_exception;
};

/// One thread for actors, timers and sockets. An actor that runs here and tells something to another one here
/// costs no lock, no wake-up and no switch of threads; from other threads a message is handed over under a
/// lock and wakes the loop. Nothing that runs here may wait.
///
/// Fair: an actor has `messages_per_turn`, then it is the next one's turn; between rounds of ready actors the
/// sockets and timers have theirs, so that an actor whose mailbox never empties holds up neither. Timers may
/// be late by `timer_grain`: those that are due together then wake the thread once.
class actor_loop {
public:
  explicit actor_loop(actor_loop_options options = {});
  actor_loop(const actor_loop&) = delete;
  actor_loop& operator=(const actor_loop&) = delete;
  /// The actor system that it hosted is gone by then.
  ~actor_loop();

  /// Has the actor system that will be made with `config` run its scheduled actors here: the thread starts
  /// with that system and ends with it. One system a loop.
  void host(caf::actor_system_config& config);

  /// Where sockets live. They are used on the loop's thread alone.
  boost::asio::io_context& context() noexcept;
  /// Whether the calling thread is the loop's.
  bool is_here() const noexcept;
  /// Calls `function` on the loop's thread, soon. Any thread.
  void post(std::function<void()> function);
  /// Calls `function` on the loop's thread and waits until it has returned or thrown, which is thrown here;
  /// on the caller's where that is the loop's, or where no thread runs (before the system starts, after it
  /// ended).
  void post_and_wait(const std::function<void()>& function);

  /// Timers that are set now, of actors and CAF's own. On the loop's thread; for tests and statistics.
  std::size_t timers() const noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
