#pragma once

#include "app/control/body.hpp"
#include "app/control/call.hpp"
#include "app/control_server/http_server.hpp"

namespace workspace_supervisor {

/// Answers as the control actor does, as far as it looks at what was asked: 204 where it would go on.
inline control_answer answer_call(const control_request& request) {
  const auto target = parse_target(request);
  if (!target)
    return error_answer(400, "the target is not percent-encoded as it should be");
  if (auto refusal = refuse(request, *target))
    return *refusal;
  control_answer done;
  done.status = 204;
  const auto of_body = [&](const auto& read) {
    const auto* refusal = std::get_if<control_answer>(&read);
    return refusal ? *refusal : done;
  };
  switch (target->call) {
  case control_call::activity:
    return of_body(read_activity(request));
  case control_call::outcomes:
    return of_body(read_outcomes(request));
  case control_call::runtime_state:
    return of_body(read_runtime_state(request));
  case control_call::runtime_metadata:
    return of_body(read_runtime_metadata(request));
  case control_call::progress:
    return of_body(read_progress(request));
  case control_call::token:
    return of_body(read_token_body(request));
  case control_call::crash:
    return of_body(read_crash(request));
  case control_call::put_workspace:
    return of_body(read_put_workspace(request));
  case control_call::results:
    for (const auto& [name, value] : target->query)
      if (!parse_number(value, 0, 1000))
        return error_answer(400, unknown_text("value", value, {}));
    return done;
  default:
    return done;
  }
}

} // namespace workspace_supervisor
