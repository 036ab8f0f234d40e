#include "app/runtime/tree.hpp"
#include "app/stats/metrics.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>

namespace workspace_supervisor {
namespace {

void fill(process_parts& process, int workspaces) {
  for (int number = 0; number < workspaces; ++number)
    process.configuration.workspaces.push_back(
        {"ws-" + std::to_string(number), "http://127.0.0.1:1", "/configs", "/results", ""});
  ASSERT_EQ(make_workspaces(process), "");
  for (const auto& held : process.workspaces.all()) {
    auto& context = *held;
    context.probe.beats_sent = 3;
    context.probe.beats_failed = 1;
    context.probe.beats_consecutive_failures = context.number - 1;
    context.probe.last_delivered = 1000.0 + context.number - 1;
    context.probe.beat_latency.add(std::chrono::milliseconds{3});
    process.probe.beat_latency.add(std::chrono::milliseconds{3});
    context.probe.new_completed = 2;
    context.probe.status = workspace_status::online;
  }
}

std::string text_of(const process_context& process, const all_outbox_counts& outboxes = {}) {
  return metrics_text(process, collect_stats(process, outboxes));
}

bool has(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

/// What promtool says of the text; "" when it has nothing to complain about.
std::string complaints(const std::string& text) {
  char path[] = "/tmp/supervisor-metrics-XXXXXX";
  const int descriptor = ::mkstemp(path);
  auto* file = ::fdopen(descriptor, "w");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fclose(file);
  auto* tool = ::popen((std::string{"promtool check metrics < "} + path + " 2>&1").c_str(), "r");
  std::string said;
  char line[512];
  while (std::fgets(line, sizeof line, tool) != nullptr)
    said += line;
  const int status = ::pclose(tool);
  std::remove(path);
  return status == 0 ? said : said + "(status " + std::to_string(WEXITSTATUS(status)) + ")";
}

bool has_promtool() {
  return std::system("command -v promtool > /dev/null 2>&1") == 0;
}

TEST(metrics, pass_promtool) {
  if (!has_promtool())
    GTEST_SKIP() << "promtool is not installed";
  process_parts process;
  fill(process, 3);
  EXPECT_EQ(complaints(text_of(process)), "");
}

TEST(metrics, of_many_workspaces_pass_promtool) {
  if (!has_promtool())
    GTEST_SKIP() << "promtool is not installed";
  process_parts process;
  fill(process, 101);
  EXPECT_EQ(complaints(text_of(process)), "");
}

TEST(metrics, tell_each_workspace) {
  process_parts process;
  fill(process, 2);
  const auto text = text_of(process);
  EXPECT_TRUE(has(text, R"(workspace_supervisor_heartbeats_total{workspace="ws-1",result="failed"} 1)"))
      << text;
  EXPECT_TRUE(has(text, R"(workspace_supervisor_heartbeats_total{workspace="ws-1",result="delivered"} 1)"));
  EXPECT_TRUE(has(text, R"(workspace_supervisor_heartbeat_latency_seconds_count{workspace="ws-0"} 1)"));
  EXPECT_TRUE(has(text, R"(workspace_supervisor_actor_restarts_total{workspace="ws-0",actor="notifier"} 0)"));
  EXPECT_TRUE(has(text, R"(workspace_supervisor_actor_up{actor="store"} 0)"));
}

TEST(metrics, of_101_workspaces_are_folded) {
  process_parts process;
  fill(process, 101);
  const auto text = text_of(process, {{{7, {1, 2, 3, wall_clock_now()}}}});
  EXPECT_EQ(text.find("workspace=\""), std::string::npos);
  EXPECT_TRUE(has(text, R"(workspace_supervisor_heartbeats_total{result="failed"} 101)")) << text;
  EXPECT_TRUE(has(text, "workspace_supervisor_heartbeat_consecutive_failures 100"));
  EXPECT_TRUE(has(text, "workspace_supervisor_last_heartbeat_timestamp_seconds 1000"));
  EXPECT_TRUE(has(text, R"(workspace_supervisor_workspaces{status="online"} 101)"));
  EXPECT_TRUE(has(text, R"(workspace_supervisor_outbox_pending{kind="notification"} 3)"));
  EXPECT_TRUE(has(text, R"(workspace_supervisor_delegation_results_total{status="completed"} 202)"));
}

TEST(metrics, escape_hostile_ids) {
  process_parts process;
  process.configuration.workspaces.push_back({"a\"} 1\n\\b", "http://127.0.0.1:1", "/c", "/r", ""});
  ASSERT_EQ(make_workspaces(process), "");
  EXPECT_NE(text_of(process).find(R"(workspace="a\"} 1\n\\b")"), std::string::npos);
}

} // namespace
} // namespace workspace_supervisor
