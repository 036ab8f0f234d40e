#pragma once

#include <atomic>
#include <thread>

namespace workspace_supervisor {

/// A lock of one byte, for what is held as long as it takes to copy a value: there are twenty of them in each
/// workspace, and a `std::mutex` takes 40 bytes. For `std::lock_guard`. Any thread.
class small_lock {
public:
  void lock() noexcept {
    while (taken_.exchange(true, std::memory_order_acquire))
      std::this_thread::yield();
  }
  void unlock() noexcept { taken_.store(false, std::memory_order_release); }

private:
  std::atomic<bool> taken_{false};
};

} // namespace workspace_supervisor
