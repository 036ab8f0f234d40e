#include "actors/notifier/notifier_policy.hpp"

#include "actors/text/json_text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

namespace workspace_supervisor {

namespace {

constexpr double hour = 3600;
constexpr double longest_retry_delay = 300;
constexpr std::size_t deepest_answer = 64; // the parser recurses

} // namespace

delivery classify_delivery(const attempt_outcome& outcome) {
  if (!outcome.answered) {
    // The agent's turn may well be running: it must not be started twice.
    return outcome.acknowledged ? delivery::delivered : delivery::again;
  }
  if (outcome.status >= 200 && outcome.status <= 299) {
    return outcome.jsonrpc_error ? delivery::dropped : delivery::delivered;
  }
  switch (outcome.status) {
  case 504: // the platform gave up waiting for an agent that has the message
    return delivery::delivered;
  case 400:
  case 403:
  case 404:
  case 405:
  case 410:
  case 413:
  case 422:
    return delivery::dropped;
  default:
    return delivery::again;
  }
}

bool is_jsonrpc_error(const std::string& body) {
  std::string buffer;
  const std::string_view readable = replace_half_surrogates(body, buffer);
  boost::json::parse_options options;
  options.max_depth = deepest_answer;
  options.allow_invalid_utf8 = true;
  boost::json::error_code failure;
  const auto value = boost::json::parse({readable.data(), readable.size()}, failure, {}, options);
  if (failure || !value.is_object()) {
    return false;
  }
  const auto* error = value.as_object().if_contains("error");
  return error != nullptr && !error->is_null();
}

self_message_time next_self_message(const outbox& box, const self_message_limits& limits, double now) {
  // A time ahead of now was written before the clock was set back. How long ago it really was nobody knows;
  // it counts for nothing, as anything else would hold messages back until the clock has caught up.
  double after_cooldown = now;
  if (box.last_delivered_start > 0 && box.last_delivered_start <= now) {
    after_cooldown = std::max(now, box.last_delivered_start + limits.cooldown);
  }
  std::vector<double> last_hour;
  for (const double at : box.recent_messages) {
    if (at <= now && at > now - hour) {
      last_hour.push_back(at);
    }
  }
  const std::size_t bound = limits.max_per_hour > 0 ? static_cast<std::size_t>(limits.max_per_hour) : 1;
  double after_hour = now;
  if (last_hour.size() >= bound) {
    // The next may go when as many of them are an hour old as leave one free place.
    std::sort(last_hour.begin(), last_hour.end());
    after_hour = last_hour[last_hour.size() - bound] + hour;
  }
  self_message_time next;
  next.at = std::max(after_cooldown, after_hour);
  next.hour_is_full = after_hour > after_cooldown;
  return next;
}

double retry_delay(int attempts, double random, std::int64_t retry_after_ms) {
  if (retry_after_ms >= 0)
    return std::clamp(static_cast<double>(retry_after_ms) / 1000, 1.0, longest_retry_delay);
  const int doublings = std::clamp(attempts, 1, 10) - 1; // 2^9 s is above the longest delay already
  const double delay = std::min(std::ldexp(1.0, doublings), longest_retry_delay);
  return delay * (0.75 + 0.25 * random);
}

} // namespace workspace_supervisor
