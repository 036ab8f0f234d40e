#include "app/spelling/spelling.hpp"

#include <gtest/gtest.h>

using namespace workspace_supervisor;

namespace {

TEST(edit_distance, counts_swaps_once) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("abc", "abc"), 0u);
  EXPECT_EQ(edit_distance("levle", "level"), 1u);
  EXPECT_EQ(edit_distance("abc", "xbcd"), 2u);
}

TEST(nearest_word, is_none_when_all_are_far) {
  EXPECT_EQ(nearest_word("staus", {"task", "status", "beat"}), "status");
  EXPECT_EQ(nearest_word("nonsense", {"task", "status", "beat"}), std::nullopt);
  EXPECT_EQ(nearest_word(std::string(100000, 'x'), {"task"}), std::nullopt);
}

} // namespace
