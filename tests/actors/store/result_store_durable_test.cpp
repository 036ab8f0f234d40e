#include "tests/actors/store/store_in_a_folder.hpp"

#include <sys/stat.h>

namespace workspace_supervisor {

namespace {

/// What is kept, and what is done when the database cannot be opened.
class result_store_durable_test : public store_in_a_folder {};

TEST_F(result_store_durable_test, a_new_store_is_durable) {
  auto store = open();
  store->record(make_poll({make_result("a")}), start_time);
  auto health = store->health();
  EXPECT_TRUE(health.durable);
  EXPECT_EQ(health.trouble, "");
  EXPECT_EQ(health.unsaved, 0);
  EXPECT_EQ(health.commits, 1);
  EXPECT_EQ(health.failures, 0);
}

TEST_F(result_store_durable_test, each_step_is_one_transaction) {
  auto store = open();
  auto seqs = seqs_of(store->record(make_poll(make_results(0, 20)), start_time));
  store->mark_filed("ws-1", seqs);
  store->open_message("ws-1", make_message("m-1", seqs));
  store->close_message("ws-1", "m-1", start_time);
  store->mark_notified("ws-1", seqs);
  EXPECT_EQ(store->health().commits, 5);
}

TEST_F(result_store_durable_test, a_step_that_changes_nothing_writes_nothing) {
  auto store = open();
  auto seqs = seqs_of(store->record(make_poll({make_result("a")}), start_time));
  store->mark_filed("ws-1", seqs);
  store->mark_filed("ws-1", seqs);
  store->mark_notified("ws-1", {});
  store->close_message("ws-1", "unknown", start_time);
  EXPECT_EQ(store->health().commits, 2);
}

TEST_F(result_store_durable_test, messages_older_than_the_hour_are_forgotten_with_the_next) {
  auto store = open();
  for (int number = 0; number < 10; ++number) {
    auto id = std::to_string(number);
    store->open_message("ws-1", make_message(id, {}, start_time + number * 3000));
    store->close_message("ws-1", id, 0);
  }
  store.reset();
  EXPECT_EQ(count("message_attempts"), 2);
}

TEST_F(result_store_durable_test, its_files_are_the_owners_alone) {
  auto store = open();
  store->record(make_poll({make_result("a")}), start_time);
  for (const char* name : {"results.db", "results.db-wal"}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder_ / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600U) << name;
  }
}

TEST_F(result_store_durable_test, seqs_are_not_given_twice_after_a_restart) {
  auto last = open()->record(make_poll(make_results(0, 3)), start_time).back().seq;
  EXPECT_GT(open()->record(make_poll({make_result("next")}), start_time)[0].seq, last);
}

TEST_F(result_store_durable_test, what_is_listed_stays_known_through_a_replacement_and_a_restart) {
  auto store = open();
  auto poll = make_poll(make_results(0, 3));
  store->record(poll, start_time);
  finish_all(*store);
  std::filesystem::remove(database());
  store->record(make_poll({make_result("other")}, "ws-2"), start_time);
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  auto more = poll;
  more.results = {make_result("new")};
  more.listed.push_back(result_key("new", "completed"));
  EXPECT_EQ(store->record(more, start_time).size(), 1U);
  store.reset();
  EXPECT_TRUE(open()->record(poll, start_time).empty());
}

TEST_F(result_store_durable_test, a_newer_schema_is_left_alone) {
  open()->record(make_poll({make_result("a")}), start_time);
  execute("pragma user_version = 7");
  auto before = contents(database());
  {
    auto store = open();
    auto health = store->health();
    EXPECT_FALSE(health.durable);
    EXPECT_NE(health.trouble.find("schema is 7"), std::string::npos) << health.trouble;
    EXPECT_NE(health.trouble.find("up to 2"), std::string::npos) << health.trouble;
    EXPECT_EQ(store->record(make_poll({make_result("b")}), start_time).size(), 1U);
    EXPECT_FALSE(store->save_waiting());
    EXPECT_EQ(store->unfiled("ws-1").size(), 1U);
    EXPECT_GT(store->health().unsaved, 0);
  }
  EXPECT_EQ(contents(database()), before);
  EXPECT_TRUE(moved_aside().empty());
}

TEST_F(result_store_durable_test, a_workspace_that_cannot_be_saved_is_not_kept) {
  const added_workspace there{"ws-1", "/configs", "/results", "http://platform.example", ""};
  EXPECT_EQ(open()->keep_added(there), "");
  execute("pragma user_version = 7");
  {
    auto store = open();
    EXPECT_NE(store->keep_added({"ws-2", "/c", "/r", "http://p", ""}).find("schema is 7"), std::string::npos);
    EXPECT_TRUE(store->added().workspaces.empty());
  }
  execute("pragma user_version = 2");
  auto store = open();
  ASSERT_EQ(store->added().workspaces.size(), 1U);
  EXPECT_EQ(store->added().workspaces.front(), there);
}

TEST_F(result_store_durable_test, workspaces_are_written_into_a_new_database_when_the_old_one_is_gone) {
  const added_workspace there{"ws-1", "/configs", "/results", "http://platform.example", ""};
  auto store = open();
  EXPECT_EQ(store->keep_added(there), "");
  std::filesystem::remove(database());
  EXPECT_EQ(store->keep_added({"ws-2", "/c", "/r", "http://p", ""}), "");
  store.reset();
  EXPECT_EQ(open()->added().workspaces.size(), 2U);
}

TEST_F(result_store_durable_test, a_database_of_the_first_version_is_brought_to_this_one) {
  open()->record(make_poll({make_result("a")}), start_time);
  execute("drop table added_workspaces");
  execute("pragma user_version = 1");
  auto store = open();
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  EXPECT_EQ(ids_of(store->results("ws-1", 0, 10)), (std::vector<std::string>{"a"}));
  EXPECT_EQ(store->keep_added({"ws-2", "/c", "/r", "http://p", ""}), "");
}

TEST_F(result_store_durable_test, what_came_while_it_could_not_be_opened_is_saved_and_joined_later) {
  std::int64_t before = 0;
  {
    auto store = open();
    auto seqs = seqs_of(store->record(make_poll(make_results(0, 4)), start_time));
    before = seqs.back();
    store->mark_filed("ws-1", seqs);
    store->mark_notified("ws-1", {seqs[0]});
    store->open_message("ws-1", make_message("m-1", {seqs[0], seqs[1]}));
  }
  execute("pragma user_version = 7");
  auto store = open();
  auto news =
      store->record(make_poll(make_results(2, 3)), start_time + 10); // 2 and 3 again, 4 for the first time
  EXPECT_EQ(news.size(), 3U);
  EXPECT_GT(news[0].seq, before);
  store->mark_filed("ws-1", seqs_of(news));
  store->mark_notified("ws-1", {news[0].seq});
  execute("pragma user_version = 2");
  EXPECT_TRUE(store->save_waiting()) << store->health().trouble;
  for (int look = 0; look < 2; ++look) {
    auto box = store->pending("ws-1", start_time + 20);
    EXPECT_EQ(ids_of(store->results("ws-1", 0, 100)),
              (std::vector<std::string>{"delegation-0", "delegation-1", "delegation-2", "delegation-3",
                                        "delegation-4"}));
    EXPECT_TRUE(store->unfiled("ws-1").empty());
    ASSERT_TRUE(box.has_open_message);
    EXPECT_EQ(box.open_message.message_id, "m-1");
    EXPECT_EQ(box.open_message.seqs.size(), 2U);
    EXPECT_EQ(ids_of(box.unwoken),
              (std::vector<std::string>{"delegation-2", "delegation-3", "delegation-4"}));
    EXPECT_EQ(ids_of(box.unnotified),
              (std::vector<std::string>{"delegation-1", "delegation-3", "delegation-4"}));
    EXPECT_EQ(box.recent_messages.size(), 1U);
    store.reset();
    store = open();
  }
}

TEST_F(result_store_durable_test, what_came_while_the_clock_stood_behind_follows_what_was_there) {
  {
    auto store = open();
    auto seqs = seqs_of(store->record(make_poll(make_results(0, 2)), start_time));
    store->mark_filed("ws-1", seqs);
  }
  // As though the clock, from which those without a database are numbered, had been decades ahead.
  execute("pragma foreign_keys = on; update results set seq = seq + 4000000000000; pragma user_version = 7");
  auto store = open();
  const auto news = seqs_of(store->record(make_poll(make_results(2, 4)), start_time));
  store->mark_filed("ws-1", news);
  store->mark_notified("ws-1", {news[0], news[1], news[3]});
  store->mark_woken("ws-1", {news[2], news[3]}); // the last one is finished
  store->open_message("ws-1", make_message("m-1", {news[0], news[1]}));
  execute("pragma user_version = 2");
  EXPECT_TRUE(store->save_waiting()) << store->health().trouble;
  for (int look = 0; look < 2; ++look) {
    const auto all = store->results("ws-1", 0, 100);
    EXPECT_EQ(ids_of(all), (std::vector<std::string>{"delegation-0", "delegation-1", "delegation-2",
                                                     "delegation-3", "delegation-4", "delegation-5"}));
    EXPECT_GT(all[0].seq, news.back()) << "the clock stood behind";
    EXPECT_TRUE(store->unfiled("ws-1").empty());
    const auto box = store->pending("ws-1", start_time + 20);
    EXPECT_EQ(box.open_message.seqs, (std::vector<std::int64_t>{all[2].seq, all[3].seq}));
    EXPECT_EQ(ids_of(box.unnotified),
              (std::vector<std::string>{"delegation-0", "delegation-1", "delegation-4"}));
    EXPECT_EQ(ids_of(box.unwoken), (std::vector<std::string>{"delegation-0", "delegation-1"}));
    store.reset();
    store = open();
  }
  EXPECT_GT(store->record(make_poll({make_result("next")}), start_time + 30)[0].seq,
            store->results("ws-1", 0, 100)[5].seq);
}

TEST_F(result_store_durable_test, a_message_of_its_own_wins_over_the_one_found_later) {
  {
    auto store = open();
    auto seqs = seqs_of(store->record(make_poll(make_results(0, 2)), start_time));
    store->mark_filed("ws-1", seqs);
    store->open_message("ws-1", make_message("m-1", seqs));
  }
  execute("pragma user_version = 7");
  auto store = open();
  auto seqs = seqs_of(store->record(make_poll(make_results(5, 1)), start_time));
  store->mark_filed("ws-1", seqs);
  store->open_message("ws-1", make_message("m-2", seqs));
  execute("pragma user_version = 2");
  EXPECT_TRUE(store->save_waiting()) << store->health().trouble;
  store.reset();
  auto box = open()->pending("ws-1", start_time);
  EXPECT_EQ(box.open_message.message_id, "m-2");
  EXPECT_EQ(box.unwoken.size(), 2U);
}

TEST_F(result_store_durable_test, news_recorded_before_is_told_though_it_was_taken_for_history_later) {
  open()->record(make_poll({make_result("a", start_time - 100)}), start_time);
  execute("pragma user_version = 7");
  auto store = open();
  auto late = make_poll({make_result("a", start_time - 100)});
  late.answered_at = start_time + 9999;
  EXPECT_TRUE(store->record(late, start_time + 9999).empty());
  execute("pragma user_version = 2");
  EXPECT_TRUE(store->save_waiting());
  EXPECT_EQ(ids_of(store->unfiled("ws-1")), std::vector<std::string>{"a"});
  store.reset();
  EXPECT_EQ(ids_of(open()->unfiled("ws-1")), std::vector<std::string>{"a"});
}

TEST_F(result_store_durable_test, a_directory_that_vanishes_and_returns_loses_nothing) {
  auto directory = folder_ / "state";
  std::filesystem::create_directory(directory);
  auto store = make_durable_store(directory);
  auto seqs = seqs_of(store->record(make_poll(make_results(0, 3)), start_time));
  std::filesystem::remove_all(directory);
  store->mark_filed("ws-1", {seqs[0]});
  EXPECT_FALSE(store->health().durable);
  EXPECT_NE(store->health().trouble.find(directory), std::string::npos) << store->health().trouble;
  EXPECT_FALSE(store->save_waiting());
  EXPECT_EQ(store->record(make_poll(make_results(3, 1)), start_time).size(), 1U);
  std::filesystem::create_directory(directory);
  EXPECT_TRUE(store->save_waiting()) << store->health().trouble;
  store.reset();
  store = make_durable_store(directory);
  EXPECT_EQ(store->unfiled("ws-1").size(), 3U);
  EXPECT_EQ(store->pending("ws-1", start_time).unwoken.size(), 1U);
}

TEST_F(result_store_durable_test, a_missing_directory_is_trouble_that_says_what_to_do) {
  auto store = make_durable_store(folder_ / "missing");
  auto health = store->health();
  EXPECT_FALSE(health.durable);
  EXPECT_NE(health.trouble.find("make sure that the directory"), std::string::npos) << health.trouble;
  EXPECT_GT(health.failures, 0);
  EXPECT_EQ(store->record(make_poll({make_result("a")}), start_time).size(), 1U);
}

TEST_F(result_store_durable_test, a_database_that_another_program_holds_is_waited_for) {
  open()->record(make_poll({make_result("a")}), start_time);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(database().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "pragma locking_mode = exclusive; begin exclusive; select * from store",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  auto store = open();
  EXPECT_FALSE(store->health().durable);
  EXPECT_NE(store->health().trouble.find("close the other program"), std::string::npos)
      << store->health().trouble;
  sqlite3_close(other);
  EXPECT_TRUE(store->save_waiting()) << store->health().trouble;
  EXPECT_EQ(store->unfiled("ws-1").size(), 1U);
  EXPECT_TRUE(moved_aside().empty());
}

TEST_F(result_store_durable_test, finished_results_wait_for_the_database_within_a_bound) {
  auto store = make_durable_store(folder_ / "missing");
  for (int round = 0; round < 3; ++round) {
    store->record(make_poll(make_results(round * 3000, 3000)), start_time);
    finish_all(*store);
  }
  store->record(make_poll({}), start_time);
  EXPECT_LE(store->results("ws-1", 0, 100'000).size(), 4096U);
  EXPECT_TRUE(store->record(make_poll(make_results(6000, 3000)), start_time).empty());
}

TEST_F(result_store_durable_test, texts_of_finished_results_are_given_up_beyond_a_bound) {
  auto store = make_durable_store(folder_ / "missing");
  std::size_t held = 0;
  for (int round = 0; round < 10; ++round) {
    auto result = make_result(std::to_string(round));
    result.response_preview = std::string(std::size_t{8} << 20U, 'p');
    store->record(make_poll({result}), start_time);
    finish_all(*store);
  }
  auto results = store->results("ws-1", 0, 100);
  for (const auto& stored : results)
    held += stored.result.response_preview.size();
  EXPECT_EQ(results.size(), 10U);
  EXPECT_LE(held, std::size_t{64} << 20U);
  EXPECT_EQ(results.back().result.response_preview.size(), std::size_t{8} << 20U);
}

} // namespace

} // namespace workspace_supervisor
