#pragma once

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// An http or https base URL taken apart: what `workspace.platform-url` must be.
struct platform_url {
  bool tls = false;
  std::string host; ///< name or address, without brackets
  std::uint16_t port = 0;
  std::string prefix; ///< path prefix, "" or "/a/b": never ends with '/'

  /// "https://host:port": what connections and resolved addresses are shared by.
  std::string origin() const;
  /// What goes into the Host header (no default port, brackets round an IPv6 address).
  std::string host_header() const;

  /// User information, query and fragment are refused.
  /// @returns false with `error` set to what is wrong ("it has a query"), which repeats nothing of `text`:
  /// what stands before '@' is likely a secret.
  static bool parse(const std::string& text, platform_url& url, std::string& error);
};

/// Percent-encodes everything but RFC 3986's unreserved characters: one path segment.
std::string encode_path_segment(const std::string& text);

} // namespace workspace_supervisor
