#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace workspace_supervisor {

/// How an answer was read.
struct raw_answer {
  bool whole = false; ///< head and body came as they were announced
  bool reset = false; ///< the connection was reset
  int status = 0;     ///< 0: no status line came
  std::string head;
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;                           ///< without chunk framing
};

/// A blocking socket that speaks just enough HTTP to test a server; every read ends within 30 s.
class raw_client {
public:
  /// @throws std::runtime_error when nobody listens. With `ca_file`: TLS, verified for `host`.
  explicit raw_client(std::uint16_t port, const std::string& ca_file = "",
                      const std::string& host = "127.0.0.1");
  raw_client(raw_client&&) noexcept;
  ~raw_client();

  bool send(const std::string& bytes);
  raw_answer read_answer();
  /// Everything up to the connection's end.
  std::string read_to_end();
  /// Whether the server closes the connection with nothing more to say.
  bool ends() { return read_to_end().empty(); }
  /// Whether an answer is there within that time.
  bool readable_within(int milliseconds);

  raw_answer get(const std::string& target, const std::string& token);
  raw_answer post(const std::string& target, const std::string& token, const std::string& json,
                  const std::vector<std::pair<std::string, std::string>>& headers = {});

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
