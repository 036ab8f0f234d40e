#pragma once

#include "actors/loop/loop.hpp"
#include "messages/caf.hpp"
#include "messages/heartbeat.hpp"
#include "messages/platform.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// A message with a number; the actors of these tests do with it what they are made with.
using numbered = start_child;
/// For those that go on until they are told.
inline constexpr std::uint32_t told_to_end = UINT32_MAX;

using worker_interface = interface<void(numbered), done(are_you_there)>;
struct worker_state {
  static inline const char* name = "worker";
  std::shared_ptr<void> held; ///< released with the state
};
using worker_pointer = actor_of<worker_interface, worker_state>*;
using worker_function = std::function<void(worker_pointer, std::uint32_t)>;

/// Calls `function` with each number that it is told.
inline worker_interface::behavior_type worker(worker_pointer self, worker_function function) {
  return {
      [self, function](const numbered& message) { function(self, message.number); },
      [](are_you_there) { return done{}; },
  };
}

/// An actor system on a loop.
class loop_test : public ::testing::Test {
protected:
  loop_test()
      : loop{loop_options()} {
    loop.host(config);
    system = std::make_unique<caf::actor_system>(config);
  }

  worker_interface spawn_worker(worker_function function) { return system->spawn(worker, function); }
  template <class Actor>
  static void tell(const Actor& actor, std::uint32_t number) {
    caf::anon_send(actor, numbered{number});
  }
  template <class Actor>
  static void end(const Actor& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  }
  /// Waits until what was told to `actor` before has been handled.
  template <class Actor>
  void settle(const Actor& actor) {
    caf::scoped_actor self{*system};
    self->request(actor, caf::infinite, are_you_there{}).receive([](done) {}, [](caf::error&) {});
  }
  std::size_t timers() {
    std::size_t count = 0;
    loop.post_and_wait([&] { count = loop.timers(); });
    return count;
  }

  actor_loop_options loop_options() {
    actor_loop_options options;
    options.on_exception = [this](const std::string& text) {
      exceptions.push_back(text);
    };
    return options;
  }

  std::vector<std::string> exceptions; ///< the loop's thread, or after it
  actor_loop loop;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
};

/// An event that a test waits for.
class event_flag {
public:
  void set() { promise_.set_value(); }
  /// @returns whether it came within a generous time.
  bool wait() { return future_.wait_for(std::chrono::seconds{60}) == std::future_status::ready; }

private:
  std::promise<void> promise_;
  std::future<void> future_ = promise_.get_future();
};

} // namespace workspace_supervisor
