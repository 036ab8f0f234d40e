#include "actors/parent_name/workspace_object.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

TEST(workspace_object, parent_and_name_are_read) {
  workspace_object object;
  std::string error;
  ASSERT_TRUE(parse_workspace_object(R"({"parent_id":"p","name":"n","other":[1]})", object, error));
  EXPECT_EQ(object.parent_id, "p");
  EXPECT_EQ(object.name, "n");
}

TEST(workspace_object, missing_null_and_empty_parent_are_none) {
  for (const auto* body : {"{}", R"({"parent_id":null,"name":null})", R"({"parent_id":""})"}) {
    workspace_object object;
    std::string error;
    EXPECT_TRUE(parse_workspace_object(body, object, error)) << body;
    EXPECT_EQ(object.parent_id, "") << body;
  }
}

TEST(workspace_object, anything_else_is_an_error_that_says_what) {
  for (const auto* body : {"", "[]", "null", "7", "{", R"({"parent_id":7})", R"({"parent_id":["p"]})",
                           R"({"name":{}})", "{\"name\":\"\xff\"}"}) {
    workspace_object object;
    std::string error;
    EXPECT_FALSE(parse_workspace_object(body, object, error)) << body;
    EXPECT_NE(error, "") << body;
  }
}

TEST(workspace_object, deep_nesting_is_an_error) {
  workspace_object object;
  std::string error;
  EXPECT_FALSE(parse_workspace_object(std::string(100000, '['), object, error));
}

} // namespace
} // namespace workspace_supervisor
