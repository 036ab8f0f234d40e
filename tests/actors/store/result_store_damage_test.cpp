#include "tests/actors/store/store_in_a_folder.hpp"

namespace workspace_supervisor {

namespace {

/// Files that are damaged or not ours.
class result_store_damage_test : public store_in_a_folder {};

TEST_F(result_store_damage_test, a_file_that_is_no_database_is_moved_aside) {
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

TEST_F(result_store_damage_test, another_programs_database_is_moved_aside) {
  execute("create table theirs (x); insert into theirs values (1)");
  EXPECT_TRUE(open()->health().durable);
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_damage_test, files_moved_aside_do_not_overwrite_each_other) {
  for (int round = 0; round < 3; ++round) {
    write("damaged " + std::to_string(round) + std::string(100, '.'));
    open();
  }
  EXPECT_EQ(moved_aside().size(), 3U);
}

TEST_F(result_store_damage_test, an_empty_file_is_a_new_database) {
  write("");
  EXPECT_TRUE(open()->health().durable);
  EXPECT_TRUE(moved_aside().empty());
}

TEST_F(result_store_damage_test, a_damaged_page_found_at_the_start_is_moved_aside) {
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

TEST_F(result_store_damage_test, an_index_that_does_not_fit_its_table_is_moved_aside) {
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

TEST_F(result_store_damage_test, a_damaged_file_that_seems_to_have_no_tables_is_moved_aside) {
  execute("create table t (x); pragma writable_schema = on; delete from sqlite_schema");
  auto store = open();
  EXPECT_TRUE(store->health().durable) << store->health().trouble;
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_damage_test, a_row_of_gigabytes_is_damage_and_no_want_of_memory) {
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

TEST_F(result_store_damage_test, a_truncated_file_is_moved_aside) {
  open()->record(make_poll(make_results(0, 200)), start_time);
  std::filesystem::resize_file(database(), 3 * 4096);
  EXPECT_TRUE(open()->health().durable);
  EXPECT_EQ(moved_aside().size(), 1U);
}

TEST_F(result_store_damage_test, what_no_version_has_written_is_moved_aside) {
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

TEST_F(result_store_damage_test, a_header_that_forbids_to_write_is_moved_aside) {
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

TEST_F(result_store_damage_test, texts_and_times_that_nobody_has_written_are_told_as_such) {
  open()->record(make_poll({make_result("a")}), start_time);
  execute("update result_texts set summary = cast(x'41ff42' as text), created_at = 1e999");
  auto store = open();
  const auto results = store->results("ws-1", 0, 10);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].result.summary, "A\xef\xbf\xbd"
                                       "B");
  EXPECT_EQ(results[0].result.created_at, 0);
}

TEST_F(result_store_damage_test, damage_met_later_costs_nothing_that_is_unfinished) {
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

} // namespace

} // namespace workspace_supervisor
