#include "app/control/call.hpp"

#include "app/control/body.hpp"
#include "app/control_server/http_server.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace workspace_supervisor {

namespace {

/// Where a call is served.
enum class served { everywhere, over_sockets, over_the_control_socket };

struct route {
  std::string_view method;
  std::string_view path; ///< of what stands after the workspace, where there is one
  control_call call;
  served where = served::over_sockets;
  std::array<std::string_view, 2> parameters{}; ///< of its query; "" where there are fewer
};

constexpr std::array plain_routes{
    route{"GET", "/", control_call::page, served::everywhere},
    route{"GET", "/healthz", control_call::healthz, served::everywhere},
    route{"GET", "/readyz", control_call::readyz, served::everywhere},
    route{"GET", "/metrics", control_call::metrics, served::everywhere},
    route{"GET", "/v1/stats", control_call::stats, served::everywhere},
    route{"GET", "/v1/workspaces", control_call::workspaces, served::everywhere},
    route{"GET", "/v1/events", control_call::events, served::everywhere, {"recent"}},
    route{"POST", "/v1/reload", control_call::reload, served::over_the_control_socket},
    route{"POST", "/v1/debug/crash", control_call::crash, served::over_the_control_socket},
};
constexpr std::array workspace_routes{
    route{"GET", "", control_call::workspace, served::everywhere},
    route{"PUT", "", control_call::put_workspace, served::over_the_control_socket},
    route{"DELETE", "", control_call::remove_workspace, served::over_the_control_socket},
    route{"PUT", "activity", control_call::activity},
    route{"POST", "outcomes", control_call::outcomes},
    route{"PUT", "runtime-state", control_call::runtime_state},
    route{"PUT", "runtime-metadata", control_call::runtime_metadata},
    route{"PUT", "token", control_call::token},
    route{"GET", "attach", control_call::attach},
    route{"POST", "detach", control_call::detach},
    route{"POST", "progress", control_call::progress},
    route{"POST", "agent/restart", control_call::agent_restart},
    route{"POST", "agent/start", control_call::agent_start},
    route{"POST", "agent/stop", control_call::agent_stop},
    route{"POST", "beat", control_call::beat},
    route{"GET", "results", control_call::results, served::over_sockets, {"after", "limit"}},
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

/// The route of this path and method; of the path alone, where it has no such method. `allowed`: all methods
/// of the path.
template <class Routes>
const route* find(const Routes& routes, std::string_view path, std::string_view method,
                  std::string& allowed) {
  const route* found = nullptr;
  for (const auto& route : routes) {
    if (route.path != path)
      continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string{route.method};
    if (!found || route.method == method)
      found = &route;
  }
  return found;
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

std::optional<control_target> parse_target(const control_request& request) {
  const std::string_view target = request.target;
  control_target result;
  const auto question = target.find('?');
  const auto path = target.substr(0, question);
  if (question != std::string_view::npos && !parse_query(target.substr(question + 1), result.query))
    return std::nullopt;
  std::string allowed;
  const route* found = find(plain_routes, path, request.method, allowed);
  if (!found && path.substr(0, workspace_prefix.size()) == workspace_prefix) {
    const auto rest = path.substr(workspace_prefix.size());
    const auto slash = rest.find('/');
    auto workspace = decode(rest.substr(0, slash));
    if (!workspace)
      return std::nullopt;
    const auto after = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (!workspace->empty() && (slash == std::string_view::npos || !after.empty()))
      found = find(workspace_routes, after, request.method, allowed);
    if (found)
      result.workspace = std::move(*workspace);
  }
  if (found) {
    result.call = found->call;
    result.allowed = std::move(allowed);
  }
  return result;
}

std::optional<control_answer> refuse(const control_request& request, const control_target& target) {
  const auto* route = find(target.call);
  if (!route)
    return error_answer(404, "there is no such call; docs/control-api.md lists all");
  if (request.read_only && route->where != served::everywhere)
    return error_answer(404, "this is served over the Unix socket alone");
  if (!request.workspace.empty() && route->where == served::over_the_control_socket)
    return error_answer(404, "a socket of one workspace does not serve this");
  if (request.method != route->method) {
    auto answer = error_answer(405, "the method of this call is " + target.allowed);
    answer.headers.push_back({"Allow", target.allowed});
    return answer;
  }
  std::vector<std::string> known;
  for (const auto parameter : route->parameters)
    if (!parameter.empty())
      known.emplace_back(parameter);
  for (const auto& [name, value] : target.query)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return error_answer(400, unknown_text("parameter", name, known));
  return std::nullopt;
}

} // namespace workspace_supervisor
