#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace workspace_supervisor {

/// When the next beat is due. A value: the actor keeps it, its successor goes on with it, a test passes the
/// time in.
class beat_schedule {
public:
  using time = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  struct policy {
    duration interval{};                           ///< between ticks
    duration retry_min{};                          ///< first delay after a failed beat
    duration liveness_ttl{};                       ///< Retry-After is honoured up to half of it
    duration change_gap = std::chrono::seconds{1}; ///< least time between the starts of beats for changes
  };

  beat_schedule() = default;
  /// The first beat is due at `origin`, which fixes the phase for good.
  beat_schedule(policy policy, time origin);

  bool started() const { return started_; }
  /// When the next beat is due; a past time means now, `time::max()` never.
  time due() const;
  /// No beat is due until `let_go`.
  void hold() { held_ = true; }
  /// The first beat is due, at `now` where its time has passed meanwhile; ticks count from there.
  void let_go(time now);
  /// A change of what beats say: a beat is due at once, at most one a `change_gap`; while beats fail it waits
  /// for the retry.
  void changed(time now);
  /// A beat begins at `now`; changes until now are in it.
  void begun(time now);
  /// Whoever began the last beat is gone: what it was to tell is told by another.
  void resumed();
  /// The beat that began last was delivered. @returns how many failures in a row it ended.
  int delivered(time now);
  /// The beat that began last failed. `random` in [0, 1) is the jitter, `retry_after` what the platform asked
  /// for.
  /// @returns the number of failures in a row.
  int failed(time now, double random, std::optional<duration> retry_after);
  /// There is a reason to think that the next attempt will not fail as the last one did: while beats fail it
  /// is due at once, at most once a `change_gap`.
  void prompted(time now);
  int failures() const { return failures_; }

private:
  /// The first tick after `now`.
  time tick_after(time now) const;

  policy policy_;
  time origin_{};
  time next_{}; ///< the next tick, or the retry while failing
  time last_begun_{};
  bool started_ = false;
  bool held_ = false;
  time last_change_begun_{}; ///< valid with `told_change_`
  bool told_change_ = false; ///< a beat for a change has begun once
  bool change_waiting_ = false;
  bool change_under_way_ = false; ///< told by the beat that is under way
  int failures_ = 0;
  time last_prompted_{}; ///< valid with `was_prompted_`
  bool was_prompted_ = false;
};

} // namespace workspace_supervisor
