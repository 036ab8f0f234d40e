#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace workspace_supervisor {

/// An answer as a test sees it.
struct client_answer {
  int status = 0;                             ///< 0: none came whole
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;
};

/// A blocking client that sends whatever bytes it is given; every wait ends within `patience`.
class control_client {
public:
  static constexpr std::chrono::milliseconds patience{30000};

  /// @throws std::runtime_error when nobody listens.
  explicit control_client(const std::string& socket);
  explicit control_client(std::uint16_t port);
  control_client(control_client&& other) noexcept;
  control_client(const control_client&) = delete;
  ~control_client();

  /// @returns whether all was taken.
  bool send(const std::string& bytes);
  /// No more will be sent.
  void end_sending();
  client_answer read_answer();
  /// Reads until `text` has come, or `limit` is over, whatever else comes meanwhile. @returns whether it has.
  bool read_until(const std::string& text, std::chrono::milliseconds limit = patience);
  /// Whether the server closes the connection, reading what comes until then.
  bool ends();
  /// What was read beyond the last answer.
  const std::string& unread() const { return buffer_; }
  int descriptor() const { return descriptor_; }

  client_answer call(const std::string& method, const std::string& target, const std::string& json = {});
  client_answer get(const std::string& target) { return call("GET", target); }

private:
  bool read_more(std::chrono::milliseconds limit = patience);
  int descriptor_ = -1;
  std::string buffer_;
};

} // namespace workspace_supervisor
