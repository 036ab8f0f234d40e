#include "app/dev_platform/platform.hpp"
#include "tests/app/dev_platform/raw_client.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

using namespace workspace_supervisor;
namespace json = boost::json;

namespace {

platform_options with_admin() {
  platform_options options;
  options.admin = true;
  return options;
}

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

class platform_admin : public testing::Test {
protected:
  platform_admin() { server.add_workspace("ws-a", "Alpha", "", "token-a"); }

  json::value ask(const std::string& what) {
    return json::parse(raw_client{port_of(server.admin_url())}.get("/_admin/" + what, "").body);
  }
  raw_answer tell(const std::string& what, const std::string& body = "{}") {
    return raw_client{port_of(server.admin_url())}.post("/_admin/" + what, "", body);
  }
  raw_answer remove(const std::string& what) {
    raw_client admin{port_of(server.admin_url())};
    admin.send("DELETE /_admin/" + what + " HTTP/1.1\r\nHost: test\r\n\r\n");
    return admin.read_answer();
  }
  raw_answer get() { return client.get("/workspaces/ws-a", "token-a"); }

  platform_server server{with_admin()};
  raw_client client{server.port()};
};

TEST_F(platform_admin, lists_requests_by_class) {
  get();
  client.get("/workspaces/ws-a/delegations", "token-a");
  auto list = ask("requests?class=delegations").as_array();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].at("target"), "/workspaces/ws-a/delegations");
  EXPECT_EQ(list[0].at("status"), 200);
  EXPECT_EQ(list[0].at("headers").at("Authorization"), "Bearer token-a");
  EXPECT_GT(list[0].at("time").as_double(), 1e9);
  EXPECT_EQ(ask("requests?after=1").as_array().size(), 1u);
  EXPECT_EQ(ask("requests?limit=1").as_array().at(0).at("seq"), 1);
}

TEST_F(platform_admin, its_own_requests_are_not_recorded) {
  ask("state");
  client.get("/_admin/state", "");
  EXPECT_EQ(server.counts().requests, 0u);
  EXPECT_EQ(server.counts().connections_accepted, 1u);
}

TEST_F(platform_admin, is_served_on_the_platforms_port_too) {
  EXPECT_EQ(client.get("/_admin/state", "").status, 200);
  platform_server without;
  EXPECT_EQ(raw_client{without.port()}.get("/_admin/state", "").status, 404);
  EXPECT_EQ(without.admin_url(), "");
}

TEST_F(platform_admin, its_port_serves_nothing_else) {
  EXPECT_EQ(raw_client{port_of(server.admin_url())}.get("/workspaces/ws-a", "token-a").status, 404);
}

TEST_F(platform_admin, orders_and_clears_faults) {
  auto answer =
      tell("fault", R"({"action":"status","class":"workspace","status":503,"headers":{"Retry-After":"2"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(get().headers["retry-after"], "2");
  EXPECT_EQ(ask("state").at("faults").as_array().size(), 1u);
  EXPECT_EQ(remove("fault?id=" + std::to_string(json::parse(answer.body).at("id").as_int64())).status, 200);
  EXPECT_EQ(get().status, 200);
  tell("fault", R"({"action":"close"})");
  EXPECT_EQ(remove("fault").status, 200);
  EXPECT_EQ(get().status, 200);
}

TEST_F(platform_admin, knows_every_action_by_name) {
  for (const char* action :
       {"answer", "reject_token", "status", "hang", "close", "close_in_body", "reset", "slow", "large_body",
        "invalid_json", "wrong_content_type", "gzip", "raw", "huge_headers", "close_after"})
    EXPECT_EQ(tell("fault", json::serialize(json::object{{"action", action}})).status, 200) << action;
}

TEST_F(platform_admin, adds_and_replaces_delegations) {
  tell("delegations", R"({"workspace":"ws-a","rows":[{"delegation_id":"d-1"},{"delegation_id":null}]})");
  EXPECT_EQ(client.get("/workspaces/ws-a/delegations", "token-a").body,
            R"([{"delegation_id":null},{"delegation_id":"d-1"}])");
  tell("delegations", R"({"workspace":"ws-a","rows":[1,2],"replace":true})");
  EXPECT_EQ(client.get("/workspaces/ws-a/delegations", "token-a").body, "[1,2]");
}

TEST_F(platform_admin, rotates_and_sets_tokens) {
  auto token = json::parse(tell("rotate", R"({"workspace":"ws-a"})").body).at("token").as_string();
  EXPECT_EQ(get().status, 401);
  EXPECT_EQ(client.get("/workspaces/ws-a", std::string{token}).status, 200);
  tell("token", R"({"workspace":"ws-a","token":"token-a"})");
  EXPECT_EQ(get().status, 200);
}

TEST_F(platform_admin, adds_and_removes_workspaces) {
  EXPECT_EQ(tell("workspace", R"({"id":"ws-b","parent_id":"ws-a","token":"token-b"})").status, 200);
  EXPECT_EQ(client.get("/workspaces/ws-b", "token-b").status, 200);
  EXPECT_EQ(remove("workspace?id=ws-b").status, 200);
  EXPECT_EQ(client.get("/workspaces/ws-b", "token-b").status, 401);
}

TEST_F(platform_admin, stops_listening_and_listens_again) {
  tell("listening", R"({"listening":false})");
  EXPECT_THROW(raw_client{server.port()}, std::runtime_error);
  EXPECT_EQ(tell("listening", R"({"listening":true})").status, 200);
  EXPECT_EQ(raw_client{server.port()}.get("/workspaces/ws-a", "token-a").status, 200);
}

TEST_F(platform_admin, releases_what_hangs) {
  tell("fault", R"({"action":"hang"})");
  client.send("GET /workspaces/ws-a HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer token-a\r\n\r\n");
  ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.counts().hanging == 1; }));
  EXPECT_EQ(ask("state").at("hanging"), 1);
  tell("release");
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST_F(platform_admin, orders_each_framing) {
  for (const auto* framing : {"content_length", "chunked", "until_close"}) {
    raw_client one{server.port()};
    ASSERT_EQ(
        tell("fault", std::string{R"({"action":"status","status":200,"body":"[]","times":1,"framing":")"} +
                          framing + "\"}")
            .status,
        200)
        << framing;
    one.get("/workspaces/ws-a", "token-a");
  }
  EXPECT_EQ(tell("fault", R"({"action":"hang","framing":"smoke"})").status, 400);
}

TEST_F(platform_admin, forgets_requests) {
  get();
  EXPECT_EQ(remove("requests").status, 200);
  EXPECT_TRUE(ask("requests").as_array().empty());
  EXPECT_EQ(remove("nothing").status, 404);
}

TEST_F(platform_admin, changes_how_it_answers_and_what_it_keeps) {
  EXPECT_EQ(tell("message-status", R"({"status":202})").status, 200);
  EXPECT_EQ(tell("recording", R"({"whole":false})").status, 200);
  EXPECT_EQ(tell("reading", R"({"reading":true})").status, 200);
  get();
  EXPECT_EQ(server.counts().requests, 1u);
  EXPECT_TRUE(ask("requests").as_array().empty());
  EXPECT_EQ(tell("token-file", R"({"workspace":"ws-a"})").status, 200);
  EXPECT_EQ(tell("nothing").status, 404);
}

TEST_F(platform_admin, says_which_member_is_wrong) {
  for (const auto& [what, body] :
       std::vector<std::pair<std::string, std::string>>{{"message-status", R"({"status":"two"})"},
                                                        {"listening", R"({"listening":1})"},
                                                        {"workspace", R"({"id":7})"},
                                                        {"workspace", "{}"},
                                                        {"delegations", R"({"workspace":"ws-a","rows":{}})"}})
    EXPECT_EQ(tell(what, body).status, 400) << what << body;
}

TEST_F(platform_admin, says_what_is_wrong_with_an_order) {
  for (const char* body : {"nonsense", "[]", R"({"action":"explode"})", R"({"action":"hang","class":"all"})",
                           R"({"action":"status","status":"503"})", R"({"action":"raw","headers":3})"}) {
    auto answer = tell("fault", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_FALSE(json::parse(answer.body).at("error").as_string().empty());
  }
  EXPECT_EQ(tell("rotate", R"({"workspace":"nobody"})").status, 400);
  EXPECT_EQ(tell("nothing").status, 404);
  EXPECT_EQ(json::parse(R"({"faults":[]})").at("faults"), ask("state").at("faults"));
}

} // namespace
