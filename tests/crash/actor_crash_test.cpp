#include "app/dev_platform/platform.hpp"
#include "tests/crash/actor_crash.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace workspace_supervisor {
namespace {

/// Every so manieth message is tried: all of them take minutes.
std::uint64_t step_between_points() {
  const char* given = std::getenv("CRASH_STEP");
  return given != nullptr ? std::max(1UL, std::strtoul(given, nullptr, 10)) : 7;
}

std::string described(const crash_run& run) {
  std::string text = run.trouble;
  for (const auto& line : run.logs)
    text += "\n" + line;
  return text;
}

int beyond_first(const std::vector<int>& counts) {
  return std::accumulate(counts.begin(), counts.end(), 0, [](int sum, int count) { return sum + count - 1; });
}

bool has_all(const std::vector<int>& counts) {
  return std::all_of(counts.begin(), counts.end(), [](int count) { return count > 0; });
}

class crashing_actor : public testing::TestWithParam<std::string> {};

TEST_P(crashing_actor, loses_nothing_at_any_message) {
  platform_server server;
  std::uint64_t points = 0;
  int filed_twice = 0;
  int notified_twice = 0;
  int messages_twice = 0;
  for (std::uint64_t number = 1;; number += step_between_points()) {
    SCOPED_TRACE(GetParam() + " crashes at message " + std::to_string(number));
    const temporary_directory folder;
    // Where the store itself crashes, it is the one on disk: its effects are others.
    const auto run = run_with_crash(server, "ws-" + std::to_string(number), GetParam(), number, folder.path(),
                                    GetParam() == "store");
    SCOPED_TRACE(described(run));
    ASSERT_EQ(run.trouble, "");
    ASSERT_TRUE(run.told);
    ASSERT_TRUE(run.beats_on);
    ASSERT_TRUE(run.agent_heard);
    ASSERT_TRUE(has_all(run.filed));
    ASSERT_TRUE(has_all(run.woken));
    ASSERT_TRUE(has_all(run.notified));
    // A message's results are recorded before its first attempt: never are there two messages of one result.
    ASSERT_EQ(beyond_first(run.woken), 0);
    // One crash stands between effect and record of one portion, one message and one notification at most.
    ASSERT_LE(beyond_first(run.filed), run.crashed ? 10 : 0);
    ASSERT_LE(run.messages_twice, run.crashed ? 1 : 0);
    ASSERT_LE(beyond_first(run.notified), run.crashed ? 1 : 0);
    filed_twice += beyond_first(run.filed);
    notified_twice += beyond_first(run.notified);
    messages_twice += run.messages_twice;
    if (!run.crashed)
      break;
    ++points;
  }
  std::printf("%s: %llu crashes; told twice: %d lines, %d notifications, %d messages\n", GetParam().c_str(),
              static_cast<unsigned long long>(points), filed_twice, notified_twice, messages_twice);
}

INSTANTIATE_TEST_SUITE_P(all, crashing_actor, testing::ValuesIn(crashable_actors()), [](const auto& info) {
  auto name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

} // namespace
} // namespace workspace_supervisor
