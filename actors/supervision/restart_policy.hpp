#pragma once

#include <chrono>
#include <optional>

namespace workspace_supervisor {

/// How often a child may be restarted, and how soon.
struct restart_policy {
  using duration = std::chrono::steady_clock::duration;
  int max_restarts = 10;                      ///< in a row; at the next one the supervisor gives up
  duration within = std::chrono::seconds{60}; ///< a child that ran for so long starts the row anew
  duration backoff_min =
      std::chrono::milliseconds{100}; ///< before the second restart in a row, then doubling
  duration backoff_max = std::chrono::seconds{30};
};

/// The restarts of one child in a row. A value; the time is passed in.
class restart_intensity {
public:
  using time = std::chrono::steady_clock::time_point;

  /// The child was started (or restarted) at `now`.
  void started(time now) {
    started_ = now;
    has_started_ = true;
  }
  bool has_started() const { return has_started_; }
  /// The child ended at `now`. @returns after which delay it is restarted, or nothing: the supervisor gives
  /// up.
  std::optional<restart_policy::duration> ended(const restart_policy& policy, time now);
  /// Restarts in a row so far.
  int in_a_row() const { return in_a_row_; }

private:
  time started_{};
  bool has_started_ = false;
  int in_a_row_ = 0;
};

} // namespace workspace_supervisor
