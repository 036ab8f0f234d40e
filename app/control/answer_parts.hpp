#pragma once

#include "app/control/answers.hpp"
#include "app/control_server/http_server.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <utility>

namespace workspace_supervisor {

// What the answers to all calls are made with; used by the control actor alone.

using control_self = actor_of<control_interface, control_actor_state>*;
/// Answers the call, once.
using control_reply = std::function<void(control_answer)>;

/// How long an actor that is down is waited for.
inline constexpr std::chrono::seconds actor_patience{10};

inline control_answer json_answer(std::string body, int status = 200) {
  control_answer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

inline control_answer done_answer() {
  return json_answer("{\"ok\":true}\n");
}

inline control_answer down_answer(const char* actor, const std::string& error) {
  return error_answer(503, std::string{"the actor "} + actor + " gives no answer: " + error);
}

} // namespace workspace_supervisor
