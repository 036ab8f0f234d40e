#pragma once

#include "actors/http/http_async.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// Connecting to one of several addresses: tries them in turn, the next one when one has failed or has kept
/// us waiting, and takes the first that answers (RFC 8305).
class http_dialler final : public std::enable_shared_from_this<http_dialler> {
public:
  /// @param patience the time for all of them, which the caller watches over
  http_dialler(const loop_executor& executor, const std::vector<std::string>& addresses, std::uint16_t port,
               std::chrono::milliseconds patience);

  /// @returns a connected socket; nothing when none answered (`error` says why) or it was cancelled.
  loop_task<std::optional<tcp_socket>> dial();
  /// Has `dial` return soon.
  void cancel();

  /// The address that answered.
  const std::string& address() const { return address_; }
  const std::string& error() const { return error_; }

private:
  struct attempt {
    std::size_t index; ///< of the address
    tcp_socket socket;
  };

  void begin(std::size_t index);
  void ended(std::size_t index, const boost::system::error_code& error);
  void failed(std::size_t index, const std::string& why) { error_ = addresses_[index] + ": " + why; }

  const std::uint16_t port_;
  const std::vector<std::string> addresses_;
  const std::chrono::milliseconds head_start_; ///< of each address before the next is tried beside it
  loop_timer change_;                          ///< its wait ends when an attempt does
  std::list<attempt> under_way_;
  std::optional<tcp_socket> connected_;
  bool cancelled_ = false;
  std::string address_;
  std::string error_;
};

} // namespace workspace_supervisor
