#include "actors/delegations/results_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <limits>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <vector>

namespace workspace_supervisor {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The real calls, with one failure or one event to order. Every call counts as a step.
class failing_operations : public file_operations {
public:
  int fail_at = -1;         ///< the step that fails with `code`; -1: none
  int fail_every_from = -1; ///< every step from this one on fails
  int code = EIO;
  ssize_t short_write = -1; ///< a write takes only this many bytes, once
  std::function<void()> before_write;
  std::function<void()> before_sync;
  std::function<void()> before_check; ///< before each look at the path
  int steps = 0;
  int writes = 0;
  int truncations = 0;
  bool cut_back_failed = false;
  std::string failed_call;

  int open(const char* path, int flags, mode_t mode) override {
    return fails("open") ? -1 : file_operations::open(path, flags, mode);
  }
  int fstat(int descriptor, struct ::stat* status) override {
    return fails("fstat") ? -1 : file_operations::fstat(descriptor, status);
  }
  int stat(const char* path, struct ::stat* status) override {
    if (before_check) {
      before_check();
    }
    return fails("stat") ? -1 : file_operations::stat(path, status);
  }
  ssize_t pread(int descriptor, void* data, std::size_t size, off_t offset) override {
    return fails("pread") ? -1 : file_operations::pread(descriptor, data, size, offset);
  }
  ssize_t write(int descriptor, const void* data, std::size_t size) override {
    ++writes;
    if (before_write) {
      before_write();
    }
    if (fails("write")) {
      return -1;
    }
    if (short_write >= 0 && static_cast<std::size_t>(short_write) < size) {
      size = static_cast<std::size_t>(short_write);
      short_write = -1;
      return size == 0 ? 0 : file_operations::write(descriptor, data, size);
    }
    return file_operations::write(descriptor, data, size);
  }
  int ftruncate(int descriptor, off_t size) override {
    ++truncations;
    if (fails("ftruncate")) {
      cut_back_failed = true;
      return -1;
    }
    return file_operations::ftruncate(descriptor, size);
  }
  int fdatasync(int descriptor) override {
    if (before_sync) {
      before_sync();
    }
    return fails("fdatasync") ? -1 : file_operations::fdatasync(descriptor);
  }
  int fchmod(int descriptor, mode_t mode) override {
    return fails("fchmod") ? -1 : file_operations::fchmod(descriptor, mode);
  }
  int fchown(int descriptor, uid_t user, gid_t group) override {
    return fails("fchown") ? -1 : file_operations::fchown(descriptor, user, group);
  }
  int close(int descriptor) override {
    // As the kernel does: the descriptor is gone even if closing it failed.
    const int result = file_operations::close(descriptor);
    return fails("close") ? -1 : result;
  }

private:
  bool fails(const char* call) {
    const int step = steps++;
    if (step != fail_at && (fail_every_from < 0 || step < fail_every_from)) {
      return false;
    }
    failed_call = call;
    errno = code;
    return true;
  }
};

class append_results_test : public testing::Test {
protected:
  std::string append(const std::string& lines) { return append_results(path, lines, owner, system); }

  temporary_directory directory;
  std::string path = directory.file("results.jsonl");
  file_owner owner;
  failing_operations system;
};

int open_descriptors() {
  return static_cast<int>(files_in("/proc/self/fd"));
}

// ---- the line

TEST(results_file_line, has_the_eight_fields_in_order) {
  delegation_result result;
  result.delegation_id = "d";
  result.target_id = "t";
  result.source_id = "s";
  result.status = "completed";
  result.summary = "sum";
  result.own_summary = "not told";
  result.response_preview = "p";
  result.error = "e";
  result.created_at = 5;
  EXPECT_EQ(results_file_line(result, 1795466242.25),
            R"({"delegation_id":"d","target_id":"t","source_id":"s","status":"completed","summary":"sum",)"
            R"("response_preview":"p","error":"e","timestamp":1795466242.25})"
            "\n");
}

TEST(results_file_line, timestamp_is_fractional_to_microseconds) {
  const auto ends = [](double timestamp, const std::string& text) {
    EXPECT_TRUE(results_file_line({}, timestamp).ends_with("\"timestamp\":" + text + "}\n")) << text;
  };
  ends(1795466242, "1795466242.0");
  ends(1795466242.123456, "1795466242.123456");
  ends(1795466242.9999999, "1795466243.0");
  ends(0.1, "0.1");
  ends(0, "0.0");
  ends(std::numeric_limits<double>::quiet_NaN(), "0.0");
  ends(std::numeric_limits<double>::infinity(), "0.0");
}

TEST(results_file_line, is_one_line_of_ascii_whatever_the_texts_hold) {
  delegation_result result;
  result.summary =
      std::string("\"\\\n\r\t\0\x1f\x7f", 8) + "\u0085\u2028\u2029\u00fc\U0001F600\xff\xed\xa0\x80";
  const std::string line = results_file_line(result, 0);
  EXPECT_TRUE(has(line, R"("summary":"\"\\\n\u000d\u0009\u0000\u001f\u007f\u0085\u2028\u2029\u00fc)"
                        R"(\ud83d\ude00\ufffd\ufffd\ufffd\ufffd")"))
      << line;
  for (const char character : line.substr(0, line.size() - 1)) {
    EXPECT_TRUE(character >= 0x20 && character < 0x7f);
  }
}

// ---- the file

TEST_F(append_results_test, creates_a_file_of_mode_0600_whatever_the_umask) {
  for (const mode_t mask : {0, 022, 077, 0377, 0777}) {
    const with_umask scope(mask);
    EXPECT_EQ(append("a\n"), "");
    EXPECT_EQ(mode_of(path), 0600u) << mask;
    EXPECT_EQ(content_of(path), "a\n");
    std::filesystem::remove(path);
  }
}

TEST_F(append_results_test, appends_to_an_existing_file_and_leaves_its_mode) {
  write_content(path, "a\n");
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(append("b\nc\n"), "");
  EXPECT_EQ(content_of(path), "a\nb\nc\n");
  EXPECT_EQ(mode_of(path), 0644u);
}

TEST_F(append_results_test, no_lines_touch_nothing) {
  EXPECT_EQ(append(""), "");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(append_results_test, all_lines_go_in_one_write) {
  EXPECT_EQ(append("a\nb\nc\n"), "");
  EXPECT_EQ(system.writes, 1);
  EXPECT_EQ(system.truncations, 0);
}

TEST_F(append_results_test, opens_with_the_flags_that_keep_it_from_being_misled) {
  class recording_operations : public file_operations {
  public:
    std::vector<int> flags;
    int open(const char* path, int flag, mode_t mode) override {
      flags.push_back(flag);
      return file_operations::open(path, flag, mode);
    }
  } recording;
  EXPECT_EQ(append_results(path, "a\n", owner, recording), "");
  for (const int flags : recording.flags) {
    EXPECT_TRUE(flags & O_APPEND);
    EXPECT_TRUE(flags & O_NOFOLLOW);
    EXPECT_TRUE(flags & O_NONBLOCK);
    EXPECT_TRUE(flags & O_CLOEXEC);
  }
}

TEST_F(append_results_test, torn_line_of_an_earlier_crash_costs_that_line_alone) {
  write_content(path, "a\n{\"torn");
  EXPECT_EQ(append("b\n"), "");
  EXPECT_EQ(content_of(path), "a\n{\"torn\nb\n");
  EXPECT_EQ(system.writes, 1);
}

TEST_F(append_results_test, what_is_no_regular_file_is_refused_by_name) {
  const auto refused = [&](const std::string& kind) {
    const std::string error = append("a\n");
    EXPECT_TRUE(has(error, path)) << error;
    EXPECT_TRUE(has(error, "is " + kind + ", expected a regular file")) << error;
  };
  std::filesystem::create_directory(path);
  refused("a directory");
  std::filesystem::remove(path);

  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  refused("a FIFO");
  std::filesystem::remove(path);

  const std::string target = directory.file("target");
  std::filesystem::create_symlink(target, path);
  refused("a symbolic link");
  EXPECT_FALSE(std::filesystem::exists(target));
  write_content(target, "x\n");
  refused("a symbolic link");
  EXPECT_EQ(content_of(target), "x\n");
  std::filesystem::remove(path);

  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  refused("a socket");
  ::close(listener);
}

TEST_F(append_results_test, device_is_refused) {
  path = "/dev/null";
  EXPECT_TRUE(has(append("a\n"), "is a device, expected a regular file"));
}

TEST_F(append_results_test, file_with_a_second_link_is_refused) {
  write_content(path, "x\n");
  std::filesystem::create_hard_link(path, directory.file("other"));
  const std::string error = append("a\n");
  EXPECT_TRUE(has(error, path)) << error;
  EXPECT_TRUE(has(error, "2 links, expected exactly 1")) << error;
  EXPECT_EQ(content_of(path), "x\n");
}

TEST_F(append_results_test, file_of_another_user_is_refused_unless_it_is_the_owner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  write_content(path, "x\n");
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  std::string error = append("a\n");
  EXPECT_TRUE(has(error, path + " belongs to user 12345, expected user 0")) << error;
  owner = {true, 54321, 54321};
  error = append("a\n");
  EXPECT_TRUE(has(error, "expected user 0 or 54321")) << error;
  EXPECT_EQ(content_of(path), "x\n");
  owner = {true, 12345, 12345};
  EXPECT_EQ(append("a\n"), "");
  EXPECT_EQ(content_of(path), "x\na\n");
}

TEST_F(append_results_test, new_file_is_given_to_the_owner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  owner = {true, 12345, 23456};
  EXPECT_EQ(append("a\n"), "");
  struct ::stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345u);
  EXPECT_EQ(status.st_gid, 23456u);
  EXPECT_EQ(mode_of(path), 0600u);
}

TEST_F(append_results_test, file_left_by_a_failed_handover_is_handed_over_later) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  write_content(path, "");
  owner = {true, 12345, 23456};
  EXPECT_EQ(append("a\n"), "");
  struct ::stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345u);
}

TEST_F(append_results_test, file_of_ours_with_content_is_never_given_away) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  write_content(path, "secret\n");
  owner = {true, 12345, 23456};
  EXPECT_EQ(append("a\n"), "");
  struct ::stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 0u);
}

TEST_F(append_results_test, missing_directory_is_an_error_with_the_path) {
  path = directory.file("none/results.jsonl");
  const std::string error = append("a\n");
  EXPECT_TRUE(has(error, "cannot create results file " + path + ": No such file or directory")) << error;
}

TEST_F(append_results_test, read_only_directory_is_an_error_with_the_path) {
  ::chmod(directory.path().c_str(), 0555);
  const without_root scope;
  const std::string error = append("a\n");
  EXPECT_TRUE(has(error, "cannot create results file " + path + ": Permission denied")) << error;
}

TEST_F(append_results_test, full_disk_is_an_error_with_the_path_and_leaves_nothing) {
  write_content(path, "x\n");
  system.short_write = 3;
  const std::string error = append("abcdef\n");
  EXPECT_TRUE(has(error, path + " took 3 of 7 bytes")) << error;
  EXPECT_EQ(content_of(path), "x\n");
}

TEST_F(append_results_test, failed_cut_back_is_told) {
  write_content(path, "x\n");
  // open, fstat, pread, write, fstat, ftruncate
  system.fail_at = 5;
  system.short_write = 3;
  const std::string error = append("abcdef\n");
  EXPECT_EQ(system.failed_call, "ftruncate");
  EXPECT_TRUE(has(error, "cutting it back failed too: Input/output error")) << error;
}

TEST_F(append_results_test, interrupted_calls_are_made_again) {
  write_content(path, "x\n");
  for (int step = 0; step < 8; ++step) {
    failing_operations interrupted;
    interrupted.fail_at = step;
    interrupted.code = EINTR;
    const std::string error = append_results(path, "a\n", owner, interrupted);
    if (interrupted.failed_call != "fstat" && interrupted.failed_call != "stat") { // never interrupted
      EXPECT_EQ(error, "") << interrupted.failed_call;
    }
  }
}

TEST_F(append_results_test, file_system_that_cannot_sync_is_no_error) {
  for (const int code : {EINVAL, ENOSYS, EOPNOTSUPP}) {
    write_content(path, "x\n");
    failing_operations no_sync;
    no_sync.fail_at = 4; // open, fstat, pread, write, fdatasync
    no_sync.code = code;
    EXPECT_EQ(append_results(path, "a\n", owner, no_sync), "");
    EXPECT_EQ(no_sync.failed_call, "fdatasync");
  }
}

TEST_F(append_results_test, failed_sync_is_an_error_and_cut_back) {
  write_content(path, "x\n");
  system.fail_at = 4;
  EXPECT_TRUE(has(append("a\n"), "cannot sync results file " + path));
  EXPECT_EQ(system.failed_call, "fdatasync");
  EXPECT_EQ(content_of(path), "x\n");
}

TEST_F(append_results_test, cut_back_does_not_lengthen_a_file_that_was_emptied_meanwhile) {
  write_content(path, "xxxxxxxx\n");
  system.before_sync = [&] {
    std::filesystem::resize_file(path, 0);
  };
  system.fail_at = 4;
  EXPECT_NE(append("a\n"), "");
  EXPECT_EQ(content_of(path), "");
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
