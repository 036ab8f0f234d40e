#pragma once

#include "actors/supervision/small_lock.hpp"
#include "messages/message_observer.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

namespace workspace_supervisor {

/// A histogram of durations in buckets that double, from 1 µs up. Counting is one relaxed addition: no lock,
/// no allocation. Any thread reads.
template <std::size_t Buckets>
class duration_histogram {
public:
  /// The upper bound of bucket `index` in seconds; the last bucket has none.
  static double upper_bound(std::size_t index) noexcept {
    return 1e-6 * static_cast<double>(std::uint64_t{1} << index);
  }
  static constexpr std::size_t size() noexcept { return Buckets; }

  void add(std::chrono::nanoseconds duration) noexcept {
    auto microseconds =
        static_cast<std::uint64_t>(duration.count() < 0 ? 0 : (duration.count() + 999) / 1000);
    std::size_t index = 0;
    while (index + 1 < Buckets && microseconds > (std::uint64_t{1} << index))
      ++index;
    counts_[index].fetch_add(1, std::memory_order_relaxed);
    total_.fetch_add(static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count()),
                     std::memory_order_relaxed);
  }
  std::uint64_t count(std::size_t index) const noexcept {
    return counts_[index].load(std::memory_order_relaxed);
  }
  std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const auto& bucket : counts_)
      sum += bucket.load(std::memory_order_relaxed);
    return sum;
  }
  double total_seconds() const noexcept {
    return 1e-9 * static_cast<double>(total_.load(std::memory_order_relaxed));
  }
  /// The upper bound of the bucket in which the `share` quantile lies, in seconds; 0 when nothing was
  /// counted.
  double quantile(double share) const noexcept {
    const auto all = count();
    if (all == 0)
      return 0;
    auto rank = static_cast<std::uint64_t>(share * static_cast<double>(all));
    for (std::size_t index = 0; index < Buckets; ++index) {
      const auto here = count(index);
      if (rank < here)
        return upper_bound(index);
      rank -= here;
    }
    return upper_bound(Buckets - 1);
  }

private:
  std::array<std::atomic<std::uint32_t>, Buckets> counts_{};
  std::atomic<std::uint64_t> total_{0}; ///< nanoseconds
};

enum class actor_state : std::uint8_t { starting, running, restarting, failed };

/// What is counted of one actor and its successors. Counters are relaxed atomics; any thread reads.
class actor_probe final : public message_observer {
public:
  void enqueued() noexcept override { enqueued_.fetch_add(1, std::memory_order_relaxed); }
  void before_message() override {
    const auto number = messages_.fetch_add(1, std::memory_order_relaxed) + 1;
    began_ = std::chrono::steady_clock::now();
    if (crash_at_.load(std::memory_order_relaxed) == number)
      throw std::runtime_error("injected at message " + std::to_string(number));
  }
  void after_message() noexcept override {
    const auto duration = std::chrono::steady_clock::now() - began_;
    handler_time_.add(duration);
  }

  std::uint64_t messages() const noexcept { return messages_.load(std::memory_order_relaxed); }
  /// Messages enqueued and not yet handled.
  std::uint64_t mailbox() const noexcept {
    const auto in = enqueued_.load(std::memory_order_relaxed);
    const auto out = messages() + dropped_.load(std::memory_order_relaxed);
    return in > out ? in - out : 0;
  }
  const auto& handler_time() const noexcept { return handler_time_; }

  // What its supervisor tells.
  void started() noexcept { state_.store(actor_state::running, std::memory_order_relaxed); }
  void ended(actor_state next, std::string reason) {
    // What its mailbox still held is gone.
    dropped_.store(enqueued_.load(std::memory_order_relaxed) - messages(), std::memory_order_relaxed);
    state_.store(next, std::memory_order_relaxed);
    auto told = std::make_unique<const std::string>(std::move(reason));
    const std::lock_guard lock{lock_};
    last_error_.swap(told);
  }
  void restarted() noexcept { restarts_.fetch_add(1, std::memory_order_relaxed); }
  void failed() noexcept { state_.store(actor_state::failed, std::memory_order_relaxed); }
  actor_state state() const noexcept { return state_.load(std::memory_order_relaxed); }
  std::uint64_t restarts() const noexcept { return restarts_.load(std::memory_order_relaxed); }
  std::string last_error() const {
    const std::lock_guard lock{lock_};
    return last_error_ ? *last_error_ : std::string{};
  }

  /// Makes the actor throw when it comes to its message number `number` (counted over all successors). 0:
  /// never.
  void crash_at(std::uint64_t number) noexcept { crash_at_.store(number, std::memory_order_relaxed); }

private:
  std::atomic<std::uint64_t> enqueued_{0};
  std::atomic<std::uint64_t> messages_{0};
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<std::uint64_t> crash_at_{0};
  std::atomic<std::uint32_t> restarts_{0};
  std::atomic<actor_state> state_{actor_state::starting};
  std::chrono::steady_clock::time_point began_;   ///< the actor's thread alone
  duration_histogram<22> handler_time_;           ///< up to 2 s
  std::unique_ptr<const std::string> last_error_; ///< under the lock; null: it has never ended
  mutable small_lock lock_;
};

} // namespace workspace_supervisor
