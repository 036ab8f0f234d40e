#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// Takes an HTTP/1.1 answer apart as it comes: of the supervisor's own server, which sends a length or ends
/// the connection, and no chunks.
class http_reply_reader {
public:
  void take(std::string_view piece);
  /// The connection has ended.
  void end();
  bool complete() const noexcept { return complete_; }
  /// What is wrong with the answer; "" as long as nothing is.
  const std::string& error() const noexcept { return error_; }
  int status() const noexcept { return status_; } ///< 0 before the head has been read
  /// What came of the body since the last call.
  std::string take_body();

private:
  void read_head(std::string_view head);

  std::string head_;
  std::string body_;
  std::string error_;
  std::optional<std::uint64_t> left_; ///< of the body; nothing: until the end
  int status_ = 0;
  bool complete_ = false;
};

} // namespace workspace_supervisor
