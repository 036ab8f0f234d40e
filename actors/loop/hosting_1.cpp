#include "actors/loop/hosting.hpp"

#if WORKSPACE_SUPERVISOR_CAF_1

#include "messages/interfaces.hpp"

#include <caf/action.hpp>
#include <caf/detail/actor_system_access.hpp>
#include <caf/detail/cleanup_and_release.hpp>
#include <caf/disposable.hpp>
#include <caf/ref_counted.hpp>
#include <caf/thread_hook.hpp>

namespace workspace_supervisor {

namespace {

/// Something that CAF has scheduled; disposed of, it is forgotten at once.
class scheduled_call final : public caf::ref_counted, public caf::disposable::impl {
public:
  scheduled_call(loop_timers& timers, framework::timer_clock::timer_name name, caf::action call)
      : timers_{timers}
      , name_{name}
      , call_{std::move(call)} {}

  void dispose() override {
    call_.dispose();
    timers_.cancel_timer(name_);
  }
  bool disposed() const noexcept override { return call_.disposed(); }
  void ref_disposable() const noexcept override { ref(); }
  void deref_disposable() const noexcept override { deref(); }
  friend void intrusive_ptr_add_ref(const scheduled_call* call) noexcept { call->ref(); }
  friend void intrusive_ptr_release(const scheduled_call* call) noexcept { call->deref(); }

private:
  loop_timers& timers_;
  framework::timer_clock::timer_name name_;
  caf::action call_;
};

class loop_clock final : public framework::hosted_clock {
public:
  explicit loop_clock(loop_timers& timers)
      : timers_{timers} {}

  framework::timer_clock& timers() noexcept override { return timers_; }
  using hosted_clock::schedule;
  caf::disposable schedule(time_point when, caf::action call) override {
    const framework::timer_clock::timer_name name{when, timers_.next_number()};
    timers_.call(name, [call]() mutable { call.run(); });
    return caf::disposable{caf::make_counted<scheduled_call>(timers_, name, std::move(call))};
  }

private:
  loop_timers& timers_;
};

/// To actors that run on the loop.
class loop_unit final : public caf::scheduler {
public:
  explicit loop_unit(loop_host& loop)
      : loop_{loop} {}
  void schedule(caf::resumable* actor) override { loop_.enqueue(actor); }
  void delay(caf::resumable* actor) override { loop_.enqueue(actor); }
  void start() override {}
  void stop() override {}

private:
  loop_host& loop_;
};

/// To the system.
class loop_scheduler final : public caf::scheduler {
public:
  loop_scheduler(loop_host& loop, caf::actor_system& system)
      : loop_{loop}
      , system_{system} {}
  void schedule(caf::resumable* actor) override { loop_.enqueue(actor); }
  void delay(caf::resumable* actor) override { loop_.enqueue(actor); }
  void start() override { loop_.start(system_); }
  void stop() override { loop_.stop(); }

private:
  loop_host& loop_;
  caf::actor_system& system_;
};

/// Comes in before CAF makes a scheduler, a clock and a printer of its own, each with a thread.
class hosting_hook final : public caf::thread_hook {
public:
  explicit hosting_hook(loop_host& loop)
      : loop_{loop} {}

  void init(caf::actor_system& system) override {
    caf::detail::actor_system_access access{system};
    access.clock(std::make_unique<loop_clock>(loop_.timers()));
    access.scheduler(std::make_unique<loop_scheduler>(loop_, system));
    const auto nobody = system.spawn<caf::hidden + caf::lazy_init>([](caf::event_based_actor*) {
      return caf::behavior{[](framework::timer_due) {
      }};
    });
    access.printer(caf::actor_cast<caf::strong_actor_ptr>(nobody));
  }
  void thread_started(caf::thread_owner) override {}
  void thread_terminates() override {}

private:
  loop_host& loop_;
};

} // namespace

std::unique_ptr<turn_context> make_turn_context(loop_host& loop, caf::actor_system&) {
  return std::make_unique<loop_unit>(loop);
}

void make_host(loop_host& loop, caf::actor_system_config& config) {
  framework::register_messages<message_list>();
  config.add_thread_hook<hosting_hook>(loop);
}

void drop_actor(caf::resumable* actor) {
  caf::detail::cleanup_and_release(actor);
}

} // namespace workspace_supervisor

#endif
