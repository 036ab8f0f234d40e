#include "tests/actors/store/result_store_scenario.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <sys/stat.h>

namespace workspace_supervisor {

namespace {

/// Damage, strangers and trouble, with real files.
class result_store_durable_test : public testing::Test {
protected:
  std::unique_ptr<result_store> open() { return make_durable_store(folder_.path()); }

  std::string database() const { return folder_ / "results.db"; }

  void execute(const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  int count(const std::string& table) {
    int rows = -1;
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
    sqlite3_exec(
        handle, ("select count(*) from " + table).c_str(),
        [](void* into, int, char** values, char**) {
          *static_cast<int*>(into) = std::stoi(values[0]);
          return 0;
        },
        &rows, nullptr);
    sqlite3_close(handle);
    return rows;
  }

  /// Databases, without the logs that went with them.
  std::vector<std::string> moved_aside() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{folder_.path()}) {
      auto name = entry.path().filename().string();
      if (name.starts_with("results.db.corrupt-") && !name.ends_with("-wal"))
        names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  void write(const std::string& text) { std::ofstream{database(), std::ios::binary} << text; }

  temporary_folder folder_;
};

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

TEST_F(result_store_durable_test, a_file_that_is_no_database_is_moved_aside) {
  write("this is not a database, but it is somebody's");
  auto store = open();
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  ASSERT_EQ(moved_aside().size(), 1U);
  EXPECT_EQ(contents(moved_aside()[0]), "this is not a database, but it is somebody's");
  auto notices = store->take_notices();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_NE(notices[0].find(moved_aside()[0]), std::string::npos) << notices[0];
  EXPECT_TRUE(store->take_notices().empty());
  store->record(make_poll({make_result("a")}), start_time);
  store.reset();
  EXPECT_EQ(open()->unfiled("ws-1").size(), 1U);
}

TEST_F(result_store_durable_test, another_programs_database_is_moved_aside) {
  execute("create table theirs (x); insert into theirs values (1)");
  EXPECT_TRUE(open()->health().durable);
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_durable_test, files_moved_aside_do_not_overwrite_each_other) {
  for (int round = 0; round < 3; ++round) {
    write("damaged " + std::to_string(round) + std::string(100, '.'));
    open();
  }
  EXPECT_EQ(moved_aside().size(), 3U);
}

TEST_F(result_store_durable_test, an_empty_file_is_a_new_database) {
  write("");
  EXPECT_TRUE(open()->health().durable);
  EXPECT_TRUE(moved_aside().empty());
}

TEST_F(result_store_durable_test, a_damaged_page_found_at_the_start_is_moved_aside) {
  open()->record(make_poll(make_results(0, 200)), start_time);
  auto bytes = contents(database());
  ASSERT_GT(bytes.size(), 5 * 4096U);
  for (std::size_t at = 4 * 4096; at < bytes.size(); ++at)
    bytes[at] = 'x';
  write(bytes);
  auto store = open();
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  ASSERT_EQ(moved_aside().size(), 1U);
  EXPECT_EQ(contents(moved_aside()[0]), bytes);
}

TEST_F(result_store_durable_test, an_index_that_does_not_fit_its_table_is_moved_aside) {
  open()->record(make_poll(make_results(0, 20)), start_time);
  // The rows change while SQLite does not know of the index.
  execute("pragma writable_schema = on; "
          "create table hidden as select * from sqlite_schema where name = 'results_listing'; "
          "delete from sqlite_schema where name = 'results_listing'");
  execute("update results set last_listed = last_listed + 1");
  execute("pragma writable_schema = on; insert into sqlite_schema select * from hidden; drop table hidden");
  auto store = open();
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_durable_test, a_damaged_file_that_seems_to_have_no_tables_is_moved_aside) {
  execute("create table t (x); pragma writable_schema = on; delete from sqlite_schema");
  auto store = open();
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_durable_test, a_row_of_gigabytes_is_damage_and_no_want_of_memory) {
  // What the fourth row of the tables' page begins with: a text of 1.1 GB in a row as long, which SQLite
  // finds too big; and a length of 4 GB, for which it has no memory.
  using namespace std::string_literals;
  for (const auto& begin :
       {"\x84\x8c\xc2\xd6\x25\x04\x0b\x17\x21\x21\x01\x88\x99\x85\xac\x0d"s, "\x8f\xff\xff\xff\x7f"s}) {
    open()->record(make_poll({make_result("a")}), start_time);
    auto bytes = contents(database());
    ASSERT_EQ(bytes.at(100), 0x0d) << "the page has all of them";
    const auto at =
        256U * static_cast<unsigned char>(bytes.at(114)) + static_cast<unsigned char>(bytes.at(115));
    bytes.replace(at, begin.size(), begin);
    write(bytes);
    auto store = open();
    EXPECT_TRUE(store->health().durable) << store->health().trouble;
    ASSERT_EQ(moved_aside().size(), 1U);
    std::filesystem::remove(moved_aside()[0]);
  }
}

TEST_F(result_store_durable_test, a_truncated_file_is_moved_aside) {
  open()->record(make_poll(make_results(0, 200)), start_time);
  std::filesystem::resize_file(database(), 3 * 4096);
  EXPECT_TRUE(open()->health().durable);
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_durable_test, what_no_version_has_written_is_moved_aside) {
  for (const std::string change :
       {"pragma user_version = -1", "drop table store", "alter table results rename column filed to filled",
        "drop table result_texts", "update sqlite_sequence set seq = 9223372036854775807",
        "update results set seq = seq + 9007199254740992", "update results set seq = -seq"}) {
    SCOPED_TRACE(change);
    open()->record(make_poll({make_result("a")}), start_time);
    const auto before = moved_aside().size();
    execute(change);
    auto store = open();
    EXPECT_EQ(moved_aside().size(), before + 1);
    EXPECT_TRUE(store->health().durable) << store->health().trouble;
    store->record(make_poll({make_result("b")}), start_time);
    EXPECT_TRUE(store->health().durable) << store->health().trouble;
  }
}

TEST_F(result_store_durable_test, a_header_that_forbids_to_write_is_moved_aside) {
  open()->record(make_poll({make_result("a")}), start_time);
  auto bytes = contents(database());
  constexpr std::size_t write_version = 18;
  bytes.at(write_version) = 3;
  write(bytes);
  auto store = open();
  EXPECT_EQ(moved_aside().size(), 1U);
  store->record(make_poll({make_result("b")}), start_time);
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
}

TEST_F(result_store_durable_test, texts_and_times_that_nobody_has_written_are_told_as_such) {
  open()->record(make_poll({make_result("a")}), start_time);
  execute("update result_texts set summary = cast(x'41ff42' as text), created_at = 1e999");
  auto store = open();
  const auto results = store->results("ws-1", 0, 10);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].result.summary, "A\xef\xbf\xbd"
                                       "B");
  EXPECT_EQ(results[0].result.created_at, 0);
}

TEST_F(result_store_durable_test, damage_met_later_costs_nothing_that_is_unfinished) {
  auto bulk = make_results(0, 300);
  for (auto& result : bulk)
    result.summary = std::string(3000, 's');
  open()->record(make_poll(bulk), start_time);
  auto store = open();
  auto seqs = seqs_of(store->unfiled("ws-1"));
  // Behind its back, all but the first page. Its cache holds a fraction of that.
  auto bytes = contents(database());
  std::fill(bytes.begin() + 4096, bytes.end(), 'x');
  std::fstream{database(), std::ios::binary | std::ios::in | std::ios::out} << bytes;
  store->mark_filed("ws-1", {seqs[250]});
  store->mark_filed("ws-1", {seqs[10]});
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  EXPECT_EQ(moved_aside().size(), 1U);
  EXPECT_EQ(store->take_notices().size(), 1U);
  EXPECT_TRUE(store->record(make_poll(bulk), start_time).empty());
  store.reset();
  store = open();
  EXPECT_EQ(store->unfiled("ws-1").size(), 298U);
  EXPECT_EQ(store->pending("ws-1", start_time).unwoken.size(), 2U);
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
  const auto news = seqs_of(store->record(make_poll(make_results(2, 3)), start_time));
  store->mark_filed("ws-1", news);
  store->mark_notified("ws-1", {news[0], news[1]});
  store->mark_woken("ws-1", {news[2]});
  store->open_message("ws-1", make_message("m-1", {news[0], news[1]}));
  execute("pragma user_version = 2");
  EXPECT_TRUE(store->save_waiting()) << store->health().trouble;
  for (int look = 0; look < 2; ++look) {
    const auto all = store->results("ws-1", 0, 100);
    EXPECT_EQ(ids_of(all), (std::vector<std::string>{"delegation-0", "delegation-1", "delegation-2",
                                                     "delegation-3", "delegation-4"}));
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
            store->results("ws-1", 0, 100)[4].seq);
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
