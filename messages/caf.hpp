#pragma once

/// What differs between versions of CAF stands here and nowhere else. This is the branch for CAF 0.17 (Debian
/// 12). A branch for CAF 1.x defines the same names: `interface` maps to `result<...>(...)` signatures,
/// `inspect` to `object(...).fields(...)`, and `hooked_actor` to that version's `enqueue` and `consume`.

#include "messages/message_observer.hpp"
#include "messages/shared_text.hpp"

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/config.hpp>
#include <caf/detail/stringification_inspector.hpp>
#include <caf/exit_reason.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/system_messages.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
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

#if CAF_VERSION < 1700 || CAF_VERSION >= 1800
#error "Only the branch for CAF 0.17 is written: add one here for the installed version."
#endif

namespace workspace_supervisor {

namespace framework {

template <class Signature>
struct signature;
template <class Request>
struct signature<void(Request)> {
  using type = caf::reacts_to<Request>;
};
template <class Reply, class Request>
struct signature<Reply(Request)> {
  using type = typename caf::replies_to<Request>::template with<Reply>;
};

template <class T>
concept described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;

} // namespace framework

/// A typed actor interface made of function types: `interface<reply(request), void(event)>`.
template <class... Signatures>
using interface = caf::typed_actor<typename framework::signature<Signatures>::type...>;

namespace framework {

/// Who prints a message. None is ever sent to another process, so nobody writes or reads one as bytes.
template <class Inspector>
concept printer = std::is_same_v<Inspector, caf::detail::stringification_inspector>;

} // namespace framework

/// CAF's inspection of every described struct of this namespace, from its one description.
template <framework::printer Inspector, framework::described T>
auto inspect(Inspector& inspector, T& value) {
  using members = boost::describe::describe_members<T, boost::describe::mod_public>;
  return [&]<class... Members>(boost::mp11::mp_list<Members...>) {
    return inspector(caf::meta::type_name("message"), value.*Members::pointer...);
  }(boost::mp11::mp_rename<members, boost::mp11::mp_list>{});
}

/// A text that is shared is a text to whoever looks into the message.
template <framework::printer Inspector>
auto inspect(Inspector& inspector, shared_text& value) {
  auto text = value.get();
  return inspector(caf::meta::type_name("text"), text);
}

} // namespace workspace_supervisor

/// CAF's word for messages that stay within the process.
template <workspace_supervisor::framework::described T>
struct caf::allowed_unsafe_message_type<T> : std::true_type {};

namespace workspace_supervisor {

namespace framework {

// Debian's CAF is not built for ThreadSanitizer, which so cannot see that a mailbox orders what happens
// before a message is sent and after it is received, nor the counting of an actor's references. These tell
// it.
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

/// The clock that actors' timers stand on, besides what CAF itself asks of one. Whoever schedules actors here
/// has one of this kind. Any thread.
class timer_clock : public caf::actor_clock {
public:
  /// When a timer is due, and which one of those due then it is.
  struct timer_name {
    time_point due;
    std::uint64_t number = 0;
    auto operator<=>(const timer_name&) const = default;
  };

  /// Tells `actor` that the timer `name` is due, then. Keeps no actor alive.
  virtual void set_timer(timer_name name, caf::weak_actor_ptr actor) = 0;
  /// Forgets a timer; one that has been due already is ignored.
  virtual void cancel_timer(timer_name name) = 0;

  /// A number that no other timer of this clock has.
  std::uint64_t next_number() noexcept { return last_number_.fetch_add(1, std::memory_order_relaxed) + 1; }

private:
  std::atomic<std::uint64_t> last_number_{0};
};

/// Makes the actor that receives it throw at once: fault injection.
struct injected_crash {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(injected_crash, (), (text))

using workspace_supervisor::inspect;

/// The base of every actor: observes its messages, answers the requester when a handler throws (CAF 0.17
/// leaves him without an answer), has timers that call a function, and gives its end the exception's text.
template <class Base>
class hooked_actor : public Base {
public:
  explicit hooked_actor(caf::actor_config& config)
      : Base(config) {
    this->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& exception) {
        return caf::make_error(caf::sec::runtime_error, std::string{exception.what()});
      } catch (...) {
        return caf::make_error(caf::sec::runtime_error, std::string{"an exception of unknown type"});
      }
    });
  }

  ~hooked_actor() override { take_over(this); }

  /// From now on `observer` is told of every message, and kept for as long as anybody holds this actor.
  /// Called once, at the start.
  void observe(std::shared_ptr<message_observer> observer) noexcept {
    observed_ = std::move(observer);
    observer_.store(observed_.get(), std::memory_order_release);
  }

  using Base::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    if (auto* observer = observer_.load(std::memory_order_acquire))
      observer->enqueued();
    hand_over(element.get());
    Base::enqueue(std::move(element), unit);
  }

  /// Calls `function` on this actor once `delay` has passed. @returns what `cancel` takes.
  template <class Rep, class Period, class Function>
  std::uint64_t after(std::chrono::duration<Rep, Period> delay, Function function) {
    const timer_clock::timer_name name{std::chrono::steady_clock::now() +
                                           std::chrono::duration_cast<std::chrono::nanoseconds>(delay),
                                       timers_clock().next_number()};
    timers_.push_back({name, std::move(function)});
    timers_clock().set_timer(name, caf::weak_actor_ptr{this->ctrl()});
    return name.number;
  }

  /// Forgets a timer; an unknown or past one is ignored.
  void cancel(std::uint64_t timer) {
    const auto found = find_timer(timer);
    if (found == timers_.end())
      return;
    timers_clock().cancel_timer(found->name);
    timers_.erase(found);
  }

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    for (const auto& timer : std::exchange(timers_, {}))
      timers_clock().cancel_timer(timer.name);
    timers_clock().cancel_timeouts(this); // CAF leaves them until they are due
    const bool first = Base::cleanup(std::move(reason), host);
    hand_over(this);
    return first;
  }

protected:
  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    // When a handler throws, CAF looks there for whom to answer; it would find the message before this one,
    // long freed, where nobody but `Base::consume` sets it: not for a timer, not for an injected crash.
    this->current_element_ = &element;
    take_over(&element);
    const auto id = element.mid;
    const auto sender = id.is_request() ? element.sender : nullptr;
    if (id.is_response()) // CAF leaves the time-out of what has been answered until it is due
      timers_clock().cancel_request_timeout(this, id);
    auto* observer = observer_.load(std::memory_order_relaxed);
    try {
      if (observer)
        observer->before_message();
      auto result = dispatch(element);
      if (observer)
        observer->after_message();
      hand_over(this);
      return result;
    } catch (...) {
      if (observer)
        observer->after_message();
      element.mid.mark_as_answered();
      if (sender)
        sender->enqueue(nullptr, id.response_id(),
                        caf::make_message(caf::make_error(caf::sec::request_receiver_down)), nullptr);
      throw;
    }
  }

private:
  caf::invoke_message_result dispatch(caf::mailbox_element& element) {
    auto& content = element.content();
    if (content.template match_elements<timer_due>()) {
      const auto found = find_timer(content.template get_as<timer_due>(0).id);
      if (found != timers_.end()) {
        auto function = std::move(found->function);
        timers_.erase(found);
        function();
      }
      return caf::invoke_message_result::consumed;
    }
    if (content.template match_elements<injected_crash>())
      throw std::runtime_error(content.template get_as<injected_crash>(0).text);
    return Base::consume(element);
  }

  struct timer {
    timer_clock::timer_name name;
    std::function<void()> function;
  };

  auto find_timer(std::uint64_t number) {
    return std::find_if(timers_.begin(), timers_.end(),
                        [number](const timer& entry) { return entry.name.number == number; });
  }
  timer_clock& timers_clock() { return static_cast<timer_clock&>(this->system().scheduler().clock()); }

  std::atomic<message_observer*> observer_{nullptr};
  std::shared_ptr<message_observer> observed_; ///< the same
  std::vector<timer> timers_;                  ///< those that are set
};

} // namespace framework

/// The class of an actor with this interface and this state; a spawn function takes a pointer to it.
template <class Interface, class State>
using actor_of = caf::stateful_actor<State, framework::hooked_actor<typename Interface::base>>;

/// The state of an actor, for `self` as the spawn function has it.
template <class Self>
auto& state_of(Self* self) {
  return self->state;
}

/// An answer that is given later. When it is destroyed without one (its actor crashed), the requester gets an
/// error and asks again: CAF 0.17 would leave him waiting.
template <class Reply>
class promised {
public:
  promised() = default;
  template <class Self>
  explicit promised(Self* self)
      : promise_(self->template make_response_promise<Reply>()) {}
  promised(promised&& other) noexcept
      : promise_(std::exchange(other.promise_, {})) {}
  promised& operator=(promised&& other) noexcept {
    if (this != &other) {
      abandon();
      promise_ = std::exchange(other.promise_, {});
    }
    return *this;
  }
  ~promised() { abandon(); }

  /// What the handler returns.
  caf::result<Reply> result() const { return promise_; }
  void deliver(Reply reply) {
    if (promise_.pending())
      promise_.deliver(std::move(reply));
    promise_ = {};
  }

private:
  void abandon() noexcept {
    if (promise_.pending())
      promise_.deliver(caf::make_error(caf::sec::request_receiver_down));
    promise_ = {};
  }

  caf::typed_response_promise<Reply> promise_;
};

/// Makes the actor behind `handle` throw when it comes to this message.
template <class Handle>
void crash_actor(const Handle& handle, const std::string& text) {
  caf::anon_send(caf::actor_cast<caf::actor>(handle), framework::injected_crash{text});
}

} // namespace workspace_supervisor
