#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// What the poller remembers of the answers it has dealt with.
struct poll_memory {
  std::uint64_t last_body = 0;               ///< hash of the last answer that was dealt with whole; 0: none
  std::vector<std::uint64_t> handled;        ///< sorted hashes of the listed keys that are recorded
  std::vector<std::string> reported_foreign; ///< delegation ids already logged, newest last, bounded
  std::chrono::steady_clock::time_point next_due{};
  bool started = false;
};

} // namespace workspace_supervisor
