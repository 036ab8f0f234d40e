#pragma once

#include "actors/store/result_store.hpp"
#include "actors/workspace/context.hpp"
#include "app/control/control.hpp"
#include "app/dev_platform/platform.hpp"
#include "app/event_log/event_log.hpp"
#include "app/runtime/runtime.hpp"
#include "tests/support/control_client.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace workspace_supervisor {

/// Waits until `holds`, for at most 30 s. @returns whether it did.
inline bool wait_until(const std::function<bool()>& holds) {
  for (int tries = 0; tries < 3000; ++tries) {
    if (holds())
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

/// The whole process but for `main`: a platform on loopback, the actors, and the control API over real
/// sockets.
class control_fixture : public ::testing::Test {
protected:
  control_fixture()
      : log{log_level::error, log_format::text, ::open("/dev/null", O_WRONLY | O_CLOEXEC)} {
    configuration.state_dir = directory.path();
    configuration.control.socket = directory.file("control.sock");
    configuration.control.http = "127.0.0.1:0";
    configuration.heartbeat.interval = milliseconds{60000};
    configuration.delegation.interval = milliseconds{60000};
    configuration.supervisor.fault_injection = true;
    add_workspace("ws-1");
  }
  ~control_fixture() override { stop(); }

  void add_workspace(const std::string& id, const std::string& socket = {}) {
    const auto configs = directory.file("configs-" + std::to_string(configuration.workspaces.size()));
    std::filesystem::create_directory(configs);
    const auto token = platform.add_workspace(id, "the name of " + id, "", "", configs + "/.auth_token");
    platform.write_token_file(id);
    configuration.workspaces.push_back({id, platform.url(), configs, configs + "/results.jsonl", socket});
  }

  void start(control::choices chosen = {}) {
    tree = std::make_unique<runtime>(configuration, log, make_memory_store());
    ASSERT_EQ(tree->prepare(), "");
    api = std::make_unique<control>(tree->context(), log, chosen);
    const auto listening = api->listen();
    ASSERT_EQ(listening.error, "");
    tree->start({api->child()});
    api->start();
    ASSERT_TRUE(wait_until([this] { return api->server().tcp_port() != 0; }));
    // A beat that is asked for while the first one is under way is answered by that one.
    for (const auto& workspace : tree->context().workspaces.all())
      ASSERT_TRUE(wait_until([&workspace] {
        return workspace->probe.last_delivered.load() > 0 || workspace->probe.beats_failed.load() > 0;
      }));
  }
  void stop() {
    if (api)
      api->stop();
    tree.reset();
    api.reset();
  }

  control_client over_socket() const { return control_client{configuration.control.socket}; }
  control_client over_tcp() const { return control_client{api->server().tcp_port()}; }
  client_answer call(const std::string& method, const std::string& target, const std::string& json = {}) {
    return over_socket().call(method, target, json);
  }
  boost::json::value stats() { return boost::json::parse(call("GET", "/v1/stats").body); }

  platform_server platform;
  temporary_directory directory;
  settings configuration;
  event_log log;
  std::unique_ptr<runtime> tree;
  std::unique_ptr<control> api;
};

} // namespace workspace_supervisor
