#pragma once

// What the hooks of every actor are made of, whichever CAF runs it.

#include "messages/message_observer.hpp"

#include <boost/describe.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/error.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/sec.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace workspace_supervisor::framework {

template <class T>
concept described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

// CAF is not built for ThreadSanitizer, which so cannot see that a mailbox orders what happens before a
// message is sent and after it is received, nor the counting of an actor's references. These tell it.
#ifdef __SANITIZE_THREAD__
inline void hand_over(void* what) noexcept {
  __tsan_release(what);
}
inline void take_over(void* what) noexcept {
  __tsan_acquire(what);
}
#else
inline void hand_over(void*) noexcept {}
inline void take_over(void*) noexcept {}
#endif

/// Sent by an actor to itself when one of its timers is due.
struct timer_due {
  std::uint64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(timer_due, (), (id))

/// Makes the actor that receives it throw at once: fault injection.
struct injected_crash {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(injected_crash, (), (text))

/// What actors' timers stand on. Whoever schedules actors here has one. Any thread.
class timer_clock {
public:
  using time_point = std::chrono::steady_clock::time_point;

  /// When a timer is due, and which one of those due then it is.
  struct timer_name {
    time_point due;
    std::uint64_t number = 0;
    auto operator<=>(const timer_name&) const = default;
  };

  virtual ~timer_clock() = default;
  /// Tells `actor` that the timer `name` is due, then. Keeps no actor alive.
  virtual void set_timer(timer_name name, caf::weak_actor_ptr actor) = 0;
  /// Forgets a timer; one that has been due already is ignored.
  virtual void cancel_timer(timer_name name) = 0;

  /// A number that no other timer of this clock has.
  std::uint64_t next_number() noexcept { return last_number_.fetch_add(1, std::memory_order_relaxed) + 1; }

private:
  std::atomic<std::uint64_t> last_number_{0};
};

/// The timers that one actor has set, each with its function. On the actor's thread.
class actor_timers {
public:
  /// @returns the timer's number
  std::uint64_t set(timer_clock& clock, std::chrono::nanoseconds delay, std::function<void()> function,
                    caf::weak_actor_ptr actor) {
    const timer_clock::timer_name name{std::chrono::steady_clock::now() + delay, clock.next_number()};
    timers_.push_back({name, std::move(function)});
    clock.set_timer(name, std::move(actor));
    return name.number;
  }
  void cancel(timer_clock& clock, std::uint64_t number) {
    const auto found = find(number);
    if (found == timers_.end())
      return;
    clock.cancel_timer(found->name);
    timers_.erase(found);
  }
  void cancel_all(timer_clock& clock) {
    for (const auto& timer : std::exchange(timers_, {}))
      clock.cancel_timer(timer.name);
  }
  /// What the timer that is due calls; null: it was cancelled meanwhile.
  std::function<void()> take(std::uint64_t number) {
    const auto found = find(number);
    if (found == timers_.end())
      return nullptr;
    auto function = std::move(found->function);
    timers_.erase(found);
    return function;
  }

private:
  struct timer {
    timer_clock::timer_name name;
    std::function<void()> function;
  };

  std::vector<timer>::iterator find(std::uint64_t number) {
    return std::find_if(timers_.begin(), timers_.end(),
                        [number](const timer& entry) { return entry.name.number == number; });
  }

  std::vector<timer> timers_;
};

/// The text of an exception that left an actor's handler.
inline std::string exception_text(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

/// The clock of a system which `actor_loop` hosts (actors/loop/loop.hpp): CAF's, which knows that of actors'
/// timers.
class hosted_clock : public caf::actor_clock {
public:
  virtual timer_clock& timers() noexcept = 0;
};

inline timer_clock& clock_of(caf::actor_system& system) {
  return static_cast<hosted_clock&>(system.clock()).timers();
}

/// What all actors have beyond CAF's: an observer, timers that call a function, and an end that gives the
/// exception's text.
template <class Base>
class observed_actor : public Base {
public:
  explicit observed_actor(caf::actor_config& config)
      : Base(config) {
    this->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error {
      return caf::make_error(caf::sec::runtime_error, exception_text(thrown));
    });
  }

  ~observed_actor() override { take_over(this); }

  /// From now on `observer` is told of every message, and kept for as long as anybody holds this actor.
  /// Called once, at the start.
  void observe(std::shared_ptr<message_observer> observer) noexcept {
    observed_ = std::move(observer);
    observer_.store(observed_.get(), std::memory_order_release);
  }

  /// Calls `function` on this actor once `delay` has passed. @returns what `cancel` takes.
  template <class Rep, class Period, class Function>
  std::uint64_t after(std::chrono::duration<Rep, Period> delay, Function function) {
    return timers_.set(clock_of(this->system()), std::chrono::duration_cast<std::chrono::nanoseconds>(delay),
                       std::move(function), caf::weak_actor_ptr{this->ctrl()});
  }

  /// Forgets a timer; an unknown or past one is ignored.
  void cancel(std::uint64_t timer) { timers_.cancel(clock_of(this->system()), timer); }

protected:
  /// A message comes into the mailbox. Any thread.
  void hook_enqueued(void* element) noexcept {
    if (auto* observer = observer_.load(std::memory_order_acquire))
      observer->enqueued();
    hand_over(element);
  }
  /// May throw.
  void hook_before() {
    if (auto* observer = observer_.load(std::memory_order_relaxed))
      observer->before_message();
  }
  void hook_after() noexcept {
    if (auto* observer = observer_.load(std::memory_order_relaxed))
      observer->after_message();
  }
  void hook_end() { timers_.cancel_all(clock_of(this->system())); }

  /// Handles a message that is for the hooks. @returns whether it was one.
  template <class Message>
  bool hook_dispatch(Message& content) {
    if (content.template match_elements<timer_due>()) {
      if (const auto function = timers_.take(content.template get_as<timer_due>(0).id))
        function();
      return true;
    }
    if (content.template match_elements<injected_crash>())
      throw std::runtime_error(content.template get_as<injected_crash>(0).text);
    return false;
  }

private:
  std::atomic<message_observer*> observer_{nullptr};
  std::shared_ptr<message_observer> observed_; ///< the same
  actor_timers timers_;
};

} // namespace workspace_supervisor::framework
