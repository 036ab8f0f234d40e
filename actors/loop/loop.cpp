#include "actors/loop/loop.hpp"

#include "actors/loop/loop_clock.hpp"
#include "actors/loop/signal_mask.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <atomic>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace workspace_supervisor {

namespace {

/// Actors in a row before sockets and timers have their turn.
constexpr std::size_t actors_per_round = 64;
/// Handlers of sockets and timers in a row while actors are ready.
constexpr std::size_t handlers_per_round = 64;

} // namespace

struct actor_loop::impl {
  class unit;
  class coordinator;

  explicit impl(actor_loop_options given)
      : options{std::move(given)}
      , work{context.get_executor()}
      , clock{context, [this](std::function<void()> function) {
                run_here(std::move(function));
              }} {}

  bool is_here() const noexcept {
    return owner.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  void run_here(std::function<void()> function) {
    if (is_here() || closed.load())
      function();
    else
      boost::asio::post(context, std::move(function));
  }

  /// Takes over a reference to the actor. Any thread.
  void enqueue(caf::resumable* actor) {
    if (is_here()) {
      ready.push_back(actor);
      return;
    }
    bool first = false;
    {
      const std::lock_guard lock{mutex};
      if (!closed.load()) {
        first = inbox.empty();
        inbox.push_back(actor);
        actor = nullptr;
      }
    }
    if (actor != nullptr) // what is told to an actor after the end is not heard any more
      caf::scheduler::abstract_coordinator::cleanup_and_release(actor);
    else if (first) // one wake-up serves all that come before it is seen
      boost::asio::post(context, [this] { take_inbox(); });
  }

  void take_inbox() {
    {
      const std::lock_guard lock{mutex};
      taken.swap(inbox);
    }
    ready.insert(ready.end(), taken.begin(), taken.end());
    taken.clear();
  }

  void run(caf::execution_unit& unit) {
    owner.store(std::this_thread::get_id());
    while (!stopping) {
      try {
        run_actors(unit);
        if (ready.empty())
          context.run_one();
        else
          for (std::size_t left = handlers_per_round; left > 0 && context.poll_one() > 0; --left) {
          }
      } catch (const std::exception& exception) {
        if (options.on_exception)
          options.on_exception(exception.what());
      }
    }
    owner.store(std::thread::id{});
  }

  /// One round: whoever becomes ready meanwhile comes in the next one, behind the sockets.
  void run_actors(caf::execution_unit& unit) {
    for (auto left = std::min(ready.size(), actors_per_round); left > 0 && !stopping; --left) {
      auto* actor = ready.front();
      ready.pop_front();
      switch (actor->resume(&unit, options.messages_per_turn)) {
      case caf::resumable::resume_later:
        ready.push_back(actor);
        break;
      case caf::resumable::shutdown_execution_unit:
      case caf::resumable::done:
      case caf::resumable::awaiting_message:
        intrusive_ptr_release(actor);
        break;
      }
    }
  }

  void start(caf::actor_system& system);

  /// Ends the thread. Actors that still have messages are ended without handling them.
  void stop() {
    boost::asio::post(context, [this] { stopping = true; });
    if (thread.joinable())
      thread.join();
    {
      const std::lock_guard lock{mutex};
      closed.store(true);
      ready.insert(ready.end(), inbox.begin(), inbox.end());
      inbox.clear();
    }
    while (!ready.empty()) {
      auto* actor = ready.front();
      ready.pop_front();
      caf::scheduler::abstract_coordinator::cleanup_and_release(actor);
    }
    clock.cancel_all();
  }

  actor_loop_options options;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  loop_clock clock;
  std::deque<caf::resumable*> ready; ///< the loop's thread; each is a reference
  bool stopping = false;             ///< the loop's thread
  std::atomic<std::thread::id> owner{};
  std::mutex mutex;
  std::vector<caf::resumable*> inbox; ///< under the mutex
  std::vector<caf::resumable*> taken; ///< the loop's thread; kept so that its memory is used again
  std::atomic<bool> closed{false};    ///< the thread has ended
  std::thread thread;
};

/// What actors on the loop see of it.
class actor_loop::impl::unit final : public caf::execution_unit {
public:
  unit(impl& loop, caf::actor_system& system)
      : execution_unit{&system}
      , loop_{loop} {}
  void exec_later(caf::resumable* actor) override { loop_.ready.push_back(actor); }

private:
  impl& loop_;
};

/// What CAF sees of it: the system's scheduler.
class actor_loop::impl::coordinator final : public caf::scheduler::abstract_coordinator {
public:
  coordinator(impl& loop, caf::actor_system& system)
      : abstract_coordinator{system}
      , loop_{loop} {}

  void enqueue(caf::resumable* actor) override { loop_.enqueue(actor); }
  caf::actor_clock& clock() noexcept override { return loop_.clock; }
  void init(caf::actor_system_config&) override {
    max_throughput_ = loop_.options.messages_per_turn;
    num_workers_ = 1;
  }
  // Not the base's: it starts an actor that prints, with a thread of its own, which nobody here uses.
  void start() override { loop_.start(system()); }
  void stop() override { loop_.stop(); }

private:
  impl& loop_;
};

void actor_loop::impl::start(caf::actor_system& system) {
  const all_signals_blocked blocked;
  thread = std::thread{[this, &system] {
    unit here{*this, system};
    run(here);
  }};
}

actor_loop::actor_loop(actor_loop_options options)
    : impl_{std::make_unique<impl>(std::move(options))} {}

actor_loop::~actor_loop() = default;

void actor_loop::host(caf::actor_system_config& config) {
  config.module_factories.emplace_back([this](caf::actor_system& system) -> caf::actor_system::module* {
    return new impl::coordinator{*impl_, system};
  });
}

boost::asio::io_context& actor_loop::context() noexcept {
  return impl_->context;
}

bool actor_loop::is_here() const noexcept {
  return impl_->is_here();
}

void actor_loop::post(std::function<void()> function) {
  boost::asio::post(impl_->context, std::move(function));
}

void actor_loop::post_and_wait(const std::function<void()>& function) {
  if (!impl_->thread.joinable())
    return function();
  std::promise<void> done;
  post([&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

std::size_t actor_loop::timers() const noexcept {
  return impl_->clock.size();
}

} // namespace workspace_supervisor
