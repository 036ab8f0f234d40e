#include "actors/loop/loop.hpp"

#include "actors/loop/loop_clock.hpp"
#include "actors/loop/signal_mask.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <caf/execution_unit.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>
#include <vector>

namespace workspace_supervisor {

namespace {

/// Actors in a row before sockets and timers have their turn.
constexpr std::size_t actors_per_round = 64;
/// Handlers of sockets and timers in a row while actors are ready.
constexpr std::size_t handlers_per_round = 64;

} // namespace

struct actor_loop::impl final : loop_orders {
  class coordinator;

  /// What actors on the loop see of it. Lives as long as the loop: an actor that is ended after the thread's
  /// end may still hold it.
  class unit final : public caf::execution_unit {
  public:
    unit(impl& loop, caf::actor_system& system)
        : execution_unit{&system}
        , loop_{loop} {}
    void exec_later(caf::resumable* actor) override { loop_.enqueue(actor); }

  private:
    impl& loop_;
  };

  explicit impl(actor_loop_options given)
      : options{std::move(given)}
      , work{context.get_executor()}
      , clock{context, *this} {}

  bool is_here() const noexcept override {
    return owner.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  /// Takes over a reference to the actor. Any thread.
  void enqueue(caf::resumable* actor) {
    if (is_here())
      ready.push_back(actor);
    else if (!hand_over([actor](inbox& into) { into.actors.push_back(actor); }))
      drop(actor); // what is told to an actor after the end is not heard any more
  }

  void order(std::function<void()> function) override {
    hand_over([&function](inbox& into) { into.orders.push_back(std::move(function)); });
  }

  /// What other threads have for the loop, each kind in order.
  struct inbox {
    std::vector<caf::resumable*> actors; ///< each is a reference
    std::vector<std::function<void()>> orders;

    bool empty() const noexcept { return actors.empty() && orders.empty(); }
  };

  /// @returns whether the loop will see it: not after its end
  template <class Put>
  bool hand_over(Put put) {
    bool first = false;
    {
      const std::lock_guard lock{mutex};
      if (closed)
        return false;
      first = given.empty();
      put(given);
    }
    if (first) // one wake-up serves all that come before it is seen
      boost::asio::post(context, [this] { take_inbox(); });
    return true;
  }

  void take_inbox() {
    {
      const std::lock_guard lock{mutex};
      std::swap(taken, given);
    }
    ready.insert(ready.end(), taken.actors.begin(), taken.actors.end());
    taken.actors.clear();
    for (auto& function : taken.orders)
      function();
    taken.orders.clear();
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "loop");
    owner.store(std::this_thread::get_id());
    while (!stopping) {
      try {
        run_actors();
        if (ready.empty())
          context.run_one();
        else
          for (std::size_t left = handlers_per_round; left > 0 && context.poll_one() > 0; --left) {
          }
      } catch (const std::exception& exception) {
        tell(exception.what());
      } catch (...) {
        tell("an exception of unknown type");
      }
    }
    owner.store(std::thread::id{});
  }

  void tell(const char* exception) {
    if (options.on_exception)
      options.on_exception(exception);
  }

  /// One round, which follows what is said from actor to actor, so that a chain of short messages costs one
  /// look at the sockets. Where somebody had more to do than one turn, the sockets come before his next one.
  void run_actors() {
    for (auto left = actors_per_round; left > 0 && !ready.empty() && !stopping; --left) {
      // A reference that is given up whatever becomes of the turn.
      caf::intrusive_ptr<caf::resumable> actor{ready.front(), false};
      ready.pop_front();
      if (actor->resume(&*here, options.messages_per_turn) == caf::resumable::resume_later) {
        left = std::min(left, ready.size() + 1);
        ready.push_back(actor.release());
      }
    }
  }

  void start(caf::actor_system& system) {
    here.emplace(*this, system);
    const all_signals_blocked blocked;
    thread = std::thread{[this] {
      run();
    }};
  }

  /// Ends the thread. Actors that still have messages are ended without handling them.
  void stop() {
    if (!thread.joinable())
      return;
    boost::asio::post(context, [this] { stopping = true; });
    thread.join();
    inbox left;
    {
      const std::lock_guard lock{mutex};
      closed = true;
      std::swap(left, given);
    }
    for (auto* actor : left.actors)
      drop(actor);
    while (!ready.empty()) {
      auto* actor = ready.front();
      ready.pop_front();
      drop(actor);
    }
    clock.clear();
  }

  /// Ends an actor that will have no turn any more, and gives up the reference.
  static void drop(caf::resumable* actor) {
    if (actor->subtype() == caf::resumable::scheduled_actor) {
      auto& scheduled = *static_cast<caf::scheduled_actor*>(actor);
      // CAF would end it without destroying its state.
      if (!scheduled.getf(caf::abstract_actor::is_cleaned_up_flag))
        scheduled.on_exit();
    }
    caf::scheduler::abstract_coordinator::cleanup_and_release(actor);
  }

  actor_loop_options options;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  loop_clock clock;
  std::optional<unit> here;
  std::deque<caf::resumable*> ready; ///< the loop's thread; each is a reference
  bool stopping = false;             ///< the loop's thread
  std::atomic<std::thread::id> owner{};
  std::mutex mutex;
  inbox given;         ///< under the mutex
  inbox taken;         ///< the loop's thread; kept so that its memory is used again
  bool closed = false; ///< under the mutex: the thread has ended
  std::thread thread;
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
  if (is_here() || !impl_->thread.joinable())
    return function();
  std::packaged_task<void()> task{function};
  post([&task] { task(); });
  task.get_future().get();
}

std::size_t actor_loop::timers() const noexcept {
  return impl_->clock.size();
}

} // namespace workspace_supervisor
