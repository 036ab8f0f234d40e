#include "app/control/call.hpp"

#include "app/control_server/http_server.hpp"

#include <array>
#include <vector>

namespace workspace_supervisor {

namespace {

struct route {
  std::string_view method;
  std::string_view path; ///< of what stands after the workspace, where there is one
  control_call call;
  bool over_tcp;
};

constexpr std::array plain_routes{
    route{"GET", "/", control_call::page, true},
    route{"GET", "/healthz", control_call::healthz, true},
    route{"GET", "/readyz", control_call::readyz, true},
    route{"GET", "/metrics", control_call::metrics, true},
    route{"GET", "/v1/stats", control_call::stats, true},
    route{"GET", "/v1/workspaces", control_call::workspaces, true},
    route{"GET", "/v1/events", control_call::events, true},
    route{"POST", "/v1/debug/crash", control_call::crash, false},
};
constexpr std::array workspace_routes{
    route{"GET", "", control_call::workspace, true},
    route{"PUT", "activity", control_call::activity, false},
    route{"POST", "outcomes", control_call::outcomes, false},
    route{"PUT", "runtime-state", control_call::runtime_state, false},
    route{"PUT", "runtime-metadata", control_call::runtime_metadata, false},
    route{"PUT", "token", control_call::token, false},
    route{"GET", "attach", control_call::attach, false},
    route{"POST", "detach", control_call::detach, false},
    route{"POST", "progress", control_call::progress, false},
    route{"POST", "agent/restart", control_call::agent_restart, false},
    route{"POST", "agent/start", control_call::agent_start, false},
    route{"POST", "agent/stop", control_call::agent_stop, false},
    route{"POST", "beat", control_call::beat, false},
    route{"GET", "results", control_call::results, false},
};
constexpr std::string_view workspace_prefix = "/v1/workspaces/";

int digit(char character) {
  if (character >= '0' && character <= '9')
    return character - '0';
  if (character >= 'a' && character <= 'f')
    return character - 'a' + 10;
  if (character >= 'A' && character <= 'F')
    return character - 'A' + 10;
  return -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string result;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] != '%') {
      result += text[index];
      continue;
    }
    const int high = index + 2 < text.size() ? digit(text[index + 1]) : -1;
    const int low = index + 2 < text.size() ? digit(text[index + 2]) : -1;
    if (high < 0 || low < 0)
      return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    index += 2;
  }
  return result;
}

bool parse_query(std::string_view text, std::map<std::string, std::string>& query) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals));
    auto value = decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
    if (!name || !value)
      return false;
    query[*name] = *value;
  }
  return true;
}

template <class Routes>
const route* find(const Routes& routes, std::string_view path) {
  for (const auto& route : routes)
    if (route.path == path)
      return &route;
  return nullptr;
}

const route* find(control_call call) {
  for (const auto& route : plain_routes)
    if (route.call == call)
      return &route;
  for (const auto& route : workspace_routes)
    if (route.call == call)
      return &route;
  return nullptr;
}

} // namespace

std::optional<control_target> parse_target(std::string_view target) {
  control_target result;
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  if (question != std::string_view::npos && !parse_query(target.substr(question + 1), result.query))
    return std::nullopt;
  const route* found = find(plain_routes, path);
  if (!found && path.substr(0, workspace_prefix.size()) == workspace_prefix) {
    const auto rest = path.substr(workspace_prefix.size());
    const auto slash = rest.find('/');
    auto workspace = decode(rest.substr(0, slash));
    if (!workspace)
      return std::nullopt;
    const auto after = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (!workspace->empty() && (slash == std::string_view::npos || !after.empty()))
      found = find(workspace_routes, after);
    if (found)
      result.workspace = std::move(*workspace);
  }
  if (found) {
    result.call = found->call;
    result.allowed = std::string{found->method};
  }
  return result;
}

std::optional<control_answer> refuse(const control_request& request, const control_target& target) {
  const auto* route = find(target.call);
  if (!route)
    return error_answer(404, "there is no such call; docs/control-api.md lists all");
  if (request.read_only && !route->over_tcp)
    return error_answer(404, "this is served over the Unix socket alone");
  if (!request.workspace.empty() && target.call == control_call::crash)
    return error_answer(404, "a socket of one workspace does not serve this");
  if (request.method != route->method) {
    auto answer = error_answer(405, "the method of this call is " + target.allowed);
    answer.headers.push_back({"Allow", target.allowed});
    return answer;
  }
  return std::nullopt;
}

} // namespace workspace_supervisor
