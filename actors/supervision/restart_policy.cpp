#include "actors/supervision/restart_policy.hpp"

#include <algorithm>

namespace workspace_supervisor {

std::optional<restart_policy::duration> restart_intensity::ended(const restart_policy& policy, time now) {
  if (now - started_ >= policy.within)
    in_a_row_ = 0;
  if (in_a_row_ >= policy.max_restarts)
    return std::nullopt;
  ++in_a_row_;
  if (in_a_row_ == 1)
    return restart_policy::duration::zero();
  auto delay = policy.backoff_min;
  for (int doubled = 2; doubled < in_a_row_ && delay < policy.backoff_max; ++doubled)
    delay *= 2;
  return std::min(delay, policy.backoff_max);
}

} // namespace workspace_supervisor
