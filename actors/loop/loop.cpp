#include "actors/loop/loop.hpp"

#include "actors/loop/hosting.hpp"
#include "actors/loop/signal_mask.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/resumable.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <mutex>
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

struct actor_loop::impl final : loop_host {
  explicit impl(actor_loop_options given)
      : options{std::move(given)}
      , work{context.get_executor()}
      , clock{context, *this} {}

  loop_timers& timers() noexcept override { return clock; }
  std::size_t messages_per_turn() const noexcept override { return options.messages_per_turn; }

  bool is_here() const noexcept override {
    return owner.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  void enqueue(caf::resumable* actor) override {
    if (is_here())
      ready.push_back(actor);
    else if (!hand_over([actor](inbox& into) { into.actors.push_back(actor); }))
      drop_actor(actor); // what is told to an actor after the end is not heard any more
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
    // Each by itself: what is left here would be taken for given, and nobody would wake the loop any more.
    for (auto& function : taken.orders)
      guarded(function);
    taken.orders.clear();
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "loop");
    owner.store(std::this_thread::get_id());
    while (!stopping)
      guarded([this] {
        run_actors();
        if (ready.empty())
          context.run_one();
        else
          for (std::size_t left = handlers_per_round; left > 0 && context.poll_one() > 0; --left) {
          }
      });
    owner.store(std::thread::id{});
  }

  /// Calls `function`, and tells of what it throws.
  template <class Function>
  void guarded(const Function& function) {
    try {
      function();
    } catch (const std::exception& exception) {
      tell(exception.what());
    } catch (...) {
      tell("an exception of unknown type");
    }
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
      if (actor->resume(here.get(), options.messages_per_turn) == caf::resumable::resume_later) {
        left = std::min(left, ready.size() + 1);
        ready.push_back(actor.release());
      }
    }
  }

  void start(caf::actor_system& system) override {
    here = make_turn_context(*this, system);
    const all_signals_blocked blocked;
    thread = std::thread{[this] {
      run();
    }};
  }

  /// Ends the thread. Actors that still have messages are ended without handling them.
  void stop() override {
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
      drop_actor(actor);
    while (!ready.empty()) {
      auto* actor = ready.front();
      ready.pop_front();
      drop_actor(actor);
    }
    clock.clear();
  }

  actor_loop_options options;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  loop_timers clock;
  std::unique_ptr<turn_context> here;
  std::deque<caf::resumable*> ready; ///< the loop's thread; each is a reference
  bool stopping = false;             ///< the loop's thread
  std::atomic<std::thread::id> owner{};
  std::mutex mutex;
  inbox given;         ///< under the mutex
  inbox taken;         ///< the loop's thread; kept so that its memory is used again
  bool closed = false; ///< under the mutex: the thread has ended
  std::thread thread;
};

actor_loop::actor_loop(actor_loop_options options)
    : impl_{std::make_unique<impl>(std::move(options))} {}

actor_loop::~actor_loop() = default;

void actor_loop::host(caf::actor_system_config& config) {
  make_host(*impl_, config);
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
