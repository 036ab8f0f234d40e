#include "actors/workspace/context.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace workspace_supervisor {
namespace {

workspace_table::pointer named(const std::string& id) {
  auto workspace = std::make_shared<workspace_context>();
  workspace->settings.id = id;
  return workspace;
}

std::vector<std::string> ids_of(const workspace_table& table) {
  std::vector<std::string> ids;
  for (const auto& workspace : table.all())
    ids.push_back(workspace->settings.id);
  return ids;
}

TEST(workspace_table, numbers_count_from_one_and_are_never_given_twice) {
  workspace_table table;
  EXPECT_EQ(table.first(), nullptr);
  const auto a = named("a");
  table.add(a);
  EXPECT_EQ(a->number, 1U);
  table.remove(1);
  EXPECT_EQ(table.at(1), nullptr);
  const auto b = named("b");
  table.add(b);
  EXPECT_EQ(b->number, 2U);
  EXPECT_EQ(table.at(2), b);
  EXPECT_EQ(table.size(), 1U);
}

TEST(workspace_table, they_stand_in_the_order_in_which_they_came) {
  workspace_table table;
  for (const auto* id : {"c", "a", "b"})
    table.add(named(id));
  EXPECT_EQ(ids_of(table), (std::vector<std::string>{"c", "a", "b"}));
  EXPECT_EQ(table.first()->settings.id, "c");
  table.remove(2);
  EXPECT_EQ(ids_of(table), (std::vector<std::string>{"c", "b"}));
  EXPECT_EQ(table.find("a"), nullptr);
  EXPECT_EQ(table.find("b")->number, 3U);
}

TEST(workspace_table, a_list_stays_as_it_was_when_others_come_and_go) {
  workspace_table table;
  table.add(named("a"));
  const auto before = table.all();
  table.add(named("b"));
  table.remove(1);
  ASSERT_EQ(before.size(), 1U);
  EXPECT_EQ((*before.begin())->settings.id, "a");
  EXPECT_EQ(ids_of(table), (std::vector<std::string>{"b"}));
}

TEST(workspace_table, one_that_was_let_go_ends_with_whom_holds_it_last) {
  workspace_table table;
  table.add(named("a"));
  std::weak_ptr<workspace_context> watched = table.at(1);
  auto probe = table.at(1)->held_probe_of(workspace_actor::token);
  table.remove(1);
  EXPECT_FALSE(watched.expired());
  probe.reset();
  EXPECT_TRUE(watched.expired());
}

TEST(workspace_table, an_unknown_number_is_ignored) {
  workspace_table table;
  table.add(named("a"));
  table.remove(0);
  table.remove(2);
  EXPECT_EQ(table.size(), 1U);
}

TEST(workspace_table, may_be_looked_at_while_it_changes) {
  workspace_table table;
  std::atomic<bool> over{false};
  std::thread reader{[&] {
    while (!over.load())
      for (const auto& workspace : table.all())
        EXPECT_EQ(workspace->settings.id.size(), 2U);
  }};
  for (int round = 0; round < 200; ++round) {
    table.add(named("xx"));
    table.remove(table.find("xx")->number);
  }
  over.store(true);
  reader.join();
  EXPECT_EQ(table.size(), 0U);
}

} // namespace
} // namespace workspace_supervisor
