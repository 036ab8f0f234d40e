#include "app/control_server/unix_socket.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

namespace workspace_supervisor {
namespace {

TEST(unix_socket, has_mode_0600_whatever_the_umask) {
  const temporary_directory directory;
  const with_umask mask{0};
  const auto bound = bind_unix_socket(directory.file("s"));
  ASSERT_EQ(bound.error, "");
  EXPECT_EQ(mode_of(directory.file("s")), 0600U);
  ::close(bound.descriptor);
}

TEST(unix_socket, of_a_dead_process_is_replaced) {
  const temporary_directory directory;
  ::close(bind_unix_socket(directory.file("s")).descriptor);
  const auto bound = bind_unix_socket(directory.file("s"));
  EXPECT_EQ(bound.error, "");
  ::close(bound.descriptor);
}

TEST(unix_socket, of_a_live_process_is_respected) {
  const temporary_directory directory;
  const auto first = bind_unix_socket(directory.file("s"));
  const auto second = bind_unix_socket(directory.file("s"));
  EXPECT_TRUE(second.in_use);
  EXPECT_NE(second.error, "");
  EXPECT_TRUE(std::filesystem::exists(directory.file("s")));
  ::close(first.descriptor);
}

TEST(unix_socket, does_not_replace_a_file) {
  const temporary_directory directory;
  write_content(directory.file("s"), "precious");
  const auto bound = bind_unix_socket(directory.file("s"));
  EXPECT_NE(bound.error, "");
  EXPECT_FALSE(bound.in_use);
  EXPECT_EQ(content_of(directory.file("s")), "precious");
}

TEST(unix_socket, in_a_missing_directory_is_an_error) {
  const temporary_directory directory;
  EXPECT_NE(bind_unix_socket(directory.file("missing/s")).error, "");
}

TEST(unix_socket, of_more_than_107_bytes_is_an_error) {
  const temporary_directory directory;
  EXPECT_NE(bind_unix_socket(directory.file(std::string(107, 'x'))).error.find("1 to 107"),
            std::string::npos);
}

TEST(unix_socket, is_removed_while_it_is_ours) {
  const temporary_directory directory;
  const auto bound = bind_unix_socket(directory.file("s"));
  ::close(bound.descriptor);
  remove_unix_socket(bound);
  EXPECT_FALSE(std::filesystem::exists(directory.file("s")));
}

TEST(unix_socket, of_a_successor_is_not_removed) {
  const temporary_directory directory;
  const auto first = bind_unix_socket(directory.file("s"));
  // Moved away, so that the successor's has another inode.
  std::filesystem::rename(directory.file("s"), directory.file("old"));
  const auto second = bind_unix_socket(directory.file("s"));
  ASSERT_EQ(second.error, "");
  remove_unix_socket(first);
  EXPECT_TRUE(std::filesystem::exists(directory.file("s")));
  ::close(first.descriptor);
  ::close(second.descriptor);
}

} // namespace
} // namespace workspace_supervisor
