#include "actors/store/state_directory.hpp"
#include "tests/actors/store/result_store_scenario.hpp"

#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>

namespace workspace_supervisor {

namespace {

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

TEST(state_directory_test, missing_directories_are_created_for_the_owner_alone) {
  temporary_folder folder;
  auto attempt = state_directory::open(folder / "a/b/state/");
  EXPECT_TRUE(attempt.directory) << attempt.error;
  EXPECT_EQ(attempt.error, "");
  EXPECT_EQ(mode_of(folder / "a/b/state"), 0700U);
  EXPECT_EQ(mode_of(folder / "a"), 0700U);
}

TEST(state_directory_test, a_laxer_mode_is_tightened) {
  temporary_folder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  EXPECT_TRUE(state_directory::open(folder.path()).directory);
  EXPECT_EQ(mode_of(folder.path()), 0700U);
}

TEST(state_directory_test, a_second_holder_is_told_who_has_it) {
  temporary_folder folder;
  auto first = state_directory::open(folder.path());
  auto second = state_directory::open(folder.path());
  EXPECT_FALSE(second.directory);
  EXPECT_TRUE(second.locked_by_other);
  EXPECT_NE(second.error.find("process " + std::to_string(::getpid()) + ')'), std::string::npos)
      << second.error;
  EXPECT_NE(second.error.find("workspace.state-dir"), std::string::npos) << second.error;
}

TEST(state_directory_test, the_lock_ends_with_its_holder) {
  temporary_folder folder;
  state_directory::open(folder.path());
  EXPECT_TRUE(state_directory::open(folder.path()).directory);
}

TEST(state_directory_test, the_lock_ends_with_its_process) {
  temporary_folder folder;
  auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto held = state_directory::open(folder.path());
    ::_exit(held.directory ? 9 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 9);
  EXPECT_TRUE(state_directory::open(folder.path()).directory);
}

TEST(state_directory_test, a_file_in_its_place_is_no_directory) {
  temporary_folder folder;
  std::ofstream{folder / "state"} << "a file";
  auto attempt = state_directory::open(folder / "state");
  EXPECT_FALSE(attempt.directory);
  EXPECT_FALSE(attempt.locked_by_other);
  EXPECT_NE(attempt.error.find("is not a directory"), std::string::npos) << attempt.error;
}

TEST(state_directory_test, a_directory_below_a_file_cannot_be_created) {
  temporary_folder folder;
  std::ofstream{folder / "file"} << "a file";
  auto attempt = state_directory::open(folder / "file/state");
  EXPECT_FALSE(attempt.directory);
  EXPECT_NE(attempt.error.find("cannot be created"), std::string::npos) << attempt.error;
}

TEST(state_directory_test, a_link_in_place_of_the_lock_is_not_followed) {
  temporary_folder folder;
  std::filesystem::create_symlink(folder / "elsewhere", folder / "lock");
  EXPECT_FALSE(state_directory::open(folder.path()).directory);
  EXPECT_FALSE(std::filesystem::exists(folder / "elsewhere"));
}

TEST(state_directory_test, no_path_is_an_error) {
  EXPECT_NE(state_directory::open("").error, "");
}

} // namespace

} // namespace workspace_supervisor
