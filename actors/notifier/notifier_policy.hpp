#pragma once

#include "messages/delegation.hpp"

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// What a failed or finished attempt means for the message.
enum class delivery { delivered, dropped, again };

/// How an HTTP attempt ended, without the HTTP: see `classify_delivery`.
struct attempt_outcome {
  bool answered = false; ///< a status came
  int status = 0;
  bool acknowledged = false;  ///< no answer in time, but the request is known to have arrived whole
  bool jsonrpc_error = false; ///< a 2xx whose body is a JSON-RPC error
};

/// Delivered: 2xx without a JSON-RPC error, 504, arrived whole but unanswered. Dropped: 400, 403, 404, 405,
/// 410, 413, 422, and a 2xx with a JSON-RPC error. Everything else is tried again.
delivery classify_delivery(const attempt_outcome& outcome);

/// Whether `body` is a JSON object with an `error` that is not null.
bool is_jsonrpc_error(const std::string& body);

/// When a new self-message may be opened.
struct self_message_limits {
  double cooldown = 60;  ///< seconds from the start of the last delivered one
  int max_per_hour = 30; ///< in a sliding hour, from when each was opened
};
struct self_message_time {
  double at = 0;             ///< seconds since the epoch; <= now: at once
  bool hour_is_full = false; ///< the hourly bound, not the cooldown, makes it wait: a suspected loop
};
/// `box.recent_messages` and `box.last_delivered_start` decide; a clock set back never delays by more than
/// the limits.
self_message_time next_self_message(const outbox& box, const self_message_limits& limits, double now);

/// Delay before attempt number `attempts + 1` after `attempts` failed ones, in seconds: 1 s, doubling, at
/// most 5 min, times a jitter of 0.75 to 1 given by `random` in [0, 1). What the other side asks for
/// (`retry_after_ms`, negative: nothing) goes before that, between 1 s and 5 min.
double retry_delay(int attempts, double random, std::int64_t retry_after_ms = -1);

} // namespace workspace_supervisor
