#include "actors/loop/hosting.hpp"

#if !WORKSPACE_SUPERVISOR_CAF_1

#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <atomic>
#include <map>
#include <tuple>

namespace workspace_supervisor {

namespace {

/// CAF's clock: its own timeouts stand among those of our actors, and what belongs to an actor that has ended
/// is forgotten at once.
class loop_clock final : public framework::hosted_clock {
public:
  explicit loop_clock(loop_host& loop)
      : loop_{loop} {}

  framework::timer_clock& timers() noexcept override { return loop_.timers(); }

  void set_ordinary_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                            std::uint64_t id) override {
    add(when, {self->id(), kind::ordinary, static_cast<std::uint64_t>(type)},
        [held = caf::weak_actor_ptr{self->ctrl()}, type, id] {
          if (const auto actor = held.lock())
            actor->enqueue(actor, caf::make_message_id(), caf::make_message(caf::timeout_msg{type, id}),
                           nullptr);
        });
  }
  void set_multi_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                         std::uint64_t id) override {
    schedule_message(when, caf::strong_actor_ptr{self->ctrl()},
                     caf::make_mailbox_element(caf::strong_actor_ptr{self->ctrl()}, caf::make_message_id(),
                                               {}, caf::timeout_msg{type, id}));
  }
  void set_request_timeout(time_point when, caf::abstract_actor* self, caf::message_id id) override {
    add(when, {self->id(), kind::request, id.integer_value()},
        [held = caf::weak_actor_ptr{self->ctrl()}, id] {
          if (const auto actor = held.lock())
            actor->enqueue(nullptr, id, caf::make_message(caf::make_error(caf::sec::request_timeout)),
                           nullptr);
        });
  }
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override {
    loop_.now_or_order([this, name = timeout_name{self->id(), kind::ordinary,
                                                  static_cast<std::uint64_t>(type)}] { cancel(name); });
  }
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override {
    if (count_.load(std::memory_order_relaxed) == 0)
      return; // asked with every answer that an actor gets
    loop_.now_or_order(
        [this, name = timeout_name{self->id(), kind::request, id.integer_value()}] { cancel(name); });
  }
  void cancel_timeouts(caf::abstract_actor* self) override {
    if (count_.load(std::memory_order_relaxed) == 0)
      return; // asked with every actor that ends
    loop_.now_or_order([this, id = self->id()] {
      for (;;) {
        const auto found = timeouts_.lower_bound({id, kind::ordinary, 0});
        if (found == timeouts_.end() || std::get<0>(found->first) != id)
          return;
        cancel(found->first);
      }
    });
  }
  void schedule_message(time_point when, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override {
    // a std::function copies what it holds
    auto held = std::make_shared<caf::mailbox_element_ptr>(std::move(content));
    const timeout_name name{receiver->id(), kind::message, timers().next_number()};
    add(when, name, [receiver = std::move(receiver), held = std::move(held)] {
      receiver->enqueue(std::move(*held), nullptr);
    });
  }
  void schedule_message(time_point when, caf::group target, caf::strong_actor_ptr sender,
                        caf::message content) override {
    loop_.timers().call(
        {when, timers().next_number()},
        [target = std::move(target), sender = std::move(sender), content = std::move(content)] {
          target->eq_impl(caf::make_message_id(), sender, nullptr, content);
        });
  }
  void cancel_all() override {
    loop_.now_or_order([this] {
      forget();
      loop_.timers().clear();
    });
  }

  /// On the loop's thread, or after it.
  void forget() {
    count_.fetch_sub(timeouts_.size(), std::memory_order_relaxed);
    timeouts_.clear();
  }

private:
  /// Of which kind a timeout of CAF's own is, and which one, so that it can be cancelled.
  enum class kind : std::uint8_t { ordinary, request, message };
  using timeout_name = std::tuple<caf::actor_id, kind, std::uint64_t>;

  void add(time_point when, timeout_name timeout, std::function<void()> call) {
    count_.fetch_add(1, std::memory_order_relaxed);
    loop_.now_or_order([this, when, timeout, call = std::move(call)] {
      cancel(timeout);
      const framework::timer_clock::timer_name name{when, timers().next_number()};
      timeouts_.emplace(timeout, name);
      loop_.timers().call(name, [this, timeout, call] {
        timeouts_.erase(timeout);
        count_.fetch_sub(1, std::memory_order_relaxed);
        call();
      });
    });
  }
  void cancel(timeout_name timeout) {
    const auto found = timeouts_.find(timeout);
    if (found == timeouts_.end())
      return;
    const auto name = found->second;
    timeouts_.erase(found);
    count_.fetch_sub(1, std::memory_order_relaxed);
    loop_.timers().cancel_timer(name);
  }

  loop_host& loop_;
  std::map<timeout_name, framework::timer_clock::timer_name> timeouts_; ///< by whose they are
  std::atomic<std::size_t> count_{0}; ///< of them, with those that are on their way here
};

class loop_unit final : public caf::execution_unit {
public:
  loop_unit(loop_host& loop, caf::actor_system& system)
      : execution_unit{&system}
      , loop_{loop} {}
  void exec_later(caf::resumable* actor) override { loop_.enqueue(actor); }

private:
  loop_host& loop_;
};

class loop_coordinator final : public caf::scheduler::abstract_coordinator {
public:
  loop_coordinator(loop_host& loop, caf::actor_system& system)
      : abstract_coordinator{system}
      , loop_{loop}
      , clock_{loop} {}

  void enqueue(caf::resumable* actor) override { loop_.enqueue(actor); }
  caf::actor_clock& clock() noexcept override { return clock_; }
  void init(caf::actor_system_config&) override {
    max_throughput_ = loop_.messages_per_turn();
    num_workers_ = 1;
  }
  // Not the base's: it starts an actor that prints, with a thread of its own, which nobody here uses.
  void start() override { loop_.start(system()); }
  void stop() override {
    loop_.stop();
    clock_.forget();
  }

  /// The base's, for whom it is protected.
  static void release(caf::resumable* actor) { cleanup_and_release(actor); }

private:
  loop_host& loop_;
  loop_clock clock_;
};

} // namespace

std::unique_ptr<turn_context> make_turn_context(loop_host& loop, caf::actor_system& system) {
  return std::make_unique<loop_unit>(loop, system);
}

void make_host(loop_host& loop, caf::actor_system_config& config) {
  config.module_factories.emplace_back([&loop](caf::actor_system& system) -> caf::actor_system::module* {
    return new loop_coordinator{loop, system};
  });
}

void drop_actor(caf::resumable* actor) {
  if (actor->subtype() == caf::resumable::scheduled_actor) {
    auto& scheduled = *static_cast<caf::scheduled_actor*>(actor);
    // CAF would end it without destroying its state.
    if (!scheduled.getf(caf::abstract_actor::is_cleaned_up_flag))
      scheduled.on_exit();
  }
  loop_coordinator::release(actor);
}

} // namespace workspace_supervisor

#endif
