#include "tests/actors/results_file/results_file_fixture.hpp"

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

namespace workspace_supervisor {
namespace {

// No line is lost: not to a reader that takes the file away at any moment, nor to a failure at any step.

int open_descriptors() {
  return static_cast<int>(files_in("/proc/self/fd"));
}

// ---- taken away meanwhile

TEST_F(append_results_test, lines_are_written_again_when_the_file_is_renamed_away_before_the_write) {
  write_content(path, "x\n");
  const std::string taken = directory.file("taken");
  system.before_write = [&] {
    if (!std::filesystem::exists(taken)) {
      std::filesystem::rename(path, taken);
    }
  };
  EXPECT_EQ(append("a\n"), "");
  EXPECT_EQ(content_of(path), "a\n");
  EXPECT_EQ(content_of(taken), "x\na\n");
}

TEST_F(append_results_test, lines_are_written_again_when_the_file_is_deleted_before_the_check) {
  int deletions = 0;
  system.before_check = [&] {
    if (deletions++ == 0) {
      std::filesystem::remove(path);
    }
  };
  EXPECT_EQ(append("a\n"), "");
  EXPECT_EQ(content_of(path), "a\n");
}

TEST_F(append_results_test, lines_go_into_the_next_file_when_it_is_deleted_as_soon_as_it_is_there) {
  class deleting_operations : public file_operations {
  public:
    std::string path;
    int left = 9;
    int fstat(int descriptor, struct ::stat* status) override {
      if (left-- > 0)
        std::filesystem::remove(path);
      return file_operations::fstat(descriptor, status);
    }
  } deleting;
  deleting.path = path;
  EXPECT_EQ(append_results(path, "a\n", owner, deleting), "");
  EXPECT_EQ(content_of(path), "a\n");
  deleting.left = 10;
  EXPECT_TRUE(has(append_results(path, "b\n", owner, deleting), "was taken away 10 times"));
}

TEST_F(append_results_test, lines_are_written_again_when_another_file_stands_there) {
  int replaced = 0;
  system.before_check = [&] {
    if (replaced++ == 0) {
      std::filesystem::rename(path, directory.file("taken"));
      write_content(path, "new\n");
    }
  };
  EXPECT_EQ(append("a\n"), "");
  EXPECT_EQ(content_of(path), "new\na\n");
}

TEST_F(append_results_test, link_made_meanwhile_is_refused) {
  int links = 0;
  system.before_check = [&] {
    if (links++ == 0) {
      std::filesystem::create_hard_link(path, directory.file("other"));
    }
  };
  EXPECT_TRUE(has(append("a\n"), "2 links"));
}

TEST_F(append_results_test, gives_up_on_a_file_that_is_taken_away_every_time) {
  system.before_check = [&] {
    std::filesystem::remove(path);
  };
  const std::string error = append("a\n");
  EXPECT_TRUE(has(error, path + " was taken away 10 times")) << error;
}

TEST_F(append_results_test, file_that_comes_and_goes_between_two_opens_is_no_endless_loop) {
  class flickering_operations : public file_operations {
  public:
    int opened = 0;
    int open(const char*, int flags, mode_t) override {
      ++opened;
      errno = flags & O_CREAT ? EEXIST : ENOENT;
      return -1;
    }
  } flickering;
  EXPECT_TRUE(has(append_results(path, "a\n", owner, flickering), "came and went"));
  EXPECT_LE(flickering.opened, 100);
}

// ---- every failure at every place

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

// Appends with the failure ordered, then again until it succeeds, and looks at what a reader then finds.
void expect_nothing_lost(const std::string& before, const std::function<void(failing_operations&)>& order,
                         bool& has_failed, const std::string& context) {
  temporary_directory directory;
  const std::string path = directory.file("results.jsonl");
  if (!before.empty()) {
    write_content(path, before);
  }
  const int descriptors = open_descriptors();
  const std::vector<std::string> lines = {"first line", "second line"};
  failing_operations failing;
  order(failing);
  std::string error = append_results(path, "first line\nsecond line\n", {}, failing);
  has_failed = !failing.failed_call.empty();
  if (!error.empty()) {
    EXPECT_TRUE(has(error, path)) << context << error;
    failing_operations working;
    error = append_results(path, "first line\nsecond line\n", {}, working);
  }
  EXPECT_EQ(error, "") << context;
  EXPECT_EQ(open_descriptors(), descriptors) << context;
  const std::string content = content_of(path);
  EXPECT_TRUE(content.ends_with("first line\nsecond line\n")) << context << content;
  EXPECT_TRUE(content.starts_with(before)) << context << content;
  if (!failing.cut_back_failed) {
    for (const std::string& line : lines_of(content.substr(before.size()))) {
      EXPECT_TRUE(line == lines[0] || line == lines[1] || (line.empty() && before.ends_with('n')))
          << context << "torn: " << line;
    }
  }
}

TEST(append_results_failures, no_single_failure_loses_or_tears_a_line) {
  for (const std::string before : {"", "old\n", "torn"}) {
    for (const int code : {EIO, ENOSPC, EINTR, EDQUOT}) {
      bool has_failed = true;
      int step = 0;
      // Until the run ends before the step at which it was to fail.
      for (; has_failed; ++step) {
        expect_nothing_lost(
            before,
            [&](failing_operations& failing) {
              failing.fail_at = step;
              failing.code = code;
            },
            has_failed, before + " step " + std::to_string(step) + " code " + std::to_string(code) + ": ");
      }
      EXPECT_GE(step, 7) << "open, fstat, write, fdatasync, stat, close, and the run without a failure";
    }
  }
}

TEST(append_results_failures, nor_do_all_calls_failing_from_one_on) {
  for (const std::string before : {"", "old\n"}) {
    for (int step = 0; step < 10; ++step) {
      bool has_failed = false;
      expect_nothing_lost(
          before, [&](failing_operations& failing) { failing.fail_every_from = step; }, has_failed,
          before + " from step " + std::to_string(step) + ": ");
    }
  }
}

TEST(append_results_failures, no_short_write_loses_or_tears_a_line_whatever_fails_then) {
  const ssize_t size = static_cast<ssize_t>(std::strlen("\nfirst line\nsecond line\n"));
  for (const std::string before : {"", "old\n", "torn"}) {
    for (ssize_t length = 0; length < size; ++length) {
      for (int step = -1; step < 9; ++step) {
        bool has_failed = false;
        expect_nothing_lost(
            before,
            [&](failing_operations& failing) {
              failing.short_write = length;
              failing.fail_at = step;
            },
            has_failed,
            before + " length " + std::to_string(length) + " step " + std::to_string(step) + ": ");
      }
    }
  }
}

// ---- a reader that takes the file away all the time

TEST(append_results_stress, reader_that_renames_reads_and_deletes_sees_every_line) {
  constexpr int count = 20'000;
  // In memory where there is such a file system: 20,000 syncs of a disk take minutes and race less.
  temporary_directory directory(
      std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path());
  const std::string path = directory.file("results.jsonl");
  const std::string taken = directory.file("taken");
  std::atomic<bool> finished = false;
  std::multiset<std::string> seen;
  std::thread reader([&] {
    for (bool last_round = false; !last_round;) {
      last_round = finished;
      if (::rename(path.c_str(), taken.c_str()) == 0) {
        for (std::string& line : lines_of(content_of(taken))) {
          seen.insert(std::move(line));
        }
        ::unlink(taken.c_str());
      }
    }
  });
  int refused = 0;
  file_operations system;
  for (int number = 0; number < count; ++number) {
    const std::string line = "line " + std::to_string(number) + '\n';
    while (!append_results(path, line, {}, system).empty()) {
      ++refused; // taken away ten times in a row
    }
  }
  finished = true;
  reader.join();
  std::size_t lost = 0;
  for (int number = 0; number < count; ++number) {
    lost += seen.count("line " + std::to_string(number)) == 0 ? 1 : 0;
  }
  EXPECT_EQ(lost, 0u);
  const std::set<std::string> distinct(seen.begin(), seen.end());
  EXPECT_EQ(distinct.size(), static_cast<std::size_t>(count)) << "torn lines";
  std::cout << "duplicates: " << seen.size() - distinct.size() << ", refused: " << refused << '\n';
}

} // namespace
} // namespace workspace_supervisor
