#include "tests/app/control/control_fixture.hpp"

namespace workspace_supervisor {
namespace {

using control_answers = control_fixture;

TEST_F(control_answers, healthz_is_200_while_the_root_answers) {
  start();
  EXPECT_EQ(call("GET", "/healthz").status, 200);
}

TEST_F(control_answers, readyz_is_200_once_every_beat_was_delivered) {
  start();
  EXPECT_TRUE(wait_until([this] { return call("GET", "/readyz").status == 200; }));
}

TEST_F(control_answers, readyz_names_the_workspace_without_a_beat) {
  platform.stop_listening();
  start();
  const auto answer = call("GET", "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.body.find(R"("ws-1":"no beat)"), std::string::npos) << answer.body;
}

TEST_F(control_answers, readyz_names_the_workspace_whose_beat_is_too_old) {
  configuration.heartbeat.liveness_ttl = milliseconds{300};
  start();
  EXPECT_TRUE(wait_until([this] {
    const auto answer = call("GET", "/readyz");
    return answer.status == 503 &&
           answer.body.find(R"("ws-1":"the last delivered beat is )") != std::string::npos;
  }));
}

TEST_F(control_answers, activity_reaches_the_platform) {
  start();
  ASSERT_EQ(call("PUT", "/v1/workspaces/ws-1/activity", R"({"active_tasks":2,"current_task":"sort"})").status,
            200);
  EXPECT_TRUE(platform.wait_until([](const platform_view& view) {
    return !view.beats().empty() && view.beats().back().active_tasks == 2 &&
           view.beats().back().current_task == "sort";
  }));
}

TEST_F(control_answers, outcomes_reach_the_platform_with_the_next_beat) {
  start();
  ASSERT_TRUE(platform.wait_for(request_class::beat));
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/outcomes", R"({"successes":1,"errors":3,"sample_error":"no"})")
                .status,
            200);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  const auto beats = platform.beats();
  EXPECT_DOUBLE_EQ(beats.back().error_rate, 0.75);
  EXPECT_EQ(beats.back().sample_error, "no");
}

TEST_F(control_answers, a_wedged_runtime_is_told_with_its_reason) {
  start();
  ASSERT_EQ(
      call("PUT", "/v1/workspaces/ws-1/runtime-state", R"({"state":"wedged","reason":"stuck in a tool"})")
          .status,
      200);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  EXPECT_EQ(platform.beats().back().runtime_state, "wedged");
  EXPECT_EQ(platform.beats().back().sample_error, "stuck in a tool");
}

TEST_F(control_answers, metadata_is_passed_on_with_each_beat) {
  start();
  ASSERT_EQ(call("PUT", "/v1/workspaces/ws-1/runtime-metadata", R"({"model":"m"})").status, 200);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  EXPECT_EQ(platform.beats().back().runtime_metadata, R"({"model":"m"})");
}

TEST_F(control_answers, a_saved_token_is_on_disk_and_used) {
  start();
  ASSERT_TRUE(platform.wait_for(request_class::beat));
  platform.set_token("ws-1", "another-token");
  ASSERT_EQ(call("PUT", "/v1/workspaces/ws-1/token", R"({"token":"another-token"})").status, 200);
  EXPECT_EQ(content_of(configuration.workspaces[0].configs_dir + "/.auth_token").substr(0, 13),
            "another-token");
  const auto answer = call("POST", "/v1/workspaces/ws-1/beat");
  EXPECT_NE(answer.body.find(R"("delivered":true)"), std::string::npos) << answer.body;
}

TEST_F(control_answers, a_refusal_of_a_token_does_not_repeat_it) {
  start();
  const auto answer = call("PUT", "/v1/workspaces/ws-1/token", R"({"token":"sec\u0001ret"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body.find("sec"), std::string::npos) << answer.body;
}

TEST_F(control_answers, a_beat_tells_both_outcomes) {
  start();
  const auto answer = call("POST", "/v1/workspaces/ws-1/beat");
  EXPECT_EQ(answer.status, 200);
  const auto body = boost::json::parse(answer.body);
  EXPECT_TRUE(body.at("beat").at("delivered").as_bool());
  EXPECT_TRUE(body.at("poll").at("succeeded").as_bool());
}

TEST_F(control_answers, results_are_listed_after_a_seq) {
  start();
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  for (const auto* id : {"d-1", "d-2", "d-3"}) {
    platform_delegation row;
    row.delegation_id = id;
    row.source_id = "ws-1";
    row.target_id = "ws-9";
    row.status = "completed";
    row.summary = "done";
    platform.add_delegation("ws-1", row);
  }
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  const auto all =
      boost::json::parse(call("GET", "/v1/workspaces/ws-1/results").body).at("results").as_array();
  ASSERT_EQ(all.size(), 3U);
  const auto first = std::to_string(all[0].at("seq").as_int64());
  const auto rest =
      boost::json::parse(call("GET", "/v1/workspaces/ws-1/results?after=" + first + "&limit=1").body)
          .at("results");
  ASSERT_EQ(rest.as_array().size(), 1U);
  EXPECT_EQ(rest.at(0).at("seq"), all[1].at("seq"));
}

TEST_F(control_answers, a_limit_out_of_range_is_refused) {
  start();
  EXPECT_EQ(call("GET", "/v1/workspaces/ws-1/results?limit=0").status, 400);
  EXPECT_EQ(call("GET", "/v1/workspaces/ws-1/results?limit=1001").status, 400);
  EXPECT_EQ(call("GET", "/v1/workspaces/ws-1/results?after=-1").status, 400);
}

TEST_F(control_answers, a_wrong_type_is_refused_by_name) {
  start();
  const auto answer = call("PUT", "/v1/workspaces/ws-1/activity", R"({"active_tasks":"two"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("active_tasks: expected an integer"), std::string::npos) << answer.body;
}

TEST_F(control_answers, what_was_found_instead_is_told) {
  start();
  for (const auto& [found, told] :
       std::vector<std::pair<std::string, std::string>>{{"true", "a boolean"},
                                                        {"[1]", "an array"},
                                                        {"{}", "an object"},
                                                        {"1.5", "a number that is no integer"},
                                                        {"\"2\"", "a string"}}) {
    const auto answer = call("PUT", "/v1/workspaces/ws-1/activity", "{\"active_tasks\":" + found + "}");
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find("found " + told), std::string::npos) << answer.body;
  }
  EXPECT_NE(call("PUT", "/v1/workspaces/ws-1/activity", "[]").body.find("found an array"), std::string::npos);
  EXPECT_NE(call("PUT", "/v1/workspaces/ws-1/runtime-state", R"({"state":"gone"})")
                .body.find("expected \\\"wedged\\\""),
            std::string::npos);
}

TEST_F(control_answers, a_token_that_cannot_be_one_is_refused) {
  start();
  for (const auto& [token, told] :
       std::vector<std::pair<std::string, std::string>>{{" \\t", "an empty one"},
                                                        {std::string(8193, 'x'), "at most 8192 bytes"},
                                                        {"a\\u0007b", "a control character"}}) {
    const auto answer = call("PUT", "/v1/workspaces/ws-1/token", "{\"token\":\"" + token + "\"}");
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find(told), std::string::npos) << answer.body;
  }
}

TEST_F(control_answers, a_content_type_is_read_as_http_has_it) {
  start();
  auto client = over_socket();
  client.send("PUT /v1/workspaces/ws-1/activity HTTP/1.1\r\nHost: x\r\nContent-Type: Application/JSON ; "
              "charset=utf-8\r\n"
              "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST_F(control_answers, a_negative_number_is_refused) {
  start();
  EXPECT_EQ(call("POST", "/v1/workspaces/ws-1/outcomes", R"({"errors":-1})").status, 400);
}

TEST_F(control_answers, what_is_no_json_is_refused) {
  start();
  EXPECT_EQ(call("PUT", "/v1/workspaces/ws-1/activity", "{\"active_tasks\":").status, 400);
}

TEST_F(control_answers, a_body_of_another_type_is_refused) {
  start();
  auto client = over_socket();
  client.send("PUT /v1/workspaces/ws-1/activity HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
              "Content-Length: 2\r\n\r\n{}");
  EXPECT_EQ(client.read_answer().status, 415);
}

TEST_F(control_answers, an_unknown_member_is_refused_with_the_nearest_known_one) {
  start();
  const auto answer = call("PUT", "/v1/workspaces/ws-1/activity", R"({"active_task":1,"mood":"fine"})");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(
      answer.body.find("active_task: expected one of active_tasks, current_task, found another member; did "
                       "you mean active_tasks?"),
      std::string::npos)
      << answer.body;
  EXPECT_EQ(call("PUT", "/v1/workspaces/ws-1/runtime-metadata", R"({"mood":"fine"})").status, 200);
}

TEST_F(control_answers, a_required_member_is_named_once_beside_an_unknown_one) {
  start();
  const auto answer = call("PUT", "/v1/workspaces/ws-1/token", R"({"token":"t","mood":"fine"})");
  EXPECT_NE(answer.body.find("mood: expected one of token, found another member"), std::string::npos)
      << answer.body;
}

TEST_F(control_answers, an_unknown_parameter_is_refused) {
  start();
  const auto answer = call("GET", "/v1/workspaces/ws-1/results?limits=3");
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body.find("did you mean limit?"), std::string::npos) << answer.body;
  EXPECT_EQ(call("GET", "/v1/stats?x=1").status, 400);
  boost::json::error_code error;
  for (const auto& name :
       {std::string{"%ff%0a%c3"}, "y" + std::string(32, 'x') + std::string(40, 'z') + "%c3%a4"}) {
    const auto strange = call("GET", "/v1/stats?" + name + "=1");
    EXPECT_EQ(strange.status, 400);
    boost::json::parse(strange.body, error);
    EXPECT_FALSE(error) << strange.body;
  }
  EXPECT_EQ(call("GET", "/v1/workspaces/ws-1/results?limit=3&after=0").status, 200);
}

TEST_F(control_answers, a_path_with_several_methods_names_them_all) {
  start();
  const auto answer = call("POST", "/v1/workspaces/ws-1", "{}");
  EXPECT_EQ(answer.status, 405);
  EXPECT_NE(answer.body.find("GET, PUT, DELETE"), std::string::npos) << answer.body;
}

TEST_F(control_answers, an_unknown_workspace_is_not_found) {
  start();
  EXPECT_EQ(call("GET", "/v1/workspaces/ws-2").status, 404);
  EXPECT_EQ(call("POST", "/v1/workspaces/ws-2/beat").status, 404);
}

TEST_F(control_answers, another_method_is_refused_with_the_right_one) {
  start();
  const auto answer = call("POST", "/v1/workspaces/ws-1/activity", "{}");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.headers.at("allow"), "PUT");
}

TEST_F(control_answers, an_id_is_percent_decoded) {
  add_workspace("team/a b");
  start();
  EXPECT_EQ(call("GET", "/v1/workspaces/team%2Fa%20b").status, 200);
}

TEST_F(control_answers, a_crash_is_403_unless_fault_injection_is_on) {
  configuration.supervisor.fault_injection = false;
  start();
  EXPECT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-1","actor":"token"})").status, 403);
}

TEST_F(control_answers, a_crash_of_what_is_not_there_is_refused) {
  start();
  EXPECT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-9","actor":"token"})").status, 404);
  EXPECT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-1","actor":"nobody"})").status, 400);
  EXPECT_EQ(call("POST", "/v1/debug/crash", R"({"actor":"token"})").status, 400);
}

TEST_F(control_answers, every_actor_can_be_crashed_and_runs_again) {
  start();
  for (std::size_t index = 0; index < workspace_actor_names.size(); ++index) {
    const auto& probe = tree->context().workspaces.first()->actors[index];
    const auto before = probe.restarts();
    const auto name = std::string{workspace_actor_names[index]};
    ASSERT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-1","actor":")" + name + "\"}").status, 200)
        << name;
    EXPECT_TRUE(wait_until([&] {
      return probe.restarts() > before && probe.state() == actor_state::running;
    })) << name;
  }
}

TEST_F(control_answers, shared_actors_can_be_crashed_and_run_again) {
  start();
  for (const auto* name :
       {"platform-client", "store", "token-files", "result-files", "list-reader", "control"}) {
    ASSERT_EQ(call("POST", "/v1/debug/crash", std::string{R"({"actor":")"} + name + "\"}").status, 200)
        << name;
    EXPECT_TRUE(wait_until([&] {
      const auto answer = call("GET", "/v1/stats");
      if (answer.status != 200) // the control actor may be what is down
        return false;
      const auto actors = boost::json::parse(answer.body).at("actors");
      return actors.at(name).at("restarts").as_int64() > 0 && actors.at(name).at("state") == "running";
    })) << name;
  }
}

TEST_F(control_answers, what_was_answered_survives_a_crash_of_every_actor) {
  start();
  ASSERT_TRUE(platform.wait_for(request_class::beat));
  ASSERT_EQ(call("PUT", "/v1/workspaces/ws-1/activity", R"({"current_task":"kept"})").status, 200);
  ASSERT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-1","actor":"activity"})").status, 200);
  ASSERT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-1","actor":"supervisor"})").status, 200);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  EXPECT_EQ(platform.beats().back().current_task, "kept");
}

TEST_F(control_answers, calls_are_answered_while_the_control_actor_crashes) {
  start();
  // Once more where a busy machine took too long: that the actor was down is no excuse.
  const auto answer_to = [this](const std::string& method, const std::string& target,
                                const std::string& json = {}) {
    const auto answer = call(method, target, json);
    const bool late = answer.body.find("there was no answer in time") != std::string::npos;
    return late ? call(method, target, json) : answer;
  };
  for (int round = 0; round < 5; ++round) {
    const auto crashed = answer_to("POST", "/v1/debug/crash", R"({"actor":"control"})");
    ASSERT_EQ(crashed.status, 200) << crashed.body;
    const auto listed = answer_to("GET", "/v1/workspaces");
    EXPECT_EQ(listed.status, 200) << listed.body;
  }
}

TEST_F(control_answers, a_workspaces_own_socket_serves_it_alone) {
  add_workspace("ws-2", directory.file("two.sock"));
  start();
  control_client client{directory.file("two.sock")};
  EXPECT_EQ(client.get("/v1/workspaces/ws-2").status, 200);
  EXPECT_EQ(client.get("/v1/workspaces/ws-1").status, 404);
  EXPECT_EQ(client.call("PUT", "/v1/workspaces/ws-1/token", R"({"token":"x"})").status, 404);
  EXPECT_EQ(client.call("POST", "/v1/debug/crash", R"({"workspace":"ws-2","actor":"token"})").status, 404);
  const auto stats = boost::json::parse(client.get("/v1/stats").body);
  EXPECT_EQ(stats.at("workspaces").as_object().size(), 1U);
  EXPECT_TRUE(stats.at("workspaces").as_object().contains("ws-2"));
  EXPECT_EQ(client.get("/metrics").body.find("ws-1"), std::string::npos);
}

TEST_F(control_answers, events_follow_as_they_happen) {
  start();
  ASSERT_TRUE(platform.wait_for(request_class::beat));
  auto listening = over_socket();
  listening.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(listening.read_until("text/event-stream"));
  ASSERT_EQ(call("POST", "/v1/debug/crash", R"({"workspace":"ws-1","actor":"notifier"})").status, 200);
  EXPECT_TRUE(listening.read_until("event: actor.crashed\ndata: {"));
  EXPECT_TRUE(listening.read_until("event: actor.restarted\ndata: {"));
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  EXPECT_TRUE(listening.read_until("event: beat.delivered\ndata: {"));
}

TEST_F(control_answers, the_seventeenth_event_stream_is_refused) {
  start();
  std::vector<control_client> open;
  for (int number = 0; number < 16; ++number) {
    open.push_back(over_socket());
    open.back().send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(open.back().read_until("events follow"));
  }
  EXPECT_EQ(call("GET", "/v1/events").status, 503);
  open.pop_back();
  EXPECT_TRUE(wait_until([this] {
    auto client = over_socket();
    client.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.read_until("HTTP/1.1 ") && client.unread().substr(9, 3) == "200";
  }));
}

TEST_F(control_answers, a_stream_that_was_not_read_in_time_is_told_how_much_it_has_missed) {
  start();
  ASSERT_TRUE(platform.wait_for(request_class::beat));
  auto listening = over_socket();
  listening.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(listening.read_until("events follow"));
  // Called after the streams were: what it has counted, they have taken or left out.
  std::atomic<int> handed_on{0};
  const auto counting = log.subscribe(log_level::info, [&handed_on](const event&) { ++handed_on; });
  const std::string text(10000, 'x');
  for (int number = 0; number < 300; ++number)
    log.emit(make_event(log_level::info, "supervisor.stopping", {}, text));
  EXPECT_TRUE(wait_until([&handed_on] { return handed_on >= 300; }));
  log.unsubscribe(counting);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  // An event that finds the queue full still is left out, too.
  EXPECT_TRUE(wait_until([this, &listening] {
    log.emit(make_event(log_level::info, "supervisor.stopping", {}, "short"));
    return listening.read_until(" events were left out, they were not read in time\n\nevent: ",
                                milliseconds{200});
  }));
}

TEST_F(control_answers, a_silent_stream_gets_a_comment_line) {
  configuration.workspaces[0].platform_url = "http://127.0.0.1:1";
  control::choices chosen;
  chosen.limits.comment = milliseconds{50};
  start(chosen);
  auto listening = over_socket();
  listening.send("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(listening.read_until("\n: still here\n"));
}

TEST_F(control_answers, over_tcp_no_text_of_a_result_is_told) {
  start();
  auto events = over_tcp();
  events.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(events.read_until("events follow"));
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  platform_delegation row;
  row.delegation_id = "d-1";
  row.source_id = "ws-1";
  row.status = "failed";
  row.summary = "secret summary";
  row.error = "secret error";
  row.response_preview = "secret preview";
  platform.add_delegation("ws-1", row);
  ASSERT_EQ(call("POST", "/v1/workspaces/ws-1/beat").status, 200);
  ASSERT_TRUE(platform.wait_for(request_class::notify));
  ASSERT_TRUE(events.read_until("event: notification.delivered"));
  std::string told = events.unread();
  for (const auto* path : {"/v1/stats", "/v1/workspaces", "/v1/workspaces/ws-1", "/metrics", "/readyz"})
    told += over_tcp().get(path).body;
  EXPECT_EQ(told.find("secret"), std::string::npos) << told;
  EXPECT_EQ(over_tcp().get("/v1/workspaces/ws-1/results").status, 404);
}

} // namespace
} // namespace workspace_supervisor
