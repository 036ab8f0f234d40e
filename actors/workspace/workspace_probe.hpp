#pragma once

#include "actors/supervision/actor_probe.hpp"

#include <atomic>
#include <cstdint>

namespace workspace_supervisor {

enum class workspace_status : std::uint8_t { starting, online, unreachable, unauthorized, failed };

using counter = std::atomic<std::uint32_t>;

/// What is counted of one workspace beyond its actors. Written by the actors it names, read by any thread.
struct workspace_probe {
  std::atomic<workspace_status> status{workspace_status::starting};

  // heartbeat
  counter beats_sent{0};
  counter beats_failed{0};
  counter beats_consecutive_failures{0};
  std::atomic<double> last_delivered{0}; ///< seconds since the epoch; 0: never
  std::atomic<double> last_latency{0};   ///< seconds
  duration_histogram<26> beat_latency;   ///< of delivered beats, up to 33 s

  // token
  std::atomic<bool> token_present{false};
  counter token_refreshes{0};

  // delegation poller
  counter polls{0};
  counter poll_failures{0};
  counter new_completed{0};
  counter new_failed{0};
  counter foreign_rows{0};
  counter malformed_rows{0};
  counter filing_failures{0};

  // notifier
  counter messages_delivered{0};
  counter messages_failed{0}; ///< attempts that are made again
  counter messages_dropped{0};
  counter notifications_delivered{0};
  counter notifications_failed{0};
  counter notifications_dropped{0};
  std::atomic<bool> suspected_loop{false};
};

/// Histograms over all workspaces of a process, so that one more workspace costs none.
struct process_probe {
  duration_histogram<26> beat_latency;
  duration_histogram<26> poll_latency;
  duration_histogram<28> self_message_latency; ///< up to 134 s
  std::atomic<bool> store_durable{true};
};

} // namespace workspace_supervisor
