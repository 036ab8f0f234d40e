#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace workspace_supervisor {

/// How a step on a connection that never blocks ended.
enum class io_status {
  done,
  want_read,  ///< to be repeated when the socket is readable
  want_write, ///< to be repeated when the socket is writable
  ended,      ///< the peer ended the stream in an orderly way
  failed
};

struct io_result {
  io_status status = io_status::failed;
  std::size_t bytes = 0;
  std::string error; ///< when failed
};

/// What lets the next connection to the same origin resume its session; owned by that origin.
class tls_session_slot {
public:
  tls_session_slot() = default;
  tls_session_slot(const tls_session_slot&) = delete;
  tls_session_slot& operator=(const tls_session_slot&) = delete;
  ~tls_session_slot() { clear(); }
  void clear();

private:
  friend class tls_channel;
  friend class tls_context;
  void* session_ = nullptr; ///< an SSL_SESSION
};

/// The client's side of one TLS connection on a socket that does not block. To be used on a thread that has
/// SIGPIPE blocked: OpenSSL writes to a socket by write(2).
class tls_channel {
public:
  tls_channel(const tls_channel&) = delete;
  tls_channel& operator=(const tls_channel&) = delete;
  /// Says good-bye to the peer if the connection was sound; does not wait for an answer.
  ~tls_channel();

  /// On failure the error says what is wrong with the certificate, where that is the cause.
  io_result handshake();
  io_result read(char* data, std::size_t size);
  io_result write(const char* data, std::size_t size);
  /// @returns whether bytes lie in here, read from the socket but not by `read`.
  bool has_pending() const;

private:
  friend class tls_context;
  tls_channel(void* ssl, std::shared_ptr<tls_session_slot> slot);
  io_result outcome(int returned, std::size_t bytes);

  void* ssl_; ///< an SSL
  std::shared_ptr<tls_session_slot> slot_;
  bool sound_ = true;
  bool connected_ = false;
};

/// What all TLS connections share: trusted certificates and options. Costs some hundred kilobytes: made when
/// the first connection needs it.
class tls_context {
public:
  /// @param ca_file PEM file of trusted certificates, "" for the system's store
  /// @returns nothing, and in `error` why, when the trusted certificates cannot be read
  static std::unique_ptr<tls_context> make(const std::string& ca_file, std::string& error);
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;
  ~tls_context();

  /// Begins a connection to `host` (name or address, which its certificate must be for) on the connected,
  /// non-blocking socket `descriptor`, which the caller closes after the channel is gone.
  /// @returns nothing, and in `error` why, on failure
  std::unique_ptr<tls_channel> open(int descriptor, const std::string& host,
                                    std::shared_ptr<tls_session_slot> slot, std::string& error);

private:
  explicit tls_context(void* context)
      : context_(context) {}

  void* context_; ///< an SSL_CTX
};

} // namespace workspace_supervisor
