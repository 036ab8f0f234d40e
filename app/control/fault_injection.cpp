#include "app/control/fault_injection.hpp"

#include "app/control/body.hpp"
#include "app/control_server/http_server.hpp"

#include <string>
#include <utility>

namespace workspace_supervisor {

namespace {

/// @param actors what has `each_address`: the process, or a workspace.
template <class Actors>
std::optional<control_answer> crash_one_of(Actors& actors, const std::string& name,
                                           const std::string& expected) {
  std::optional<control_answer> refusal;
  bool known = false;
  std::string names;
  actors.each_address([&](auto actor, const auto& place) {
    names += (names.empty() ? "" : ", ") + std::string{name_of(actor)};
    if (name_of(actor) != name)
      return;
    known = true;
    if (const auto handle = place.get())
      crash_actor(handle, "crash ordered over the control API");
    else
      refusal = error_answer(503, "the actor " + name + " is down already");
  });
  if (!known)
    return error_answer(400, "actor: " + expected + names);
  return refusal;
}

} // namespace

std::optional<control_answer> order_crash(process_context& process, const control_request& request) {
  if (!process.configuration.supervisor.fault_injection)
    return error_answer(403, "fault injection is off; supervisor.fault-injection = true turns it on");
  auto body = read_crash(request);
  if (auto* refusal = std::get_if<control_answer>(&body))
    return std::move(*refusal);
  const auto& order = std::get<crash_body>(body);
  if (order.workspace.empty())
    return crash_one_of(process, order.actor, "expected, without a workspace, one of ");
  const auto context = process.workspaces.find(order.workspace);
  if (!context)
    return error_answer(404, "there is no such workspace");
  return crash_one_of(*context, order.actor, "expected one of ");
}

} // namespace workspace_supervisor
