#pragma once

/// What differs between versions of CAF stands behind this header and nowhere else: 0.17, which Debian 12
/// has, and 1.x from 1.1 on. Actors are written once.

#include <caf/config.hpp>

// 1.x says its CAF_VERSION in another way, and 1.1.0 a wrong one.
#if !defined(CAF_VERSION_MAJOR) && CAF_VERSION >= 1700 && CAF_VERSION < 1800
#define WORKSPACE_SUPERVISOR_CAF_1 0
#include "messages/caf_0_17.hpp"
#elif defined(CAF_VERSION_MAJOR) && CAF_VERSION_MAJOR == 1 && CAF_VERSION_MINOR >= 1
#define WORKSPACE_SUPERVISOR_CAF_1 1
#include "messages/caf_1.hpp"
#else
#error "Expected CAF 0.17, or 1.x from 1.1 on: docs/building.md says how to have one."
#endif

#include <caf/actor_cast.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/typed_response_promise.hpp>

#include <string>
#include <utility>

namespace workspace_supervisor {

/// A typed actor interface made of function types: `interface<reply(request), void(event)>`.
template <class... Signatures>
using interface = caf::typed_actor<typename framework::signature<Signatures>::type...>;

/// The class of an actor with this interface and this state; a spawn function takes a pointer to it.
template <class Interface, class State>
using actor_of = framework::hooked_actor_of<Interface, State>;

/// The state of an actor, for `self` as the spawn function has it.
template <class Self>
auto& state_of(Self* self) {
#if WORKSPACE_SUPERVISOR_CAF_1
  return self->state();
#else
  return self->state;
#endif
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
