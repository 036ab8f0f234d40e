#include "app/dev_platform/platform.hpp"
#include "tests/app/dev_platform/raw_client.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sys/stat.h>
#include <thread>

using namespace workspace_supervisor;
namespace json = boost::json;

namespace {

json::object beat_body(const std::string& workspace) {
  return {{"workspace_id", workspace}, {"error_rate", 0.25},      {"sample_error", "it broke"},
          {"active_tasks", 2},         {"current_task", "think"}, {"uptime_seconds", 17}};
}

json::object message_body() {
  return {
      {"jsonrpc", "2.0"},
      {"id", "request-7"},
      {"method", "message/send"},
      {"params",
       {{"message",
         {{"role", "user"},
          {"messageId", "m-1"},
          {"parts", json::array{json::object{{"kind", "text"}, {"type", "text"}, {"text", "wake up"}}}}}}}}};
}

class platform : public testing::Test {
protected:
  platform() {
    server.add_workspace("ws-a", "Alpha", "ws-parent", "token-a");
    server.add_workspace("ws-parent", "The Boss", "", "token-parent");
  }

  raw_answer beat(const std::string& token, const json::object& body) {
    return client.post("/registry/heartbeat", token, json::serialize(body));
  }

  platform_server server;
  raw_client client{server.port()};
};

TEST_F(platform, takes_a_beat_with_all_its_fields) {
  auto body = beat_body("ws-a");
  body["runtime_state"] = "wedged";
  body["runtime_metadata"] = {{"model", "x"}};
  EXPECT_EQ(beat("token-a", body).status, 200);
  auto beats = server.beats("ws-a");
  ASSERT_EQ(beats.size(), 1u);
  EXPECT_EQ(beats[0].workspace, "ws-a");
  EXPECT_EQ(beats[0].error_rate, 0.25);
  EXPECT_EQ(beats[0].sample_error, "it broke");
  EXPECT_EQ(beats[0].active_tasks, 2);
  EXPECT_EQ(beats[0].current_task, "think");
  EXPECT_EQ(beats[0].uptime_seconds, 17);
  EXPECT_EQ(beats[0].runtime_state, "wedged");
  EXPECT_EQ(beats[0].runtime_metadata, R"({"model":"x"})");
  EXPECT_EQ(beats[0].raw, json::serialize(body));
}

TEST_F(platform, refuses_a_beat_that_is_not_as_it_should_be) {
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, json::value>>{{"error_rate", 1.5},
                                                        {"error_rate", "0"},
                                                        {"sample_error", nullptr},
                                                        {"active_tasks", -1},
                                                        {"active_tasks", 1.5},
                                                        {"current_task", 3},
                                                        {"uptime_seconds", 17.25},
                                                        {"runtime_state", "tired"},
                                                        {"runtime_metadata", "text"}}) {
    auto body = beat_body("ws-a");
    body[field] = value;
    EXPECT_EQ(beat("token-a", body).status, 400) << field << ": " << json::serialize(value);
  }
  for (const char* field : {"error_rate", "sample_error", "active_tasks", "current_task", "uptime_seconds"}) {
    auto body = beat_body("ws-a");
    body.erase(field);
    EXPECT_EQ(beat("token-a", body).status, 400) << "without " << field;
  }
  EXPECT_EQ(client.post("/registry/heartbeat", "token-a", "not json").status, 400);
  EXPECT_TRUE(server.beats().empty());
}

TEST_F(platform, refuses_who_has_no_or_a_wrong_token) {
  auto body = beat_body("ws-a");
  EXPECT_EQ(beat("", body).status, 401);
  EXPECT_EQ(beat("wrong", body).status, 401);
  EXPECT_EQ(beat("token-parent", body).status, 401) << "another workspace's token";
  EXPECT_EQ(client.get("/workspaces/ws-a/delegations", "").status, 401);
  EXPECT_EQ(client.get("/workspaces/ws-a", "wrong").status, 401);
  EXPECT_EQ(client.get("/workspaces/unknown", "wrong").status, 401);
  EXPECT_EQ(server.counts().unauthorized, 6u);
  EXPECT_TRUE(server.beats().empty());
}

TEST_F(platform, asks_no_token_of_an_open_workspace) {
  server.add_open_workspace("open", "Open");
  EXPECT_EQ(beat("", beat_body("open")).status, 200);
  EXPECT_EQ(client.get("/workspaces/open", "").status, 200);
}

TEST_F(platform, a_rotated_token_replaces_the_old_one_and_is_written_to_its_file) {
  char folder[] = "/tmp/platform-test-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  auto file = std::string{folder} + "/.auth_token";
  server.add_workspace("filed", "Filed", "", "first", file);
  auto second = server.rotate_token("filed");
  std::string written;
  std::ifstream{file} >> written;
  EXPECT_EQ(written, second);
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(beat("first", beat_body("filed")).status, 401);
  EXPECT_EQ(beat(second, beat_body("filed")).status, 200);

  auto third = server.rotate_token("filed", false);
  std::ifstream{file} >> written;
  EXPECT_EQ(written, second) << "not to be written";
  EXPECT_TRUE(server.write_token_file("filed"));
  std::ifstream{file} >> written;
  EXPECT_EQ(written, third);
  std::filesystem::remove_all(folder);
}

TEST_F(platform, lists_delegations_newest_first) {
  EXPECT_EQ(client.get("/workspaces/ws-a/delegations", "token-a").body, "[]");
  platform_delegation row;
  row.delegation_id = "d-1";
  row.source_id = "ws-a";
  row.target_id = "ws-b";
  row.status = "completed";
  row.summary = "done \"so\"";
  server.add_delegation("ws-a", row);
  row.delegation_id = "d-2";
  row.created_at = "2020-01-02T03:04:05Z";
  server.add_delegation("ws-a", row);
  auto rows = json::parse(client.get("/workspaces/ws-a/delegations", "token-a").body).as_array();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("delegation_id"), "d-2");
  EXPECT_EQ(rows[0].at("created_at"), "2020-01-02T03:04:05Z");
  EXPECT_EQ(rows[1].at("delegation_id"), "d-1");
  EXPECT_EQ(rows[1].at("summary"), "done \"so\"");
  EXPECT_FALSE(rows[1].at("created_at").as_string().empty());
  EXPECT_NE(rows[0].at("id"), rows[1].at("id"));
  for (const char* field : {"type", "source_id", "target_id", "status", "error", "response_preview"})
    EXPECT_TRUE(rows[0].at(field).is_string()) << field;
}

TEST_F(platform, lists_raw_rows_as_they_were_given) {
  server.set_raw_delegations("ws-a", {R"({"delegation_id":7})", "null", "[]"});
  server.add_raw_delegation("ws-a", R"({"source_id":"stranger"})");
  EXPECT_EQ(client.get("/workspaces/ws-a/delegations", "token-a").body,
            R"([{"source_id":"stranger"},{"delegation_id":7},null,[]])");
}

TEST_F(platform, tells_a_workspace_and_its_parent) {
  auto own = json::parse(client.get("/workspaces/ws-a", "token-a").body);
  EXPECT_EQ(own.at("parent_id"), "ws-parent");
  EXPECT_EQ(own.at("name"), "Alpha");
  auto parent = json::parse(client.get("/workspaces/ws-parent", "token-a").body);
  EXPECT_EQ(parent.at("name"), "The Boss");
  EXPECT_TRUE(parent.at("parent_id").is_null());
  EXPECT_EQ(client.get("/workspaces/nobody", "token-a").status, 404);
}

TEST_F(platform, takes_a_self_message) {
  auto answer = client.post("/workspaces/ws-a/a2a", "token-a", json::serialize(message_body()),
                            {{"X-Workspace-ID", "ws-a"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body).at("id"), "request-7");
  server.set_message_status(202);
  answer = client.post("/workspaces/ws-a/a2a", "token-a", json::serialize(message_body()),
                       {{"X-Workspace-ID", "ws-a"}});
  EXPECT_EQ(answer.status, 202);
  auto messages = server.messages("ws-a");
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].message_id, "m-1");
  EXPECT_EQ(messages[0].text, "wake up");
}

TEST_F(platform, refuses_a_self_message_that_is_not_as_it_should_be) {
  auto send = [&](const json::object& body, const std::string& sender = "ws-a") {
    return client.post("/workspaces/ws-a/a2a", "token-a", json::serialize(body), {{"X-Workspace-ID", sender}})
        .status;
  };
  EXPECT_EQ(send(message_body(), "ws-parent"), 400);
  using change = std::function<void(json::object&, json::object&, json::object&)>;
  const std::vector<std::pair<const char*, change>> wrong{{"jsonrpc",
                                                           [](auto& body, auto&, auto&) {
                                                             body["jsonrpc"] = "1.0";
                                                           }},
                                                          {"id",
                                                           [](auto& body, auto&, auto&) {
                                                             body.erase("id");
                                                           }},
                                                          {"method",
                                                           [](auto& body, auto&, auto&) {
                                                             body["method"] = "message/stream";
                                                           }},
                                                          {"role",
                                                           [](auto&, auto& message, auto&) {
                                                             message["role"] = "agent";
                                                           }},
                                                          {"messageId",
                                                           [](auto&, auto& message, auto&) {
                                                             message["messageId"] = "";
                                                           }},
                                                          {"no parts",
                                                           [](auto&, auto& message, auto&) {
                                                             message["parts"] = json::array{};
                                                           }},
                                                          {"kind",
                                                           [](auto&, auto&, auto& part) {
                                                             part.erase("kind");
                                                           }},
                                                          {"type",
                                                           [](auto&, auto&, auto& part) {
                                                             part.erase("type");
                                                           }},
                                                          {"text", [](auto&, auto&, auto& part) {
                                                             part["text"] = nullptr;
                                                           }}};
  for (const auto& [what, apply] : wrong) {
    auto body = message_body();
    auto& message = body["params"].at("message").as_object();
    auto& part = message["parts"].as_array()[0].as_object();
    apply(body, message, part);
    EXPECT_EQ(send(body), 400) << what;
  }
  EXPECT_TRUE(server.messages().empty());
}

TEST_F(platform, takes_a_notification) {
  EXPECT_EQ(client.post("/workspaces/ws-a/notify", "token-a", R"({"message":"m","type":"delegation_result"})")
                .status,
            200);
  EXPECT_EQ(client.post("/workspaces/ws-a/notify", "token-a", R"({"type":"delegation_result"})").status, 400);
  auto notifications = server.notifications("ws-a");
  ASSERT_EQ(notifications.size(), 1u);
  EXPECT_EQ(notifications[0].message, "m");
  EXPECT_EQ(notifications[0].type, "delegation_result");
}

TEST_F(platform, decodes_ids_in_paths) {
  server.add_workspace("a/b c%", "Odd", "", "odd");
  EXPECT_EQ(client.get("/workspaces/a%2Fb%20c%25", "odd").status, 200);
  EXPECT_EQ(server.requests(request_class::workspace, "a/b c%").size(), 1u);
}

TEST_F(platform, refuses_other_paths_methods_and_types) {
  EXPECT_EQ(client.get("/elsewhere", "token-a").status, 404);
  EXPECT_EQ(client.get("/workspaces/ws-a/notify", "token-a").status, 405);
  EXPECT_EQ(client.post("/workspaces/ws-a", "token-a", "{}").status, 405);
  client.send("POST /workspaces/ws-a/notify HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer token-a\r\n"
              "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(client.read_answer().status, 415);
}

TEST(platform_prefix, is_part_of_every_path) {
  platform_options options;
  options.prefix = "/api/v1";
  platform_server server{options};
  server.add_workspace("ws-a", "Alpha", "", "token-a");
  raw_client client{server.port()};
  EXPECT_TRUE(server.url().ends_with("/api/v1"));
  EXPECT_EQ(client.get("/api/v1/workspaces/ws-a", "token-a").status, 200);
  EXPECT_EQ(client.get("/workspaces/ws-a", "token-a").status, 404);
}

TEST_F(platform, records_each_request_and_the_connection_it_came_on) {
  client.get("/workspaces/ws-a?x=1", "token-a");
  beat("wrong", beat_body("ws-a"));
  raw_client{server.port()}.get("/workspaces/ws-a", "token-a");
  ASSERT_TRUE(server.wait_until([](const platform_view& view) { return view.requests().back().ended; }));
  auto all = server.requests();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].method, "GET");
  EXPECT_EQ(all[0].target, "/workspaces/ws-a?x=1");
  EXPECT_EQ(all[0].header("authorization"), "Bearer token-a");
  EXPECT_EQ(all[0].status, 200);
  EXPECT_GT(all[0].bytes_sent, 0u);
  EXPECT_EQ(all[1].kind, request_class::beat);
  EXPECT_EQ(all[1].workspace, "ws-a");
  EXPECT_EQ(all[1].body, json::serialize(beat_body("ws-a")));
  EXPECT_EQ(all[1].status, 401);
  EXPECT_EQ(all[1].connection, all[0].connection);
  EXPECT_EQ(all[1].on_connection, 2u);
  EXPECT_NE(all[2].connection, all[0].connection);
  EXPECT_LE(all[0].at, all[1].at);
  server.forget_records();
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(server.counts().requests, 3u);
}

TEST_F(platform, keeps_only_the_newest_records) {
  platform_options options;
  options.keep = 3;
  platform_server small{options};
  small.add_open_workspace("ws", "W");
  raw_client to_small{small.port()};
  for (int i = 0; i < 5; ++i)
    to_small.get("/workspaces/ws?n=" + std::to_string(i), "");
  auto kept = small.requests();
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept.front().target, "/workspaces/ws?n=2");
  EXPECT_EQ(kept.back().status, 200);
  EXPECT_EQ(small.counts().requests, 5u);
}

TEST_F(platform, can_count_without_recording) {
  server.set_recording(platform_recording::counting);
  beat("token-a", beat_body("ws-a"));
  beat("token-a", beat_body("ws-a"));
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ(server.workspace("ws-a").beats, 2u);
  EXPECT_EQ(server.arrivals(request_class::beat).size(), 2u);
  EXPECT_EQ(server.arrivals(request_class::beat)[0].workspace, 0u);
  EXPECT_TRUE(server.wait_for(request_class::beat, 2, "ws-a"));
}

TEST_F(platform, answers_with_a_date) {
  EXPECT_TRUE(client.get("/workspaces/ws-a", "token-a").headers["date"].ends_with(" GMT"));
}

TEST_F(platform, answers_what_is_not_http_and_closes) {
  client.send("nonsense\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 400);
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(server.counts().bad_requests, 1u);
}

TEST_F(platform, answers_pipelined_requests_in_order) {
  auto request = [](int n) {
    return "GET /workspaces/ws-a?n=" + std::to_string(n) +
           " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer token-a\r\n\r\n";
  };
  client.send(request(1) + request(2));
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_EQ(client.read_answer().status, 200);
  EXPECT_EQ(server.requests().back().target, "/workspaces/ws-a?n=2");
}

TEST_F(platform, waiting_ends_without_the_event_when_its_time_is_over) {
  EXPECT_FALSE(server.wait_for(request_class::beat, 1, "", std::chrono::milliseconds{1}));
}

TEST(platform_events, tell_of_beats_rotations_rows_and_silence) {
  std::mutex mutex;
  std::vector<platform_event> events;
  platform_options options;
  options.liveness_ttl = std::chrono::milliseconds{50};
  options.on_event = [&](const platform_event& event) {
    std::lock_guard lock{mutex};
    events.push_back(event);
  };
  platform_server server{options};
  server.add_workspace("ws-a", "Alpha", "", "token-a");
  raw_client{server.port()}.post("/registry/heartbeat", "token-a", json::serialize(beat_body("ws-a")));
  EXPECT_TRUE(server.wait_until([](const platform_view& view) {
    auto* workspace = view.workspace("ws-a");
    return workspace->beats == 1 && !workspace->online;
  }));
  server.rotate_token("ws-a");
  server.add_raw_delegation("ws-a", "{}");
  using kind = platform_event::kind;
  std::vector<kind> expected{kind::request, kind::online, kind::offline, kind::token_rotated,
                             kind::delegation_added};
  std::vector<kind> seen;
  // The silence is known a moment before it is told.
  for (auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
       seen.size() < expected.size() && std::chrono::steady_clock::now() < until; std::this_thread::yield()) {
    std::lock_guard lock{mutex};
    seen.clear();
    for (const auto& event : events)
      seen.push_back(event.what);
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, expected);
  std::lock_guard lock{mutex};
  EXPECT_EQ(events[0].text, "think");
  EXPECT_EQ(events[0].status, 200);
}

TEST(platform_capacity, many_workspaces_and_connections) {
  platform_options options;
  options.recording = platform_recording::counting;
  platform_server server{options};
  constexpr int workspaces = 10000;
  constexpr int connections = 200;
  for (int i = 0; i < workspaces; ++i)
    server.add_workspace("ws-" + std::to_string(i), "W", "", "token-" + std::to_string(i));
  std::vector<raw_client> clients;
  for (int i = 0; i < connections; ++i)
    clients.emplace_back(server.port());
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < workspaces; ++i) {
    auto answer = clients[static_cast<std::size_t>(i % connections)].post(
        "/registry/heartbeat", "token-" + std::to_string(i),
        json::serialize(beat_body("ws-" + std::to_string(i))));
    ASSERT_EQ(answer.status, 200);
  }
  auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("requests_per_second", std::to_string(workspaces / seconds));
  EXPECT_EQ(server.counts().connections_accepted, static_cast<std::uint64_t>(connections));
  EXPECT_EQ(server.counts().by_class[0], static_cast<std::uint64_t>(workspaces));
}

TEST(platform_start, says_which_port_is_taken) {
  platform_server first;
  platform_options options;
  options.port = first.port();
  EXPECT_THROW(platform_server{options}, std::runtime_error);
}

} // namespace
