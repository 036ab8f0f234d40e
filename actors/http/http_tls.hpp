#pragma once

#include "actors/http/http_async.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <string>

namespace workspace_supervisor {

using tls_stream = boost::asio::ssl::stream<tcp_socket&>;

/// What lets the next connection to the same origin resume its session; owned by that origin.
class tls_session_slot {
public:
  tls_session_slot() = default;
  tls_session_slot(const tls_session_slot&) = delete;
  tls_session_slot& operator=(const tls_session_slot&) = delete;
  ~tls_session_slot() { clear(); }

  /// Has the next handshake of `stream` resume the session kept here, if there is one, and keep its own one
  /// here. The slot outlives the stream.
  void use_for(tls_stream& stream);
  /// Keeps `session`, which is its own from now on, in the place of an earlier one.
  void keep(SSL_SESSION* session);
  void clear();

private:
  SSL_SESSION* session_ = nullptr;
};

/// What all TLS connections share: trusted certificates and options. Costs some hundred kilobytes: made when
/// the first connection needs it.
/// @param ca_file PEM file of trusted certificates, "" for the system's store
/// @returns nothing, and in `error` why, when the trusted certificates cannot be read
std::unique_ptr<boost::asio::ssl::context> make_tls_context(const std::string& ca_file, std::string& error);

/// Begins a connection on `socket` to `host` (a name or an address), which its certificate must be for.
/// @returns nothing, and in `error` why, on failure
std::unique_ptr<tls_stream> make_tls_stream(boost::asio::ssl::context& context, tcp_socket& socket,
                                            std::string host, std::string& error);

/// @returns whether bytes that the peer sent lie in here, not read yet.
bool has_more(tls_stream& stream);

/// @returns what went wrong in the handshake of `stream`, which ended with `error`.
std::string handshake_problem(tls_stream& stream, const boost::system::error_code& error);

} // namespace workspace_supervisor
