#include "actors/heartbeat/beat_schedule.hpp"

#include <algorithm>
#include <utility>

namespace workspace_supervisor {

beat_schedule::beat_schedule(policy policy, time origin)
    : policy_{policy}
    , origin_{origin}
    , next_{origin}
    , started_{true} {}

beat_schedule::time beat_schedule::due() const {
  if (held_)
    return time::max();
  if (failures_ > 0 || !change_waiting_)
    return next_;
  return std::min(next_, told_change_ ? last_change_begun_ + policy_.change_gap : last_begun_);
}

void beat_schedule::let_go(time now) {
  if (!std::exchange(held_, false))
    return;
  origin_ = next_ = std::max(next_, now);
}

void beat_schedule::changed(time) {
  change_waiting_ = true;
}

void beat_schedule::begun(time now) {
  last_begun_ = now;
  if (change_waiting_) {
    last_change_begun_ = now;
    told_change_ = true;
  }
  change_under_way_ = std::exchange(change_waiting_, false);
  // Should the actor crash under way, its successor finds the beat overdue: `next_` moves on only at the end.
}

void beat_schedule::resumed() {
  change_waiting_ = change_waiting_ || std::exchange(change_under_way_, false);
}

int beat_schedule::delivered(time now) {
  change_under_way_ = false;
  next_ = tick_after(std::max(now, last_begun_));
  return std::exchange(failures_, 0);
}

int beat_schedule::failed(time now, double random, std::optional<duration> retry_after) {
  change_under_way_ = false; // the retry tells it
  ++failures_;
  auto delay = policy_.retry_min;
  for (int doubled = 1; doubled < failures_ && delay < policy_.interval; ++doubled)
    delay *= 2;
  delay = std::min(delay, policy_.interval);
  // Jitter only shortens: a retry never comes later than the interval allows.
  delay = std::chrono::duration_cast<duration>(delay * (0.75 + 0.25 * random));
  if (retry_after)
    delay = std::max(delay, std::min(*retry_after, policy_.liveness_ttl / 2));
  next_ = now + delay;
  return failures_;
}

void beat_schedule::prompted(time now) {
  if (failures_ == 0)
    return;
  // One that is still to come stands for this one too.
  if (!was_prompted_ || last_prompted_ <= now) {
    last_prompted_ = was_prompted_ ? std::max(now, last_prompted_ + policy_.change_gap) : now;
    was_prompted_ = true;
  }
  next_ = std::min(next_, last_prompted_);
}

beat_schedule::time beat_schedule::tick_after(time now) const {
  if (now < origin_)
    return origin_;
  return origin_ + ((now - origin_) / policy_.interval + 1) * policy_.interval;
}

} // namespace workspace_supervisor
