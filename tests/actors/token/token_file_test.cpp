#include "actors/token/token_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>

namespace workspace_supervisor {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class token_file_test : public testing::Test {
protected:
  std::string reason() {
    const token_reading reading = read_token(directory.path());
    EXPECT_EQ(reading.token, "");
    return reading.reason;
  }
  std::string reason_of(const std::string& content) {
    write_content(path, content);
    return reason();
  }
  std::string read() {
    const token_reading reading = read_token(directory.path());
    EXPECT_EQ(reading.reason, "");
    return reading.token;
  }
  std::string save(const std::string& token) { return save_token(directory.path(), token, owner); }
  ino_t inode() const {
    struct ::stat status = {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }

  temporary_directory directory;
  std::string path = directory.file(".auth_token");
  file_owner owner;
};

// ---- reading

TEST_F(token_file_test, reads_and_trims_white_space) {
  write_content(path, " \t\r\n\v\ftok en-1\n\r\n ");
  EXPECT_EQ(read(), "tok en-1");
}

TEST_F(token_file_test, missing_file_or_directory) {
  EXPECT_EQ(reason(), "missing");
  EXPECT_EQ(read_token(directory.file("none")).reason, "missing");
}

TEST_F(token_file_test, empty_file) {
  EXPECT_EQ(reason_of(""), "empty");
  EXPECT_EQ(reason_of(" \n\t\n"), "empty");
}

TEST_F(token_file_test, token_of_8_kib_is_read_and_a_larger_file_is_not) {
  write_content(path, std::string(8192, 'x'));
  EXPECT_EQ(read(), std::string(8192, 'x'));
  EXPECT_EQ(reason_of(std::string(8193, 'x')), "too large: more than 8192 bytes");
  EXPECT_EQ(reason_of("x" + std::string(8192, '\n')), "too large: more than 8192 bytes");
}

TEST_F(token_file_test, control_character_inside) {
  for (const char control : {'\0', '\x01', '\n', '\r', '\t', '\x1f', '\x7f'}) {
    EXPECT_EQ(reason_of(std::string("secret") + control + "b"), "has a control character inside");
  }
}

TEST_F(token_file_test, unreadable_file) {
  write_content(path, "secret");
  ::chmod(path.c_str(), 0);
  ::chmod(directory.path().c_str(), 0755);
  const without_root scope;
  EXPECT_EQ(reason(), "unreadable: Permission denied");
}

TEST_F(token_file_test, what_is_no_regular_file) {
  std::filesystem::create_directory(path);
  EXPECT_EQ(reason(), "not a regular file");
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/dev/zero", path);
  EXPECT_EQ(reason(), "not a regular file");
}

TEST_F(token_file_test, fifo_hangs_nobody) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(reason(), "not a regular file");
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(directory.file("fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("fifo", path);
  EXPECT_EQ(reason(), "not a regular file");
}

TEST_F(token_file_test, links_are_followed) {
  write_content(directory.file("real"), "secret\n");
  std::filesystem::create_symlink("real", directory.file("second"));
  std::filesystem::create_symlink(directory.file("second"), path);
  EXPECT_EQ(read(), "secret");
}

TEST_F(token_file_test, links_to_nothing_or_in_a_circle) {
  std::filesystem::create_symlink("nothing", path);
  EXPECT_EQ(reason(), "missing");
  std::filesystem::remove(path);
  std::filesystem::create_symlink(".auth_token", path);
  EXPECT_EQ(reason(), "unreadable: Too many levels of symbolic links");
}

// ---- saving

TEST_F(token_file_test, saves_a_trimmed_token_and_nothing_else) {
  EXPECT_EQ(save(" secret\n"), "");
  EXPECT_EQ(content_of(path), "secret");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST_F(token_file_test, saved_token_has_mode_0600_whatever_the_umask_and_the_old_mode) {
  for (const mode_t mask : {0, 022, 0777}) {
    const with_umask scope(mask);
    write_content(path, "old");
    ::chmod(path.c_str(), 0644);
    EXPECT_EQ(save("new"), "");
    EXPECT_EQ(mode_of(path), 0600u) << mask;
    std::filesystem::remove(path);
  }
}

TEST_F(token_file_test, replaces_the_file_and_does_not_write_into_it) {
  write_content(path, "old");
  const int reader = ::open(path.c_str(), O_RDONLY);
  EXPECT_EQ(save("new"), "");
  char buffer[8] = {};
  EXPECT_EQ(::read(reader, buffer, sizeof buffer), 3);
  EXPECT_EQ(std::string(buffer), "old");
  ::close(reader);
  EXPECT_EQ(read(), "new");
}

TEST_F(token_file_test, identical_token_is_not_written) {
  write_content(path, "secret\n");
  const ino_t before = inode();
  EXPECT_EQ(save("secret"), "");
  EXPECT_EQ(inode(), before);
  EXPECT_EQ(content_of(path), "secret\n");
}

TEST_F(token_file_test, token_that_cannot_be_one_is_refused_and_not_told) {
  write_content(path, "old");
  const std::pair<std::string, std::string> cases[] = {
      {"", "empty"},
      {" \n", "empty"},
      {std::string(8193, 'x'), "too large"},
      {"secret\nb", "control character"},
      {std::string("secret\0b", 8), "control character"},
  };
  for (const auto& [token, fault] : cases) {
    const std::string error = save(token);
    EXPECT_TRUE(has(error, fault)) << error;
    EXPECT_FALSE(has(error, "secret")) << error;
    EXPECT_EQ(content_of(path), "old");
  }
  EXPECT_EQ(save(' ' + std::string(8192, 'x') + '\n'), "");
}

TEST_F(token_file_test, saves_over_a_file_that_holds_no_token) {
  EXPECT_EQ(reason_of(std::string(10'000, 'x')), "too large: more than 8192 bytes");
  EXPECT_EQ(save("new"), "");
  EXPECT_EQ(read(), "new");
}

TEST_F(token_file_test, link_stays_and_its_target_is_replaced) {
  const std::string secrets = directory.file("secrets");
  std::filesystem::create_directory(secrets);
  write_content(secrets + "/token", "old");
  std::filesystem::create_symlink("secrets/token", path);
  EXPECT_EQ(save("new"), "");
  EXPECT_TRUE(std::filesystem::is_symlink(path));
  EXPECT_EQ(content_of(secrets + "/token"), "new");
  EXPECT_EQ(files_in(secrets), 1u);
  EXPECT_EQ(files_in(directory.path()), 2u);
}

TEST_F(token_file_test, link_to_nothing_gets_its_target) {
  std::filesystem::create_symlink(directory.file("later"), path);
  EXPECT_EQ(save("new"), "");
  EXPECT_TRUE(std::filesystem::is_symlink(path));
  EXPECT_EQ(content_of(directory.file("later")), "new");
}

TEST_F(token_file_test, link_in_a_circle_is_an_error) {
  std::filesystem::create_symlink(".auth_token", path);
  EXPECT_TRUE(has(save("new"), "cannot follow the link " + path));
}

TEST_F(token_file_test, link_to_a_place_that_cannot_be_written_is_an_error_and_stays) {
  const std::string secrets = directory.file("secrets");
  std::filesystem::create_directory(secrets);
  write_content(secrets + "/token", "old");
  std::filesystem::create_symlink("secrets/token", path);
  ::chmod(secrets.c_str(), 0555);
  ::chmod(directory.path().c_str(), 0777);
  const without_root scope;
  EXPECT_TRUE(has(save("new"), "cannot create " + secrets)) << save("new");
  EXPECT_TRUE(std::filesystem::is_symlink(path));
  EXPECT_EQ(content_of(path), "old");
}

TEST_F(token_file_test, what_is_no_regular_file_is_not_replaced) {
  std::filesystem::create_symlink("/dev/null", path);
  EXPECT_EQ(save("new"), "/dev/null is not a regular file, nothing is saved there");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(has(save("new"), path + " is not a regular file"));
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_TRUE(has(save("new"), path + " is not a regular file"));
}

TEST_F(token_file_test, missing_directory_is_an_error) {
  const std::string error = save_token(directory.file("none"), "secret", owner);
  EXPECT_TRUE(has(error, directory.file("none")) && has(error, "No such file or directory")) << error;
  EXPECT_FALSE(has(error, "secret"));
}

TEST_F(token_file_test, failed_write_leaves_the_old_token_and_no_temporary_file) {
  write_content(path, "old");
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limited = before;
  limited.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  const std::string error = save("longer-secret");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(has(error, "cannot write")) << error;
  EXPECT_FALSE(has(error, "longer-secret")) << error;
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST_F(token_file_test, failed_handover_leaves_the_old_token_and_no_temporary_file) {
  write_content(path, "old");
  ::chmod(path.c_str(), 0644);
  ::chmod(directory.path().c_str(), 0777);
  const without_root scope;
  owner = {true, 12345, 12345};
  EXPECT_TRUE(has(save("new"), "to user 12345"));
  EXPECT_EQ(content_of(path), "old");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST_F(token_file_test, saved_token_belongs_to_the_owner) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  owner = {true, 12345, 23456};
  EXPECT_EQ(save("new"), "");
  struct ::stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12345u);
  EXPECT_EQ(status.st_gid, 23456u);
}

TEST_F(token_file_test, what_a_killed_save_left_is_removed_and_its_mode_and_links_do_not_matter) {
  const std::string left = directory.file(".auth_token.supervisor-new");
  write_content(left, "half");
  ::chmod(left.c_str(), 0666);
  EXPECT_EQ(save("new"), "");
  EXPECT_EQ(mode_of(path), 0600u);
  const std::string victim = directory.file("victim");
  write_content(victim, "untouched");
  std::filesystem::create_symlink(victim, left);
  EXPECT_EQ(save("newer"), "");
  EXPECT_EQ(content_of(victim), "untouched");
  EXPECT_EQ(read(), "newer");
}

} // namespace
} // namespace workspace_supervisor
