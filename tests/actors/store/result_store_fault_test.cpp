#include "tests/actors/store/result_store_scenario.hpp"
#include "tests/actors/store/sqlite_fault_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <set>
#include <sys/mman.h>
#include <sys/wait.h>

namespace workspace_supervisor {

namespace {

/// The outside world fails at step N, for every N until the run passes untouched.
///
/// The run: two polls of 20 results in all, one of them history, filed, in two self-messages of which one is
/// delivered and one stays open, all but the last notified.
constexpr int steps = 8;

void run(result_store& store, const std::function<void(int)>& done) {
  auto first = make_results(0, 15);
  first.push_back(make_result("history", 1));
  auto news = store.record(make_poll(first), start_time);
  done(1);
  auto more = store.record(make_poll(make_results(10, 10)), start_time + 1);
  done(2);
  news.insert(news.end(), more.begin(), more.end());
  auto seqs = seqs_of(news);
  store.mark_filed("ws-1", seqs);
  done(3);
  store.open_message("ws-1", make_message("m-1", {seqs.begin(), seqs.begin() + 12}, start_time + 2));
  done(4);
  store.close_message("ws-1", "m-1", start_time + 2);
  done(5);
  store.mark_notified("ws-1", {seqs.begin(), seqs.end() - 1});
  done(6);
  store.open_message("ws-1", make_message("m-2", {seqs.begin() + 12, seqs.begin() + 18}, start_time + 70));
  done(7);
  store.mark_woken("ws-1", {seqs.begin() + 18, seqs.begin() + 19});
  done(8);
}

std::string id_of(int number) {
  return "delegation-" + std::to_string(number);
}

/// Says what of the state after `done` steps is missing; what a step begun but not done would do may be
/// there.
std::string missing(result_store& store, int done, bool begun_next) {
  auto box = store.pending("ws-1", start_time + 100);
  auto results = store.results("ws-1", 0, 1000);
  std::set<std::string> ids;
  for (const auto& stored : results)
    if (!ids.insert(stored.result.delegation_id).second)
      return "recorded twice: " + stored.result.delegation_id;
  auto has_done = [&](int step) {
    return done >= step;
  };
  auto may_be_done = [&](int step) {
    return done + begun_next >= step;
  };
  std::size_t least = has_done(2) ? 20 : has_done(1) ? 15 : 0;
  std::size_t most = may_be_done(2) ? 20 : may_be_done(1) ? 15 : 0;
  if (results.size() < least || results.size() > most)
    return std::to_string(results.size()) + " results";
  if (ids.contains("history"))
    return "history is told";
  for (std::size_t number = 0; number < results.size(); ++number) {
    const auto& stored = results[number];
    auto name = stored.result.delegation_id;
    if (name != id_of(static_cast<int>(number)))
      return "out of order: " + name;
    if (stored.result.summary != "summary of " + name ||
        stored.result.response_preview != "preview of " + name)
      return "texts of " + name;
    auto check = [&](bool is, int step, bool concerns) {
      return concerns ? (is || !has_done(step)) && (!is || may_be_done(step)) : !is;
    };
    if (!check(stored.filed, 3, true))
      return "filed of " + name;
    if (!(number < 12 ? check(stored.woken, 5, true) : check(stored.woken, 8, number == 18)))
      return "woken of " + name;
    if (!check(stored.notified, 6, number < 19))
      return "notified of " + name;
  }
  bool first_open = has_done(4) && !may_be_done(5);
  bool second_open = has_done(7);
  if ((first_open || second_open) && !box.has_open_message)
    return "the open message";
  if (box.has_open_message) {
    auto number = box.open_message.message_id == "m-1" ? 1 : 2;
    if (!may_be_done(number == 1 ? 4 : 7) || (number == 1 && has_done(5)))
      return "a message that is not open";
    if (box.open_message.text != "text of " + box.open_message.message_id)
      return "the message's text";
    if (box.open_message.seqs.size() != (number == 1 ? 12U : 6U))
      return "the message's results";
    if (box.open_message.created_at != (number == 1 ? start_time + 2 : start_time + 70))
      return "when the message was opened";
  }
  if (has_done(5) && box.last_delivered_start != start_time + 2)
    return "the last delivery";
  std::size_t attempts = has_done(7) ? 2 : has_done(4) ? 1 : 0;
  if (box.recent_messages.size() < attempts)
    return "attempts";
  return {};
}

/// Says what a reader that cannot have the finished results from the disk must still get after the run.
std::string unfinished(result_store& store) {
  auto box = store.pending("ws-1", start_time + 100);
  if (!box.has_open_message || box.open_message.message_id != "m-2" || box.open_message.seqs.size() != 6)
    return "the open message";
  if (ids_of(box.unwoken) != std::vector{id_of(19)} || ids_of(box.unnotified) != std::vector{id_of(19)})
    return "what has to go out";
  if (box.recent_messages.size() != 2 || box.last_delivered_start != start_time + 2)
    return "what bounds it";
  return {};
}

/// Whether a later poll that lists everything brings nothing twice, and history stays history.
std::string forgotten(result_store& store, int done, bool begun_next) {
  auto all = make_results(0, 20);
  all.push_back(make_result("history", 1));
  auto news = store.record(make_poll(all), start_time + 200);
  std::size_t most = done >= 2 ? 0 : done == 1 ? 5 : 20;
  if (news.size() > most)
    return std::to_string(news.size()) + " results are news again";
  if (store.unfiled("ws-1").size() + store.counts("ws-1").unwoken < (done + begun_next >= 5 ? 7U : 20U))
    return "lost: " + std::to_string(store.unfiled("ws-1").size()) + " unfiled";
  return {};
}

bool moved_aside(const temporary_folder& folder) {
  for (const auto& entry : std::filesystem::directory_iterator{folder.path()})
    if (entry.path().filename().string().find("corrupt") != std::string::npos)
      return true;
  return false;
}

std::string integrity(const std::string& path) {
  sqlite3* database = nullptr;
  std::string verdict = "cannot be opened";
  if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK)
    sqlite3_exec(
        database, "pragma integrity_check",
        [](void* into, int, char** values, char**) {
          *static_cast<std::string*>(into) = values[0];
          return 0;
        },
        &verdict, nullptr);
  sqlite3_close(database);
  return verdict;
}

class result_store_fault_test : public testing::Test {
protected:
  result_store_fault_test() { sqlite_fault::install(); }
  ~result_store_fault_test() override { sqlite_fault::disarm(); }

  enum class found {
    nothing,
    database, ///< one that was closed in order
    log       ///< one that was not, with a log so long that the run's steps bring it to its checkpoint
  };

  static void prepare(const temporary_folder& folder, found before) {
    if (before == found::nothing)
      return;
    static const temporary_folder origins{true};
    auto origin = origins / (before == found::log ? "log" : "database");
    if (std::filesystem::create_directory(origin)) {
      auto child = ::fork();
      if (child == 0) {
        auto store = make_durable_store(origin);
        auto result = make_result("x");
        if (before == found::log)
          result.response_preview = std::string(200 * 4096, 'p');
        store->record(make_poll({result}, "ws-2"), start_time);
        if (before == found::database)
          store.reset();
        ::_exit(0);
      }
      ::waitpid(child, nullptr, 0);
      ASSERT_EQ(std::filesystem::exists(origin + "/results.db-wal"), before == found::log);
    }
    std::filesystem::copy(origin, folder.path(), std::filesystem::copy_options::recursive);
  }

  /// @param lasting the fault goes on until after the run.
  /// @param before what stands in the directory when the store is opened.
  /// @param stride more than 1 leaves operations out: a long log is read frame by frame.
  /// @param stride only every so manieth operation; CRASH_STEP in the environment goes before it.
  void fail_everywhere(sqlite_fault::kind kind, bool lasting, found before, int stride = 1) {
    if (const auto* given = std::getenv("CRASH_STEP"))
      stride = std::max(1, std::atoi(given));
    std::int64_t points = 0;
    for (std::int64_t at = 1;; at += stride) {
      SCOPED_TRACE("operation " + std::to_string(at));
      temporary_folder folder{true};
      prepare(folder, before);
      sqlite_fault::arm(kind, at, lasting);
      {
        auto store = make_durable_store(folder.path());
        run(*store, [](int) {});
        ASSERT_EQ(unfinished(*store), "") << "while it fails";
        store->save_waiting();
        ASSERT_EQ(unfinished(*store), "") << "after an attempt to save";
        sqlite_fault::disarm();
        for (int attempt = 0; attempt < 3 && !store->health().durable; ++attempt)
          store->save_waiting();
        auto health = store->health();
        ASSERT_TRUE(health.durable) << health.trouble;
        ASSERT_EQ(health.unsaved, 0);
        ASSERT_EQ(health.trouble, "");
        ASSERT_EQ(missing(*store, steps, false), "") << "after saving";
      }
      {
        auto store = make_durable_store(folder.path());
        ASSERT_TRUE(store->health().durable) << store->health().trouble;
        ASSERT_EQ(missing(*store, steps, false), "") << "after a restart";
        ASSERT_EQ(forgotten(*store, steps, false), "") << "after a restart";
        ASSERT_EQ(store->unfiled("ws-2").size(), before == found::nothing ? 0U : 1U);
      }
      ASSERT_FALSE(moved_aside(folder)) << "a good database was taken for a damaged one";
      ASSERT_EQ(integrity(folder / "results.db"), "ok");
      if (!sqlite_fault::hit())
        break;
      ++points;
    }
    ASSERT_GT(points, 10) << "the fault never struck";
    std::cout << "[ POINTS   ] " << points << '\n';
  }

  /// The process dies at operation N; what it had been told was recorded must be there.
  void die_everywhere(sqlite_fault::kind kind, found before) {
    auto* told = static_cast<int*>(
        ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(told, MAP_FAILED);
    std::int64_t at = 1;
    for (bool died = true; died; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      temporary_folder folder{true};
      prepare(folder, before);
      *told = 0;
      auto child = ::fork();
      ASSERT_GE(child, 0);
      if (child == 0) {
        sqlite_fault::arm(kind, at, false);
        auto store = make_durable_store(folder.path());
        run(*store, [&](int step) { *told = step; });
        store.reset();
        ::_exit(0);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status));
      ASSERT_TRUE(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
      died = WEXITSTATUS(status) == 9;
      {
        auto store = make_durable_store(folder.path());
        ASSERT_TRUE(store->health().durable) << store->health().trouble;
        ASSERT_TRUE(store->take_notices().empty());
        ASSERT_EQ(missing(*store, *told, died), "") << "after step " << *told;
        ASSERT_EQ(forgotten(*store, *told, died), "") << "after step " << *told;
      }
      ASSERT_FALSE(moved_aside(folder));
      ASSERT_EQ(integrity(folder / "results.db"), "ok");
    }
    ::munmap(told, sizeof(int));
    ASSERT_GT(at, 10) << "it never died";
    std::cout << "[ POINTS   ] " << at - 2 << '\n';
  }
};

TEST_F(result_store_fault_test, one_io_error_anywhere_loses_nothing) {
  fail_everywhere(sqlite_fault::kind::io_error, false, found::nothing);
}

TEST_F(result_store_fault_test, io_errors_from_anywhere_on_lose_nothing) {
  fail_everywhere(sqlite_fault::kind::io_error, true, found::nothing);
}

TEST_F(result_store_fault_test, one_io_error_in_an_existing_database_loses_nothing) {
  fail_everywhere(sqlite_fault::kind::io_error, false, found::database);
}

TEST_F(result_store_fault_test, io_errors_from_anywhere_on_in_an_existing_database_lose_nothing) {
  fail_everywhere(sqlite_fault::kind::io_error, true, found::database);
}

TEST_F(result_store_fault_test, one_io_error_over_a_long_log_loses_nothing) {
  fail_everywhere(sqlite_fault::kind::io_error, false, found::log, 3);
}

TEST_F(result_store_fault_test, io_errors_from_anywhere_on_over_a_long_log_lose_nothing) {
  fail_everywhere(sqlite_fault::kind::io_error, true, found::log, 7);
}

TEST_F(result_store_fault_test, one_full_disk_anywhere_loses_nothing) {
  fail_everywhere(sqlite_fault::kind::disk_full, false, found::log);
}

TEST_F(result_store_fault_test, a_disk_full_from_anywhere_on_loses_nothing) {
  fail_everywhere(sqlite_fault::kind::disk_full, true, found::log);
}

TEST_F(result_store_fault_test, death_before_any_operation_loses_nothing_that_was_recorded) {
  die_everywhere(sqlite_fault::kind::die, found::nothing);
}

TEST_F(result_store_fault_test, death_in_the_middle_of_any_write_loses_nothing_that_was_recorded) {
  die_everywhere(sqlite_fault::kind::die_torn, found::log);
}

} // namespace

} // namespace workspace_supervisor
