#include "app/stats/beat_history.hpp"

#include "app/stats/json_writer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace workspace_supervisor {

namespace {

std::size_t place_of(std::int64_t minute) {
  return static_cast<std::size_t>(minute) % beat_history::minutes;
}

std::uint16_t added(std::uint16_t sum, std::uint32_t more) {
  constexpr std::uint32_t most = std::numeric_limits<std::uint16_t>::max();
  return static_cast<std::uint16_t>(std::min(most, sum + std::min(most, more)));
}

} // namespace

/// Begins the minutes up to this one; those that no sample fell into stay empty.
void beat_history::turn_to(std::int64_t minute_now) {
  // A clock that was set back goes on filling the newest minute.
  if (minute_now <= last_)
    return;
  const auto begun = std::min<std::int64_t>(minute_now - last_, minutes);
  for (std::int64_t back = 0; back < begun; ++back)
    for (auto& [number, record] : records_)
      record.ring[place_of(minute_now - back)] = {};
  last_ = minute_now;
  first_ = std::max(first_, last_ - static_cast<std::int64_t>(minutes) + 1);
}

void beat_history::sample(const process_context& process, double now) {
  const auto minute_now = static_cast<std::int64_t>(std::floor(now / 60));
  const auto workspaces = process.workspaces.all();
  if (records_.empty())
    first_ = last_ = std::max<std::int64_t>(minute_now, 0);
  turn_to(minute_now);
  for (const auto& context : workspaces) {
    const auto& probe = context->probe;
    auto& record = records_[context->number];
    auto& here = record.ring[place_of(last_)];
    const auto failed = probe.beats_failed.load(std::memory_order_relaxed);
    const auto delivered = static_cast<std::uint32_t>(probe.beat_latency.count());
    if (delivered != record.delivered)
      here.latency =
          std::max(here.latency, static_cast<float>(probe.last_latency.load(std::memory_order_relaxed)));
    here.delivered = added(here.delivered, delivered - record.delivered);
    here.failed = added(here.failed, failed - record.failed);
    record.delivered = delivered;
    record.failed = failed;
  }
  if (records_.size() > workspaces.size())
    std::erase_if(records_, [&process](const auto& entry) { return !process.workspaces.at(entry.first); });
}

void beat_history::write(json_writer& json, workspace_number workspace) const {
  const auto found = records_.find(workspace);
  json.begin_object();
  json.member("start", first_ * 60);
  json.member("step_seconds", std::int64_t{60});
  const auto write_each = [&](const char* name, auto value_of) {
    json.key(name).begin_array();
    if (found != records_.end())
      for (auto minute = first_; minute <= last_; ++minute)
        json.value(value_of(found->second.ring[place_of(minute)]));
    json.end_array();
  };
  write_each("delivered", [](const minute& one) { return std::uint32_t{one.delivered}; });
  write_each("failed", [](const minute& one) { return std::uint32_t{one.failed}; });
  // In microseconds, as a float holds no more.
  write_each("latency_max", [](const minute& one) { return std::round(double{one.latency} * 1e6) / 1e6; });
  json.end_object();
}

} // namespace workspace_supervisor
