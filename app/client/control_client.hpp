#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace workspace_supervisor {

/// What the supervisor answered.
struct control_reply {
  int status = 0;
  std::string body;
};

/// Where a call did not lead to an answer.
enum class control_trouble {
  none,
  no_socket,      ///< there is no such file
  nobody_listens, ///< the file is left of a supervisor that is gone
  forbidden,      ///< the file's mode keeps us out
  bad_path,       ///< longer than a socket's path can be
  no_answer,      ///< connected, but the time ran out
  broken          ///< closed before the answer's end, or no HTTP
};

struct control_result {
  control_trouble trouble = control_trouble::none;
  std::string error; ///< what the system says of the trouble
  control_reply reply;
};

/// Calls of the control API over its Unix socket, a connection each. Blocks the caller.
class control_client {
public:
  explicit control_client(std::string socket_path)
      : path_{std::move(socket_path)} {}

  const std::string& path() const noexcept { return path_; }

  /// `body`: JSON text; "" sends none. `patience`: for the whole call.
  control_result call(const std::string& method, const std::string& target, const std::string& body,
                      std::chrono::milliseconds patience) const;
  /// Reads a stream line by line (without line ends) until it ends or `take` returns false. `patience`: for
  /// the answer's beginning, and for each silence after it. An answer that is no 200 comes back whole.
  control_result stream(const std::string& target, std::chrono::milliseconds patience,
                        const std::function<bool(const std::string& line)>& take) const;

private:
  std::string path_;
};

/// Percent-encoded for a path or a query.
std::string percent_encoded(const std::string& text);

} // namespace workspace_supervisor
