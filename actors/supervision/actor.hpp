#pragma once

#include "actors/supervision/address.hpp"
#include "messages/caf.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <pthread.h>
#include <string>
#include <string_view>
#include <utility>

namespace workspace_supervisor {

namespace framework {

template <class Function>
struct argument_of : argument_of<decltype(&Function::operator())> {};
template <class Class, class Result, class Argument>
struct argument_of<Result (Class::*)(Argument) const> {
  using type = std::decay_t<Argument>;
};

template <class Self, class Interface, class Request, class OnReply, class OnFailure>
struct asking {
  Self* self;
  const address<Interface>* to;
  Request request;
  std::chrono::steady_clock::time_point give_up;
  OnReply on_reply;
  OnFailure on_failure;
  std::chrono::milliseconds pause{5};
};

template <class Asking>
void ask_again(std::shared_ptr<Asking> state) {
  const auto later = [state] {
    if (std::chrono::steady_clock::now() + state->pause > state->give_up)
      return state->on_failure("no answer: it is down");
    const auto pause =
        std::exchange(state->pause, std::min(2 * state->pause, std::chrono::milliseconds{500}));
    state->self->after(pause, [state] { ask_again(state); });
  };
  const auto handle = state->to->get();
  if (!handle)
    return later();
  using reply = typename argument_of<decltype(state->on_reply)>::type;
  state->self->request(handle, caf::infinite, state->request)
      .then([state](reply& answer) { state->on_reply(std::move(answer)); },
            [later](caf::error&) { later(); });
}

} // namespace framework

/// Names the calling thread, for whoever looks at the process from outside: at most 15 characters. For actors
/// with a thread of their own, at their start.
inline void name_this_thread(std::string_view name) noexcept {
  ::pthread_setname_np(::pthread_self(), name.data());
}

/// How long a request is made again while the actor it is for is down.
inline constexpr std::chrono::hours for_ever{24 * 365};

/// Asks whichever actor stands at `to`. Is it down, or does it crash over the request, the request is made
/// again to its successor for as long as `patience`; then `on_failure` gets a text. Called on `self`'s
/// thread, and calls there. `on_reply` takes the reply by value: `[=](token_state state) { ... }`.
template <class Self, class Interface, class Request, class Patience, class OnReply, class OnFailure>
void ask(Self* self, const address<Interface>& to, Request request, Patience patience, OnReply on_reply,
         OnFailure on_failure) {
  using state = framework::asking<Self, Interface, Request, OnReply, OnFailure>;
  framework::ask_again(std::make_shared<state>(state{self, &to, std::move(request),
                                                     std::chrono::steady_clock::now() + patience,
                                                     std::move(on_reply), std::move(on_failure)}));
}

} // namespace workspace_supervisor
