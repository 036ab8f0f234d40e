#include "tests/actors/results_file/results_file_fixture.hpp"

#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/socket.h>
#include <sys/un.h>
#include <vector>

namespace workspace_supervisor {
namespace {

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

} // namespace
} // namespace workspace_supervisor
