#include "app/workspaces/workspace_places.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace workspace_supervisor {
namespace {

class workspace_places_test : public testing::Test {
protected:
  workspace_places_test() {
    for (const auto* id : {"a", "b"})
      std::filesystem::create_directory(folder.file(id));
    places.add(settings("a"));
  }
  workspace_settings settings(const std::string& id) const {
    return {id, "http://platform.example", folder.file(id), folder.file(id + "/results"),
            folder.file(id + ".sock")};
  }

  temporary_directory folder;
  workspace_places places;
};

TEST_F(workspace_places_test, what_is_its_own_is_free) {
  EXPECT_EQ(places.taken(settings("b")), "");
}

TEST_F(workspace_places_test, its_own_is_not_another_s) {
  EXPECT_EQ(places.taken(settings("a")), "");
}

TEST_F(workspace_places_test, a_folder_a_file_or_a_socket_of_another_is_taken) {
  auto wanted = settings("b");
  wanted.configs_dir = folder.file("a") + "/../a/";
  EXPECT_NE(places.taken(wanted).find("configs_dir: expected a folder of its own"), std::string::npos);
  wanted = settings("b");
  wanted.results_file = folder.file("a/results");
  EXPECT_NE(places.taken(wanted).find("results_file: expected a file of its own"), std::string::npos);
  wanted = settings("b");
  wanted.socket = folder.file("a.sock");
  EXPECT_NE(places.taken(wanted).find("workspace 'a' has"), std::string::npos);
}

TEST_F(workspace_places_test, a_hard_link_is_the_same_file) {
  std::ofstream{folder.file("a/results")} << "x";
  std::filesystem::create_hard_link(folder.file("a/results"), folder.file("b/results"));
  workspace_places seen;
  seen.add(settings("a"));
  EXPECT_NE(seen.taken(settings("b")), "");
}

TEST_F(workspace_places_test, what_one_has_let_go_is_free_also_when_its_links_have_changed) {
  std::filesystem::create_directory_symlink(folder.file("b"), folder.file("link"));
  auto linked = settings("c");
  linked.configs_dir = folder.file("link");
  places.add(linked);
  EXPECT_NE(places.taken(settings("b")), "");
  std::filesystem::remove(folder.file("link"));
  places.remove("c");
  EXPECT_EQ(places.taken(settings("b")), "");
  places.remove("a");
  EXPECT_TRUE(places.empty());
}

TEST_F(workspace_places_test, two_without_a_socket_share_none) {
  auto first = settings("b");
  first.socket.clear();
  places.add(first);
  auto second = settings("c");
  second.socket.clear();
  EXPECT_EQ(places.taken(second), "");
}

} // namespace
} // namespace workspace_supervisor
