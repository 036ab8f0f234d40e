#include "actors/http/http_request_text.hpp"

#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace workspace_supervisor {

namespace {

namespace http = boost::beast::http;

bool is_control(unsigned char c) {
  return (c < ' ' && c != '\t') || c == 0x7f;
}

bool is_token_character(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

/// Visible ASCII: nothing that could end the request line early.
bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

/// What the engine says itself, or would have to understand.
constexpr std::array own_fields{
    http::field::host,         http::field::user_agent,     http::field::accept,
    http::field::content_type, http::field::content_length, http::field::transfer_encoding,
    http::field::connection,   http::field::expect,         http::field::upgrade,
    http::field::te,           http::field::trailer};

bool is_set_by_engine(std::string_view name) {
  return std::find(own_fields.begin(), own_fields.end(), http::string_to_field({name.data(), name.size()})) !=
         own_fields.end();
}

} // namespace

std::string check_request(const http_request& request) {
  if (!is_token(request.method))
    return "refused: the method is not a token";
  if (request.url.host.empty() || request.url.port == 0 || !is_visible(request.url.host))
    return "refused: the URL has no usable host and port";
  if (!request.target.starts_with('/') || !is_visible(request.target) || !is_visible(request.url.prefix))
    return "refused: the target does not begin with '/' or is not percent-encoded";
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name))
      return "refused: a header's name is not a token";
    if (is_set_by_engine(name))
      return "refused: header " + name + " is set by the engine";
    if (std::any_of(value.begin(), value.end(), is_control))
      return "refused: the value of header " + name + " has a control character";
  }
  return {};
}

void write_request(const http_request& request, const std::string& user_agent, std::string& text) {
  text.clear();
  text.append(request.method).append(1, ' ').append(request.url.prefix).append(request.target);
  text.append(" HTTP/1.1\r\nHost: ").append(request.url.host_header());
  if (!user_agent.empty())
    text.append("\r\nUser-Agent: ").append(user_agent);
  text.append("\r\nAccept: application/json");
  if (request.fresh_connection)
    text.append("\r\nConnection: close");
  if (!request.body.empty())
    text.append("\r\nContent-Type: application/json");
  if (!request.body.empty() || request.method != "GET")
    text.append("\r\nContent-Length: ").append(std::to_string(request.body.size()));
  for (const auto& [name, value] : request.headers)
    text.append("\r\n").append(name).append(": ").append(value);
  text.append("\r\n\r\n").append(request.body);
}

std::string without_control_characters(const std::string& text) {
  std::string clean;
  std::copy_if(text.begin(), text.end(), std::back_inserter(clean),
               [](unsigned char c) { return c >= ' ' && c < 0x7f; });
  return clean;
}

} // namespace workspace_supervisor
