// A race between an actor and another thread, for ThreadSanitizer to tell of: what is suppressed of CAF's
// must not hide what actors do.

#include "tests/actors/loop/loop_fixture.hpp"

#include <atomic>
#include <thread>

namespace workspace_supervisor {
namespace {

TEST_F(loop_test, an_actor_and_another_thread_count_together) {
  // Apart: of eight bytes the last few accesses are remembered, and asking again and again has many.
  alignas(64) int count = 0;
  alignas(64) std::atomic<bool> counted{false};
  const auto actor = spawn_worker([&](worker_pointer, std::uint32_t) {
    ++count;
    counted.store(true, std::memory_order_relaxed);
  });
  tell(actor, 0);
  while (!counted.load(std::memory_order_relaxed)) // which orders nothing
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  ++count;
  settle(actor);
}

} // namespace
} // namespace workspace_supervisor
