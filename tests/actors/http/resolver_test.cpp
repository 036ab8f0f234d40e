#include "actors/http/resolver.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace workspace_supervisor {
namespace {

constexpr std::chrono::seconds limit{30};

/// Collects answers; `first` is ready with the first one.
struct collector {
  std::promise<std::pair<std::string, resolved_host>> promise;
  std::future<std::pair<std::string, resolved_host>> first = promise.get_future();

  resolver::completion completion() {
    return [this](const std::string& host, resolved_host found) {
      promise.set_value({host, std::move(found)});
    };
  }
};

TEST(resolver, hands_over_what_the_look_up_found) {
  collector answers;
  resolver tested([](const std::string&) { return resolved_host{{"192.0.2.1"}, {}}; }, answers.completion());
  tested.resolve("a.example");
  ASSERT_EQ(answers.first.wait_for(limit), std::future_status::ready);
  const auto [host, found] = answers.first.get();
  EXPECT_EQ(host, "a.example");
  EXPECT_EQ(found.addresses, std::vector<std::string>{"192.0.2.1"});
}

TEST(resolver, a_look_up_that_throws_is_an_error) {
  collector answers;
  resolver tested([](const std::string&) -> resolved_host { throw std::runtime_error("broken"); },
                  answers.completion());
  tested.resolve("a.example");
  ASSERT_EQ(answers.first.wait_for(limit), std::future_status::ready);
  EXPECT_EQ(answers.first.get().second.error, "broken");
}

TEST(resolver, a_look_up_that_hangs_delays_no_other_host) {
  const auto release = std::make_shared<std::promise<void>>();
  const std::shared_future<void> released = release->get_future().share();
  collector answers;
  resolver tested(
      [released](const std::string& host) {
        if (host == "hung.example")
          released.wait();
        return resolved_host{{"192.0.2.1"}, {}};
      },
      answers.completion());
  tested.resolve("hung.example");
  tested.resolve("a.example");
  ASSERT_EQ(answers.first.wait_for(limit), std::future_status::ready);
  EXPECT_EQ(answers.first.get().first, "a.example");
  answers.promise = {};
  answers.first = answers.promise.get_future();
  release->set_value();
  ASSERT_EQ(answers.first.wait_for(limit), std::future_status::ready);
}

TEST(resolver, runs_one_look_up_of_a_host_at_a_time) {
  const auto release = std::make_shared<std::promise<void>>();
  const std::shared_future<void> released = release->get_future().share();
  const auto runs = std::make_shared<std::atomic<int>>(0);
  collector answers;
  resolver tested(
      [released, runs](const std::string&) {
        ++*runs;
        released.wait();
        return resolved_host{{"192.0.2.1"}, {}};
      },
      answers.completion());
  for (int i = 0; i < 5; ++i)
    tested.resolve("a.example");
  release->set_value();
  ASSERT_EQ(answers.first.wait_for(limit), std::future_status::ready);
  EXPECT_EQ(*runs, 1);
}

TEST(resolver, leaves_a_look_up_that_hangs_behind) {
  const auto release = std::make_shared<std::promise<void>>();
  const auto ended = std::make_shared<std::promise<void>>();
  {
    const std::shared_future<void> released = release->get_future().share();
    resolver tested(
        [released,
         guard = std::shared_ptr<void>(nullptr, [ended](void*) { ended->set_value(); })](const std::string&) {
          released.wait();
          return resolved_host{};
        },
        [](const std::string&, const resolved_host&) { ADD_FAILURE() << "told after its end"; });
    tested.resolve("hung.example");
  }
  release->set_value();
  // the thread's copy of the state goes last: nothing is left of it then
  EXPECT_EQ(ended->get_future().wait_for(limit), std::future_status::ready);
}

TEST(look_up_host, finds_the_loopback_address) {
  const resolved_host found = look_up_host("localhost");
  ASSERT_FALSE(found.addresses.empty()) << found.error;
  EXPECT_TRUE(is_literal_address(found.addresses.front()));
}

TEST(look_up_host, names_what_failed) {
  const resolved_host found = look_up_host("no-such-host.invalid");
  EXPECT_TRUE(found.addresses.empty());
  EXPECT_FALSE(found.error.empty());
}

TEST(is_literal_address, knows_addresses_from_names) {
  EXPECT_TRUE(is_literal_address("127.0.0.1"));
  EXPECT_TRUE(is_literal_address("::1"));
  EXPECT_FALSE(is_literal_address("localhost"));
  EXPECT_FALSE(is_literal_address("1.2.3"));
}

} // namespace
} // namespace workspace_supervisor
