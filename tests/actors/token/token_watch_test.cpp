#include "actors/token/token_watch.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>

namespace workspace_supervisor {
namespace {

class token_watch_test : public testing::Test {
protected:
  std::string folder(const std::string& name) {
    std::filesystem::create_directory(directory.file(name));
    return directory.file(name);
  }
  void write(const std::string& name, const std::string& file = ".auth_token") {
    std::ofstream{directory.file(name + '/' + file)} << "token";
  }
  int told(std::uint32_t number) {
    const std::lock_guard lock{mutex};
    return counts[number];
  }
  bool wait_told(std::uint32_t number, int more_than = 0) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, std::chrono::seconds{30}, [&] { return counts[number] > more_than; });
  }

  temporary_directory directory;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::uint32_t, int> counts;
  token_watch watch{[this](std::uint32_t number) {
    const std::lock_guard lock{mutex};
    ++counts[number];
    changed.notify_all();
  }};
};

TEST_F(token_watch_test, tells_of_the_directory_whose_token_has_changed) {
  watch.add(3, folder("a"));
  watch.add(7, folder("b"));
  write("b");
  EXPECT_TRUE(wait_told(7));
  EXPECT_EQ(told(3), 0);
}

TEST_F(token_watch_test, one_that_was_removed_is_silent_and_the_others_are_not) {
  watch.add(1, folder("a"));
  watch.add(2, folder("b"));
  watch.remove(1);
  watch.remove(9);
  write("a");
  write("b");
  EXPECT_TRUE(wait_told(2));
  EXPECT_EQ(told(1), 0);
}

TEST_F(token_watch_test, of_two_that_share_a_directory_one_may_go) {
  watch.add(1, folder("a"));
  watch.add(2, folder("a"));
  watch.remove(1);
  write("a");
  EXPECT_TRUE(wait_told(2));
  EXPECT_EQ(told(1), 0);
}

TEST_F(token_watch_test, a_directory_can_be_watched_again_under_another_number) {
  for (std::uint32_t number = 1; number < 50; ++number) {
    watch.add(number, folder("a"));
    watch.remove(number);
  }
  watch.add(50, folder("a"));
  write("a");
  EXPECT_TRUE(wait_told(50));
}

TEST_F(token_watch_test, one_that_is_replaced_is_watched_on) {
  watch.add(1, folder("a"));
  std::filesystem::rename(directory.file("a"), directory.file("old"));
  folder("a");
  write("a", "other");
  EXPECT_TRUE(wait_told(1)); // that it was moved
  // It is found again with the next thing that happens to any of them.
  watch.add(2, folder("b"));
  write("b");
  EXPECT_TRUE(wait_told(2));
  const auto before = told(1);
  write("a");
  EXPECT_TRUE(wait_told(1, before - 1));
}

} // namespace
} // namespace workspace_supervisor
