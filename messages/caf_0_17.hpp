#pragma once

// CAF 0.17, which Debian 12 has: how it names what messages/caf.hpp offers.

#include "messages/actor_hooks.hpp"
#include "messages/message_list.hpp"
#include "messages/shared_text.hpp"

#include <boost/mp11.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/detail/stringification_inspector.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/system_messages.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <string>
#include <type_traits>
#include <utility>

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

/// Who prints a message. None is ever sent to another process, so nobody writes or reads one as bytes.
template <class Inspector>
concept printer = std::is_same_v<Inspector, caf::detail::stringification_inspector>;

template <class T>
concept message = described<T> && boost::mp11::mp_contains<message_list, T>::value;

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
template <workspace_supervisor::framework::message T>
struct caf::allowed_unsafe_message_type<T> : std::true_type {};

namespace workspace_supervisor::framework {

using workspace_supervisor::inspect;

/// Tells an actor that its timer of this number is due.
inline void tell_due(caf::actor_control_block& actor, std::uint64_t timer) {
  actor.enqueue(nullptr, caf::make_message_id(), caf::make_message(timer_due{timer}), nullptr);
}

/// What an actor ended of: the text of the exception, if it was one.
inline std::string error_text(caf::actor_system& system, const caf::error& reason) {
  if (reason.category() == caf::atom("system") && reason.context().match_elements<std::string>())
    return reason.context().get_as<std::string>(0);
  return system.render(reason);
}

/// The base of every actor: answers the requester when a handler throws, whom CAF 0.17 leaves without an
/// answer.
template <class Base>
class hooked_actor : public observed_actor<Base> {
public:
  using super = observed_actor<Base>;
  using super::super;

  using super::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    this->hook_enqueued(element.get());
    super::enqueue(std::move(element), unit);
  }

  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    this->hook_end();
    this->system().scheduler().clock().cancel_timeouts(this); // CAF leaves them until they are due
    const bool first = super::cleanup(std::move(reason), host);
    hand_over(this);
    return first;
  }

protected:
  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    // When a handler throws, CAF looks there for whom to answer; it would find the message before this one,
    // long freed, where nobody but `super::consume` sets it: not for a timer, not for an injected crash.
    this->current_element_ = &element;
    take_over(&element);
    const auto id = element.mid;
    const auto sender = id.is_request() ? element.sender : nullptr;
    if (id.is_response()) // CAF leaves the time-out of what has been answered until it is due
      this->system().scheduler().clock().cancel_request_timeout(this, id);
    try {
      this->hook_before();
      const auto result = this->hook_dispatch(element.content()) ? caf::invoke_message_result::consumed
                                                                 : super::consume(element);
      this->hook_after();
      hand_over(this);
      return result;
    } catch (...) {
      this->hook_after();
      element.mid.mark_as_answered();
      if (sender)
        sender->enqueue(nullptr, id.response_id(),
                        caf::make_message(caf::make_error(caf::sec::request_receiver_down)), nullptr);
      throw;
    }
  }
};

template <class Interface, class State>
using hooked_actor_of = caf::stateful_actor<State, hooked_actor<typename Interface::base>>;

} // namespace workspace_supervisor::framework
