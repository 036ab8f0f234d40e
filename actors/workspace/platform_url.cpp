#include "actors/workspace/platform_url.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <string_view>

namespace workspace_supervisor {

namespace {

constexpr std::size_t longest_host = 253;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_unreserved(char c) {
  return is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool parse_scheme(std::string_view& rest, bool& tls) {
  const std::size_t end = rest.find("://");
  if (end == std::string_view::npos)
    return false;
  std::string scheme(rest.substr(0, end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
  if (scheme != "http" && scheme != "https")
    return false;
  tls = scheme == "https";
  rest.remove_prefix(end + 3);
  return true;
}

bool valid_ipv6(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool valid_name(const std::string& host) {
  return !host.empty() && host.size() <= longest_host && host.front() != '.' &&
         host.find("..") == std::string::npos && std::all_of(host.begin(), host.end(), [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
         });
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > 65535)
    return false;
  port = static_cast<std::uint16_t>(value);
  return true;
}

/// RFC 3986's pchar and '/', with whole percent escapes.
bool valid_path(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') {
      if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2]))
        return false;
      i += 2;
    } else if (!is_unreserved(path[i]) &&
               std::string_view("!$&'()*+,;=:@/").find(path[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::uint16_t default_port(bool tls) {
  return tls ? 443 : 80;
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
  std::string_view rest = text;
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c >= 0x7f; })) {
    error = "has white space, a control character or a character beyond ASCII";
    return false;
  }
  if (!parse_scheme(rest, parsed.tls)) {
    error = "does not begin with http:// or https://";
    return false;
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    error = "has a query or a fragment";
    return false;
  }
  const std::size_t path_begin = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, path_begin);
  std::string_view path = rest.substr(path_begin);
  if (authority.find('@') != std::string_view::npos) {
    error = "has user information before the host"; // which is likely a secret: not repeated
    return false;
  }

  std::string_view after_host;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) {
      error = "has an opening bracket without a closing one";
      return false;
    }
    parsed.host = authority.substr(1, end - 1);
    after_host = authority.substr(end + 1);
    if (!valid_ipv6(parsed.host)) {
      error = "has no IPv6 address between the brackets";
      return false;
    }
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    parsed.host = authority.substr(0, end);
    after_host = authority.substr(end);
    if (!valid_name(parsed.host)) {
      error = parsed.host.empty() ? "has no host" : "has a host that is neither a name nor an address";
      return false;
    }
  }
  std::transform(parsed.host.begin(), parsed.host.end(), parsed.host.begin(), lower);

  parsed.port = default_port(parsed.tls);
  if (after_host.size() > 1 || (!after_host.empty() && after_host.front() != ':')) {
    if (after_host.front() != ':' || !parse_port(after_host.substr(1), parsed.port)) {
      error = "has a port that is not a number from 1 to 65535";
      return false;
    }
  }

  if (!valid_path(path)) {
    error = "has a path with a character that must be percent-encoded";
    return false;
  }
  while (path.ends_with('/'))
    path.remove_suffix(1);
  parsed.prefix = path;
  url = std::move(parsed);
  return true;
}

std::string encode_path_segment(const std::string& text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

} // namespace workspace_supervisor
