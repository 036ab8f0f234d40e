#include "actors/workspace/platform_url.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/scheme.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace workspace_supervisor {

namespace {

namespace urls = boost::urls;

constexpr std::size_t longest_host = 253;

constexpr const char* no_ipv6 = "the brackets hold no IPv6 address";
constexpr const char* no_port = "what follows the host is no port from 1 to 65535";

bool is_no_url_character(char c) {
  return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f ||
         std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos;
}

/// Narrower than a URL's, which may be any text: a name that a resolver and a certificate can know.
bool is_host_name(std::string_view host) {
  constexpr std::string_view characters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  return host.size() <= longest_host && host.front() != '.' && host.find("..") == std::string_view::npos &&
         host.find_first_not_of(characters) == std::string_view::npos;
}

/// What a person would want to know of a URL that Boost.URL refuses without saying why. `rest` follows the
/// scheme.
const char* why_refused(std::string_view rest) {
  if (std::any_of(rest.begin(), rest.end(), is_no_url_character))
    return "it has a character that must be percent-encoded";
  if (!urls::make_pct_string_view({rest.data(), rest.size()}))
    return "a '%' is not followed by two hexadecimal digits";
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos)
    return "it has user information";
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos)
      return "']' is missing after the IPv6 address";
    return urls::parse_ipv6_address({authority.data() + 1, end - 1}) ? no_port : no_ipv6;
  }
  return no_port;
}

std::uint16_t default_port(bool tls) {
  return tls ? 443 : 80;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return text;
}

/// @returns nullptr with `url` filled in, or what is wrong.
const char* read_url(std::string_view text, platform_url& url) {
  const std::size_t scheme_end = std::min(text.find("://"), text.size());
  const urls::scheme scheme = urls::string_to_scheme({text.data(), scheme_end});
  if (scheme_end == text.size() || (scheme != urls::scheme::http && scheme != urls::scheme::https))
    return "it does not begin with http:// or https://";
  url.tls = scheme == urls::scheme::https;

  const auto read = urls::parse_uri({text.data(), text.size()});
  if (!read)
    return why_refused(text.substr(scheme_end + 3));
  if (read->has_userinfo())
    return "it has user information";
  if (read->has_query())
    return "it has a query";
  if (read->has_fragment())
    return "it has a fragment";

  url.host = lower(read->host_address());
  if (url.host.empty())
    return "the host is missing";
  if (read->host_type() == urls::host_type::ipvfuture)
    return no_ipv6;
  if (read->host_type() == urls::host_type::name && !is_host_name(url.host))
    return "the host is neither a name nor an address";
  url.port = read->has_port() ? read->port_number() : default_port(url.tls);
  if (url.port == 0)
    return no_port;

  // Boost.URL 1.81 takes for a path also what follows a host or a port with no '/' between.
  url.prefix = std::string(read->encoded_path().data(), read->encoded_path().size());
  if (!url.prefix.empty() && url.prefix.front() != '/')
    return no_port;
  while (url.prefix.ends_with('/'))
    url.prefix.pop_back();
  return nullptr;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

} // namespace

std::string platform_url::origin() const {
  return (tls ? "https://" : "http://") + bracketed(host) + ":" + std::to_string(port);
}

std::string platform_url::host_header() const {
  return port == default_port(tls) ? bracketed(host) : bracketed(host) + ":" + std::to_string(port);
}

bool platform_url::parse(const std::string& text, platform_url& url, std::string& error) {
  platform_url parsed;
  if (const char* problem = read_url(text, parsed)) {
    error = problem;
    return false;
  }
  url = std::move(parsed);
  return true;
}

std::string encode_path_segment(const std::string& text) {
  return urls::encode(text, urls::unreserved_chars);
}

} // namespace workspace_supervisor
