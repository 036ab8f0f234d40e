#include "tests/fuzz/control/control_call.hpp"
#include "tests/support/fuzz_input.hpp"

#include <boost/json/parse.hpp>

#include <array>

using namespace workspace_supervisor;

namespace {

/// In the seeds and the words; no text of ours has it.
constexpr std::string_view secret = "secret-token-1234";
constexpr std::string_view token_target = "/v1/workspaces/ws-1/token";

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> calls{{
    {"PUT", "/v1/workspaces/ws-1/activity"},
    {"POST", "/v1/workspaces/ws-1/outcomes"},
    {"PUT", "/v1/workspaces/ws-1/runtime-state"},
    {"PUT", "/v1/workspaces/ws-1/runtime-metadata"},
    {"POST", "/v1/workspaces/ws-1/progress"},
    {"PUT", token_target},
    {"PUT", "/v1/workspaces/ws-2"},
    {"POST", "/v1/debug/crash"},
    {"GET", "/v1/workspaces/ws-1/results?"},
    {"GET", "/v1/workspaces/"},
    {"GET", "/"},
}};

/// Whether the secret is a member's name, which is no token: of a wrong name it is told what it is.
bool is_named(const std::string& body) {
  boost::system::error_code error;
  const auto value = boost::json::parse(body, error);
  if (error || !value.is_object())
    return false;
  for (const auto& member : value.get_object())
    if (std::string_view(member.key()).find(secret) != std::string_view::npos)
      return true;
  return false;
}

} // namespace

/// A call with any target or body is taken, or refused in the form of all errors, whose message is UTF-8 and,
/// of a token's, has nothing of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  const auto call = input.below(calls.size());
  const auto flags = input.byte();
  control_request request;
  request.method = calls[call].first;
  request.target = calls[call].second;
  request.content_type = flags & 1 ? "application/json; charset=utf-8" : "application/json";
  request.read_only = flags & 2;
  request.workspace = flags & 4 ? "ws-1" : "";
  if (request.method == "GET")
    request.target += input.rest();
  else
    request.body = input.rest();
  const auto answer = answer_call(request);
  must(answer.status == 204 || (answer.status >= 400 && answer.status < 500), "it is taken or refused");
  if (answer.status == 204)
    return 0;
  boost::system::error_code error;
  const auto body = boost::json::parse(answer.body, error);
  must(!error && is_utf8(answer.body), "a refusal is JSON", answer.body);
  const auto& told = body.at("error").at("message").as_string();
  must(!told.empty(), "and says why", answer.body);
  if (calls[call].second == token_target && !is_named(request.body))
    must(told.find(secret) == std::string::npos, "a token is not repeated", told);
  return 0;
}
