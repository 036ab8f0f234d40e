#pragma once

#include "actors/workspace/context.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <unordered_map>

namespace workspace_supervisor {

class json_writer;

/// What became of each workspace's beats in each of the last 60 minutes, for the status page. Read off the
/// probes every now and then, so that a beat costs nothing for it; some 500 bytes a workspace. The control
/// actor alone uses it; it outlives that actor.
class beat_history {
public:
  static constexpr std::size_t minutes = 60;
  /// How often `sample` wants to be called. A latency between two calls is seen only if it is the last one.
  static constexpr std::chrono::seconds pause{10};

  /// Takes in what has happened since the last call. `now`: seconds since the epoch.
  void sample(const process_context& process, double now);
  /// Writes the workspace's minutes as an object, the oldest first, the running one last.
  void write(json_writer& json, workspace_number workspace) const;

private:
  struct minute {
    std::uint16_t delivered = 0;
    std::uint16_t failed = 0;
    float latency = 0; ///< the longest seen, seconds
  };
  struct record {
    std::uint32_t delivered = 0; ///< as last read
    std::uint32_t failed = 0;
    std::array<minute, minutes> ring{};
  };
  void turn_to(std::int64_t minute_now);

  std::unordered_map<workspace_number, record> records_;
  std::int64_t first_ = 0; ///< minutes since the epoch
  std::int64_t last_ = 0;
};

} // namespace workspace_supervisor
