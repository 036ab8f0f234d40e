#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

#include <string>

namespace workspace_supervisor {
namespace {

constexpr int count = 100;

TEST(workspaces, those_that_have_gone_leave_no_actor_and_no_timer) {
  system_options options;
  options.adjust = only_when_asked;
  system_under_test system{options};
  system.start();
  ASSERT_TRUE(system.platform().wait_for(request_class::beat, 1));
  ASSERT_TRUE(system.platform().wait_for(request_class::delegations, 1));
  // What the start itself needed is over when nothing changes any more.
  std::size_t actors = 0;
  std::size_t timers = 0;
  ASSERT_TRUE(system.wait_until([&] {
    const bool same = actors == system.running_actors() && timers == system.timers();
    actors = system.running_actors();
    timers = system.timers();
    return same;
  }));
  for (int round = 0; round < 2; ++round) {
    for (int number = 0; number < count; ++number)
      ASSERT_EQ(system.put("more-" + std::to_string(number)), 201);
    // A put is answered when the workspace's supervisor has been started; its children follow.
    EXPECT_TRUE(system.wait_until(
        [&] { return system.running_actors() >= actors + 8 * count && system.timers() > timers + count; }));
    for (int number = 0; number < count; ++number)
      ASSERT_EQ(system.remove("more-" + std::to_string(number)), 204);
    // One timer may be left: freed memory is given back a little later.
    EXPECT_TRUE(system.wait_until([&] {
      return system.running_actors() <= actors && system.timers() <= timers + 1;
    })) << system.running_actors()
        << " actors, " << actors << " before; " << system.timers() << " timers, " << timers << " before";
  }
}

} // namespace
} // namespace workspace_supervisor
