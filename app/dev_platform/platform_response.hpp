#pragma once

#include "app/dev_platform/platform_state.hpp"

namespace workspace_supervisor {

/// An answer on its way to the wire.
struct platform_response {
  platform_response(int status_code, std::string text)
      : status(status_code)
      , body(std::move(text)) {}

  int status;
  std::string body;
  bool keep_alive = true;
  std::string content_type = "application/json";
  /// Replace what the platform sets itself, where the names are equal.
  std::vector<std::pair<std::string, std::string>> headers;

  std::string text() const; ///< head and body
};

/// The response that a fault asks for, where it is a whole one; records its status, and with the right answer
/// its effect.
platform_response faulty_response(platform_state& state, std::uint64_t seq, const platform_call& call,
                                  const platform_fault& fault);

std::string large_body_head(const platform_fault& fault, std::size_t size);
/// At most `length` bytes from `at` on of a JSON array that is `size` bytes long.
std::string large_body_piece(std::size_t at, std::size_t length, std::size_t size);
/// Framed for a chunked body; the last one when empty.
std::string chunk(const std::string& data);

} // namespace workspace_supervisor
