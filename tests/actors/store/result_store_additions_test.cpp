#include "tests/actors/store/result_store_scenario.hpp"
#include "tests/actors/store/sqlite_fault_vfs.hpp"

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <sys/mman.h>
#include <sys/wait.h>

namespace workspace_supervisor {

namespace {

// Workspaces that come and go, while the outside world fails at step N, for every N until the run passes
// untouched: whoever was told that one is kept finds it after a restart, and of one that is forgotten nothing
// is left.

/// What somebody was told of a workspace: it is kept, or it is not.
using told = std::map<std::string, bool>;

constexpr int addition_steps = 7;

added_workspace addition(const std::string& id) {
  return {id, "/configs/" + id, "/results/" + id, "http://platform.example", ""};
}

/// `done(step)` follows each; @returns what was told.
told come_and_go(
    result_store& store, const std::function<void(int)>& done = [](int) {}) {
  told kept;
  for (const auto* id : {"a", "b"})
    kept[id] = store.keep_added(addition(id)).empty();
  done(1);
  for (const auto* id : {"a", "b"})
    store.record(make_poll(make_results(0, 3), id), start_time);
  done(2);
  const auto a_leaves = kept["a"] && store.mark_leaving("a").empty();
  done(3);
  if (a_leaves) {
    store.forget_workspace("a");
    kept["a"] = false;
  }
  done(4);
  kept["c"] = store.keep_added(addition("c")).empty();
  done(5);
  if (!kept["a"])
    kept["a"] = store.keep_added(addition("a")).empty();
  done(6);
  store.forget_added("b");
  kept["b"] = false;
  done(7);
  return kept;
}

bool is_kept(const added_workspaces& known, const std::string& id) {
  return std::find(known.workspaces.begin(), known.workspaces.end(), addition(id)) != known.workspaces.end();
}

class result_store_additions : public testing::Test {
protected:
  result_store_additions() { sqlite_fault::install(); }
  ~result_store_additions() override { sqlite_fault::disarm(); }

  static void fail_everywhere(sqlite_fault::kind kind, bool lasting) {
    int points = 0;
    for (std::int64_t at = 1;; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at));
      temporary_folder folder{true};
      told kept;
      sqlite_fault::arm(kind, at, lasting);
      {
        auto store = make_durable_store(folder.path());
        kept = come_and_go(*store);
        const auto during = store->added();
        for (const auto& [id, is] : kept)
          ASSERT_EQ(is_kept(during, id), is) << id << " while it fails";
        sqlite_fault::disarm();
        for (int attempt = 0; attempt < 3 && !store->health().durable; ++attempt)
          store->save_waiting();
        ASSERT_TRUE(store->health().durable) << store->health().trouble;
        ASSERT_EQ(store->health().unsaved, 0);
      }
      auto store = make_durable_store(folder.path());
      const auto known = store->added();
      for (const auto& [id, is] : kept)
        ASSERT_EQ(is_kept(known, id), is) << id << " after a restart";
      ASSERT_TRUE(known.leaving.empty());
      ASSERT_EQ(store->results("b", 0, 10).size(), 3U)
          << "they stay with one that is the configuration's now";
      if (!sqlite_fault::hit())
        break;
      ++points;
    }
    ASSERT_GT(points, 10) << "the fault never struck";
    std::cout << "[ POINTS   ] " << points << '\n';
  }
};

TEST_F(result_store_additions, outlive_an_io_error_anywhere) {
  fail_everywhere(sqlite_fault::kind::io_error, false);
}

TEST_F(result_store_additions, outlive_io_errors_from_anywhere_on) {
  fail_everywhere(sqlite_fault::kind::io_error, true);
}

TEST_F(result_store_additions, outlive_a_disk_full_from_anywhere_on) {
  fail_everywhere(sqlite_fault::kind::disk_full, true);
}

TEST_F(result_store_additions, outlive_death_in_the_middle_of_any_write) {
  auto* reached = static_cast<int*>(
      ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(reached, MAP_FAILED);
  std::int64_t at = 1;
  for (bool died = true; died; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    temporary_folder folder{true};
    *reached = 0;
    const auto child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      sqlite_fault::arm(sqlite_fault::kind::die_torn, at, false);
      auto store = make_durable_store(folder.path());
      come_and_go(*store, [&](int step) { *reached = step; });
      store.reset();
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    died = WEXITSTATUS(status) == 9;
    auto store = make_durable_store(folder.path());
    const auto known = store->added();
    const auto leaves = std::find(known.leaving.begin(), known.leaving.end(), "a") != known.leaving.end();
    const int step = *reached;
    if (step >= 1 && step < 2) {
      ASSERT_TRUE(is_kept(known, "a") && is_kept(known, "b"));
    }
    if (step == 3) {
      ASSERT_TRUE(leaves || store->results("a", 0, 10).empty());
    }
    if (step == 4) {
      ASSERT_FALSE(leaves || is_kept(known, "a"));
    }
    if (step >= 4) {
      ASSERT_TRUE(store->results("a", 0, 10).empty());
    }
    if (step >= 5) {
      ASSERT_TRUE(is_kept(known, "c"));
    }
    if (step >= 6) {
      ASSERT_TRUE(is_kept(known, "a"));
    }
    if (step == addition_steps) {
      ASSERT_FALSE(is_kept(known, "b"));
      ASSERT_EQ(store->results("b", 0, 10).size(), 3U);
    }
  }
  ::munmap(reached, sizeof(int));
  ASSERT_GT(at, 10) << "it never died";
  std::cout << "[ POINTS   ] " << at - 2 << '\n';
}

} // namespace

} // namespace workspace_supervisor
