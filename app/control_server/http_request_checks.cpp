#include "app/control_server/http_session.hpp"

#include <boost/beast/http/error.hpp>

#include <algorithm>

// Which requests a session serves, and what it says of those that it does not.

namespace workspace_supervisor {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

bool is_health(boost::beast::string_view target) {
  return target == "/healthz" || target.starts_with("/healthz?");
}

std::string lower(boost::beast::string_view text) {
  std::string result{text};
  for (auto& character : result)
    if (character >= 'A' && character <= 'Z')
      character = static_cast<char>(character - 'A' + 'a');
  return result;
}

} // namespace

/// What is said of a request that could not be read; nothing when there is nobody to say it to.
std::optional<control_answer> http_session::answer_for(error_code error) const {
  const auto& limits = core_->options.limits;
  if (error == net::error::timed_out)
    return error_answer(408, "the request did not come whole within " +
                                 std::to_string(limits.owed.count() / 1000) + " s");
  if (error == http::error::end_of_stream)
    return std::nullopt;
  if (error == http::error::partial_message)
    return error_answer(400, "the request ends in its middle");
  if (error == http::error::body_limit)
    return error_answer(413, "a body has at most " + std::to_string(limits.body) + " bytes");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return error_answer(400, "a request's head has at most " + std::to_string(limits.header) + " bytes");
  if (error.category() == http::make_error_code(http::error::bad_target).category())
    return error_answer(400, "this is not HTTP/1.1: " + error.message());
  return std::nullopt;
}

std::optional<control_answer> http_session::check_head(const request_parser& parser) const {
  const auto& request = parser.get();
  if (health_only_ && !is_health(request.target()))
    return error_answer(503, "too many connections are open; this place is kept for /healthz");
  if (listener_->tcp) {
    if (auto refusal = check_tcp(parser))
      return refusal;
  } else {
    const auto& users = core_->options.users;
    if (!peer_.known || (peer_.user != 0 && std::find(users.begin(), users.end(), peer_.user) == users.end()))
      return error_answer(403, "processes of this user are not served here");
  }
  if (request.target().empty() || request.target().front() != '/')
    return error_answer(400, "a request's target is a path that begins with '/'");
  return std::nullopt;
}

std::optional<control_answer> http_session::check_tcp(const request_parser& parser) const {
  const auto& request = parser.get();
  if (request.count(http::field::host) != 1)
    return error_answer(400, "a request has one Host header");
  if (!known_host(lower(request[http::field::host])))
    return error_answer(421, "asked under a name that is not this listener's; control.http-hosts adds names");
  if (lower(request["Sec-Fetch-Site"]) == "cross-site")
    return error_answer(403, "pages of other sites are not served");
  if (request.method() != http::verb::get) {
    auto refusal = error_answer(405, "only GET is served over TCP; all else over the Unix socket");
    refusal.headers.push_back({"Allow", "GET"});
    return refusal;
  }
  return std::nullopt;
}

/// Whether `host`, in lower case, is a name of ours: without a port, or with the listener's.
bool http_session::known_host(const std::string& host) const {
  const auto bracket = host.rfind(']');
  const auto colon = host.find(':', bracket == std::string::npos ? 0 : bracket);
  const auto name = host.substr(0, colon);
  const auto port = colon == std::string::npos ? std::string{} : host.substr(colon + 1);
  const auto& further = core_->options.http_hosts;
  for (const auto& entry : further) // one that names its port is taken at its word
    if (lower(entry) == host)
      return true;
  if (!port.empty() && port != std::to_string(listener_->port))
    return false;
  const auto is = [&name](const std::string& ours) {
    return !ours.empty() && (name == ours || name == '[' + ours + ']');
  };
  return is("localhost") || is(lower(listener_->address)) || is(local_address_) ||
         std::any_of(further.begin(), further.end(), [&](const auto& entry) { return is(lower(entry)); });
}

} // namespace workspace_supervisor
