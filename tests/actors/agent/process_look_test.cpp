#include "actors/agent/process_look.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {
namespace {

/// A child of a name that could be taken for the fields after it; it waits.
pid_t make_child() {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "a) Z 1 (b");
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
      ::pause();
  }
  return child;
}

template <class Condition>
bool comes_true(Condition condition) {
  for (int tries = 0; tries < 3000; ++tries) {
    if (condition())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

TEST(process_look, sees_whether_a_process_runs_is_stopped_or_has_ended) {
  const pid_t child = make_child();
  ASSERT_GT(child, 0);
  const auto running = look_at_process(child);
  EXPECT_TRUE(running.there);
  EXPECT_FALSE(running.stopped);
  EXPECT_GT(running.born, 0U);

  ::kill(child, SIGSTOP);
  EXPECT_TRUE(comes_true([child] { return look_at_process(child).stopped; }));
  ::kill(child, SIGCONT);
  EXPECT_TRUE(comes_true([child] { return !look_at_process(child).stopped; }));
  EXPECT_EQ(look_at_process(child).born, running.born);

  ::kill(child, SIGKILL);
  EXPECT_TRUE(comes_true([child] { return !look_at_process(child).there; })) << "a zombie has ended";
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(look_at_process(child).there);
}

TEST(process_look, tells_itself_from_its_parent) {
  EXPECT_TRUE(look_at_process(::getpid()).there);
  EXPECT_GE(look_at_process(::getpid()).born, look_at_process(::getppid()).born);
}

} // namespace
} // namespace workspace_supervisor
