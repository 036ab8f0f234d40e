#include "tests/system/harness.hpp"

#include <gtest/gtest.h>

namespace workspace_supervisor {
namespace {

using namespace std::chrono_literals;

// What each fault of the platform does to a beat, whose status decides, and to a poll, whose answer must be
// as expected. Whatever it does, it costs that one request.
struct fault_case {
  const char* name;
  platform_fault ordered;
  bool beat_delivered;
  bool poll_succeeds;
};

platform_fault redirect() {
  auto ordered = answer_status(302, request_class::any);
  ordered.headers = {{"Location", "/workspaces/ws-a"}};
  return ordered;
}

platform_fault large(body_framing framing) {
  auto ordered = fault(fault_action::large_body, request_class::any);
  ordered.framing = framing;
  return ordered;
}

platform_fault slow() {
  auto ordered = fault(fault_action::slow, request_class::any);
  ordered.interval = 1ms;
  return ordered;
}

platform_fault raw(const std::string& body) {
  auto ordered = fault(fault_action::raw, request_class::any);
  ordered.body = body;
  return ordered;
}

const fault_case cases[] = {
    {"status_401", answer_status(401, request_class::any), false, false},
    {"status_404", answer_status(404, request_class::any), false, false},
    {"status_500", answer_status(500, request_class::any), false, false},
    {"status_503", answer_status(503, request_class::any), false, false},
    {"hang", fault(fault_action::hang, request_class::any), false, false},
    {"close", fault(fault_action::close, request_class::any), false, false},
    {"close_in_body", fault(fault_action::close_in_body, request_class::any), true, false},
    {"reset", fault(fault_action::reset, request_class::any), false, false},
    {"slow", slow(), true, true},
    {"redirect", redirect(), false, false},
    {"large_body", large(body_framing::content_length), true, false},
    {"large_chunked_body", large(body_framing::chunked), true, false},
    {"large_body_until_close", large(body_framing::until_close), true, false},
    {"invalid_json", fault(fault_action::invalid_json, request_class::any), true, false},
    {"wrong_content_type", fault(fault_action::wrong_content_type, request_class::any), true, false},
    {"gzip", fault(fault_action::gzip, request_class::any), true, false},
    {"garbage", raw(""), false, false},
    {"negative_length", raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), false, false},
    {"huge_headers", fault(fault_action::huge_headers, request_class::any), false, false},
    {"close_after", fault(fault_action::close_after, request_class::any), true, true},
};

class platform_fault_system : public testing::TestWithParam<fault_case> {
protected:
  static system_options options() {
    system_options options;
    options.adjust = [](settings& configuration) {
      only_when_asked(configuration);
      // That one ends by its time alone; the others have enough of it.
      if (GetParam().ordered.action == fault_action::hang)
        configuration.heartbeat.timeout = configuration.delegation.timeout = 4s;
    };
    return options;
  }
  platform_fault_system() {
    system.start();
    EXPECT_TRUE(system.wait_until([this] { return system.probe().last_delivered.load() > 0; }));
    EXPECT_TRUE(system.poll().succeeded);
    // On connections of their own, so that none is repeated for having been reused.
    system.platform().close_connections();
  }
  void order(request_class kind) {
    auto ordered = GetParam().ordered;
    ordered.kind = kind;
    system.platform().order(ordered);
  }

  system_under_test system{options()};
};

TEST_P(platform_fault_system, costs_one_beat_at_most) {
  order(request_class::beat);
  const auto outcome = system.beat();
  EXPECT_EQ(outcome.delivered, GetParam().beat_delivered) << outcome.error;
  EXPECT_EQ(outcome.error.empty(), outcome.delivered);
  EXPECT_TRUE(system.poll().succeeded) << "it holds up no poll";
  system.platform().clear_faults();
  EXPECT_TRUE(system.beat().delivered);
}

TEST_P(platform_fault_system, costs_one_poll_at_most) {
  system.add_result("delegation-1");
  order(request_class::delegations);
  const auto outcome = system.poll();
  EXPECT_EQ(outcome.succeeded, GetParam().poll_succeeds) << outcome.error;
  EXPECT_EQ(outcome.error.empty(), outcome.succeeded);
  EXPECT_TRUE(system.beat().delivered) << "it holds up no beat";
  system.platform().clear_faults();
  EXPECT_TRUE(system.poll().succeeded);
  EXPECT_TRUE(system.wait_for_event("results.filed")) << "what it hid is found by the next";
}

TEST_P(platform_fault_system, error_never_has_the_token) {
  order(request_class::beat);
  order(request_class::delegations);
  EXPECT_EQ(system.beat().error.find("token-of-ws-a"), std::string::npos);
  EXPECT_EQ(system.poll().error.find("token-of-ws-a"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(each, platform_fault_system, testing::ValuesIn(cases),
                         [](const auto& info) { return std::string{info.param.name}; });

struct asked_system : system_under_test {
  explicit asked_system(system_options options = {})
      : system_under_test([&] {
        options.adjust = only_when_asked;
        return options;
      }()) {}
};

TEST(platform_fault, redirect_is_not_followed) {
  platform_server elsewhere;
  elsewhere.add_open_workspace("ws-a", "another's");
  asked_system system;
  auto ordered = answer_status(307, request_class::any);
  ordered.headers = {{"Location", elsewhere.url() + "/registry/heartbeat"}};
  system.platform().order(ordered);
  system.start();
  EXPECT_FALSE(system.beat().delivered);
  EXPECT_FALSE(system.poll().succeeded);
  EXPECT_EQ(elsewhere.counts().requests, 0u) << "it would have been told the token";
}

TEST(platform_fault, reused_connection_that_turns_out_closed_costs_nothing) {
  asked_system system;
  system.start();
  ASSERT_TRUE(system.beat().delivered);
  ASSERT_TRUE(system.poll().succeeded);
  for (const auto kind : {request_class::beat, request_class::delegations}) {
    auto ordered = fault(fault_action::close, kind, 1);
    ordered.reused_only = true;
    system.platform().order(ordered);
  }
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_TRUE(system.poll().succeeded);
  EXPECT_EQ(system.probe().beats_failed.load(), 0u);
}

TEST(platform_fault, request_on_a_closed_connection_is_repeated_once_only) {
  asked_system system;
  system.start();
  ASSERT_TRUE(system.beat().delivered);
  const auto before = system.count(request_class::beat);
  system.platform().order(fault(fault_action::close, request_class::beat));
  EXPECT_FALSE(system.beat().delivered);
  EXPECT_EQ(system.count(request_class::beat) - before, 2u);
}

TEST(platform_fault, connections_are_kept) {
  asked_system system;
  system.start();
  for (int beat = 0; beat < 10; ++beat)
    ASSERT_TRUE(system.beat().delivered);
  const auto beats = system.platform().requests(request_class::beat);
  EXPECT_EQ(beats.front().connection, beats.back().connection);
}

TEST(platform_fault, platform_that_is_away_is_found_again) {
  system_under_test system;
  system.platform().stop_listening();
  system.start();
  ASSERT_TRUE(system.wait_for_event("beat.failed", 2));
  EXPECT_EQ(system.probe().status.load(), workspace_status::unreachable);
  system.platform().listen_again();
  EXPECT_TRUE(system.wait_for_event("beat.recovered"));
}

TEST(platform_tls, good_certificate_is_taken) {
  system_options options;
  options.certificate = platform_certificate::good;
  asked_system system{options};
  system.start();
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_TRUE(system.poll().succeeded);
}

TEST(platform_tls, certificate_that_is_not_the_platforms_is_refused_before_the_token_is_told) {
  for (const auto certificate :
       {platform_certificate::expired, platform_certificate::wrong_host, platform_certificate::self_signed}) {
    system_options options;
    options.certificate = certificate;
    asked_system system{options};
    system.start();
    const auto outcome = system.beat();
    EXPECT_FALSE(outcome.delivered);
    EXPECT_NE(outcome.error.find("certificate"), std::string::npos) << outcome.error;
    EXPECT_FALSE(system.poll().succeeded);
    EXPECT_EQ(system.platform().counts().requests, 0u);
  }
}

TEST(platform_request, says_who_asks) {
  system_options options;
  options.workspaces = {"ws \xC3\xA4?#%"};
  asked_system system{options};
  const auto& id = options.workspaces[0];
  system.start();
  system.add_result("delegation-1", "completed", id);
  ASSERT_TRUE(system.poll(id).succeeded);
  ASSERT_TRUE(system.wait_for_event("self-message.delivered"));
  ASSERT_TRUE(system.wait_for_event("notification.delivered"));
  ASSERT_TRUE(system.beat(id).delivered);
  for (const auto& request : system.platform().requests()) {
    EXPECT_EQ(request.header("Authorization"), "Bearer token-of-" + id);
    EXPECT_EQ(request.header("User-Agent").rfind("workspace-supervisor/", 0), 0u);
    EXPECT_EQ(request.header("X-Workspace-ID"), request.kind == request_class::a2a ? id : "");
    if (request.method == "POST") {
      EXPECT_EQ(request.header("Content-Type"), "application/json");
    }
    if (request.kind != request_class::beat) {
      EXPECT_EQ(request.target.rfind("/workspaces/ws%20%C3%A4%3F%23%25", 0), 0u) << request.target;
    }
  }
}

TEST(platform_request, goes_below_the_prefix_of_the_url) {
  system_options options;
  options.platform.prefix = "/api/v2";
  asked_system system{options};
  system.start();
  EXPECT_TRUE(system.beat().delivered);
  EXPECT_EQ(system.platform().requests(request_class::beat)[0].target, "/api/v2/registry/heartbeat");
}

} // namespace
} // namespace workspace_supervisor
