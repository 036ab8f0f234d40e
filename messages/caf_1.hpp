#pragma once

// CAF 1.x, from 1.1 on: how it names what messages/caf.hpp offers.

#include "messages/actor_hooks.hpp"
#include "messages/message_list.hpp"

#include <boost/mp11.hpp>
#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/behavior.hpp>
#include <caf/detail/make_meta_object.hpp>
#include <caf/detail/meta_object.hpp>
#include <caf/disposable.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/scheduler.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace workspace_supervisor::framework {

template <class Signature>
struct signature;
template <class Request>
struct signature<void(Request)> {
  using type = caf::result<void>(Request);
};
template <class Reply, class Request>
struct signature<Reply(Request)> {
  using type = caf::result<Reply>(Request);
};

template <class T>
concept message = boost::mp11::mp_contains<message_list, T>::value;

/// The name of a type, for CAF's own errors.
template <class T>
constexpr std::string_view message_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  return name.substr(0, name.find_first_of(";]"));
}

} // namespace workspace_supervisor::framework

/// Messages stay within the process, so nobody writes or reads one as bytes.
template <workspace_supervisor::framework::message T>
struct caf::allowed_unsafe_message_type<T> : std::true_type {};
template <workspace_supervisor::framework::message T>
struct caf::type_id<T> {
  static constexpr type_id_t value =
      first_custom_type_id + boost::mp11::mp_find<workspace_supervisor::message_list, T>::value;
};
template <workspace_supervisor::framework::message T>
struct caf::type_name<T> {
  static constexpr std::string_view value = workspace_supervisor::framework::message_name<T>();
};

namespace workspace_supervisor::framework {

/// Tells CAF of every type in `List`, each of which is complete here. Once in a process, before its first
/// actor system; later calls do nothing.
template <class List>
void register_messages() {
  static const bool once = [] {
    caf::core::init_global_meta_objects();
    []<class... Messages>(boost::mp11::mp_list<Messages...>) {
      const caf::detail::meta_object objects[] = {
          caf::detail::make_meta_object<Messages>(caf::type_name_v<Messages>)...};
      caf::detail::set_global_meta_objects(caf::first_custom_type_id, caf::make_span(objects));
    }(List{});
    return true;
  }();
  static_cast<void>(once);
}

/// Tells an actor that its timer of this number is due.
inline void tell_due(caf::actor_control_block& actor, std::uint64_t timer) {
  actor.enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(), timer_due{timer}), nullptr);
}

/// What an actor ended of: the text of the exception, if it was one.
inline std::string error_text(caf::actor_system&, const caf::error& reason) {
  if (reason.category() == caf::type_id_v<caf::sec> && reason.context().match_elements<std::string>())
    return reason.context().get_as<std::string>(0);
  return caf::to_string(reason);
}

/// The base of every actor: has let go of its state when somebody hears of its end (CAF 1.x tells first), so
/// that a successor finds files and locks free.
template <class Base>
class hooked_actor : public observed_actor<Base> {
public:
  using super = observed_actor<Base>;
  using super::super;

  using super::enqueue;
  bool enqueue(caf::mailbox_element_ptr element, caf::scheduler* scheduler) override {
    this->hook_enqueued(element.get());
    return super::enqueue(std::move(element), scheduler);
  }

  // One turn. CAF's own has no place before and after a message.
  caf::resumable::resume_result resume(caf::scheduler* scheduler, std::size_t messages) override {
    if (this->getf(caf::abstract_actor::is_terminated_flag))
      return caf::resumable::done; // its mailbox is closed, and would never block
    this->context(scheduler);
    if (!this->initialized() && !goes_on_after([this] { this->initialize(); }))
      return caf::resumable::done;
    while (messages > 0) {
      if (const auto element = this->mailbox().pop_front()) {
        if (!handle(*element))
          return caf::resumable::done;
        --messages;
      } else if (this->mailbox().try_block()) {
        return caf::resumable::awaiting_message;
      }
    }
    return this->mailbox().try_block() ? caf::resumable::awaiting_message : caf::resumable::resume_later;
  }

  // CAF leaves the time-outs of requests that nobody answers any more until they are due, and each keeps the
  // actor alive.
  void add_multiplexed_response_handler(caf::message_id response, caf::behavior handler,
                                        caf::disposable timeout) override {
    if (timeout.valid())
      timeouts_.emplace_back(response, timeout);
    super::add_multiplexed_response_handler(response, std::move(handler), std::move(timeout));
  }

  void on_cleanup(const caf::error& reason) override {
    let_go();
    super::on_cleanup(reason);
    hand_over(this);
  }

private:
  /// @returns whether the actor goes on
  bool handle(caf::mailbox_element& element) {
    take_over(&element);
    this->current_element_ = &element;
    if (element.mid.is_response())
      std::erase_if(timeouts_, [&](const auto& entry) { return entry.first == element.mid; });
    const bool goes_on = goes_on_after([&] {
      this->hook_before();
      if (!this->hook_dispatch(element.content()))
        this->consume(element); // nobody skips a message
    });
    this->current_element_ = nullptr;
    hand_over(this);
    return goes_on;
  }

  /// The actor ends when `step` throws, or leaves nothing to wait for.
  template <class Step>
  bool goes_on_after(Step step) {
    try {
      step();
    } catch (...) {
      auto thrown = std::current_exception();
      auto error = this->call_handler(this->exception_handler_, this, thrown);
      this->make_response_promise().deliver(caf::make_error(caf::sec::request_receiver_down));
      this->quit(std::move(error));
    }
    if (this->current_element_)
      this->hook_after();
    this->bhvr_stack_.cleanup();
    if (!this->alive()) {
      let_go();
      this->on_exit();
    }
    return !this->finalize();
  }

  /// Of timers and time-outs; a second time there are none.
  void let_go() {
    this->hook_end();
    for (auto& [response, timeout] : std::exchange(timeouts_, {}))
      timeout.dispose();
  }

  std::vector<std::pair<caf::message_id, caf::disposable>> timeouts_; ///< of requests that wait
};

/// An actor with a state, which it lets go of once.
template <class Interface, class State>
class hooked_actor_of : public hooked_actor<typename Interface::base> {
public:
  using super = hooked_actor<typename Interface::base>;

  explicit hooked_actor_of(caf::actor_config& config)
      : super(config) {
    if constexpr (std::is_default_constructible_v<State>)
      held_.emplace();
    else
      held_.emplace(this);
  }

  const char* name() const override { return State::name; }
  void on_exit() override { held_.reset(); }
  State& state() noexcept { return *held_; }

private:
  std::optional<State> held_;
};

} // namespace workspace_supervisor::framework
