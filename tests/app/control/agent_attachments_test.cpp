#include "actors/loop/loop.hpp"
#include "app/control/agent_attachments.hpp"
#include "tests/app/control/control_fixture.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <csignal>
#include <spawn.h>
#include <sys/wait.h>

namespace workspace_supervisor {
namespace {

namespace net = boost::asio;
using net::local::stream_protocol;

struct no_events final : event_sink {
  bool wants(log_level) const noexcept override { return false; }
  void emit(event) override {}
};

struct kept_stream final : control_stream {
  bool send(std::string) override { return true; }
  void close() override { closed = true; }
  std::atomic<bool> closed{false};
};

/// A process asks to be attached.
struct attach_exchange final : control_exchange {
  explicit attach_exchange(pid_t process)
      : process{process} {}
  const control_request& request() const override { return asked; }
  control_peer peer() const override { return {true, process, ::geteuid()}; }
  void answer(control_answer) override { refused = true; }
  bool waits() const override { return true; }
  void answer_after(std::chrono::milliseconds, control_answer) override {}
  std::shared_ptr<control_stream> open_stream(std::string, std::string, std::function<void()>) override {
    return stream;
  }

  control_request asked;
  pid_t process;
  bool refused = false;
  std::shared_ptr<kept_stream> stream = std::make_shared<kept_stream>();
};

/// A process that does nothing until it is killed.
struct idle_process {
  idle_process() {
    char name[] = "sleep";
    char time[] = "1000";
    char* arguments[] = {name, time, nullptr};
    EXPECT_EQ(::posix_spawn(&id, "/bin/sleep", nullptr, nullptr, arguments, environ), 0);
  }
  ~idle_process() { end(); }
  void end() {
    if (id == 0)
      return;
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    id = 0;
  }
  pid_t id = 0;
};

TEST(agent_attachments, readiness_that_was_of_another_descriptor_is_no_end_of_the_process) {
  no_events events;
  actor_loop loop;
  caf::actor_system_config config;
  loop.host(config);
  caf::actor_system system{config};
  process_context process;
  process.events = &events;
  const auto workspace = std::make_shared<workspace_context>();
  workspace->process = &process;
  const auto open = [&] {
    return workspace->agent_facts.update([](const agent_facts& facts) { return facts.attachments.size(); });
  };
  idle_process agent;
  attach_exchange exchange{agent.id};
  agent_attachments attachments{loop};
  stream_protocol::socket first{loop.context()}, second{loop.context()}, first_peer{loop.context()},
      second_peer{loop.context()};

  // Both are ready at the loop's next look. Who is handled first closes the other, and what is opened then
  // takes its place while its readiness is still to be handled.
  bool was_attached = false;
  loop.post_and_wait([&] {
    net::local::connect_pair(first, first_peer);
    net::local::connect_pair(second, second_peer);
    first.async_wait(stream_protocol::socket::wait_read, [&](boost::system::error_code error) {
      EXPECT_FALSE(error);
      second.close();
      attachments.attach(exchange, *workspace);
      was_attached = true;
    });
    second.async_wait(stream_protocol::socket::wait_read, [](boost::system::error_code) {});
  });
  loop.post_and_wait([&] {
    net::write(first_peer, net::buffer("1", 1));
    net::write(second_peer, net::buffer("1", 1));
  });
  ASSERT_TRUE(wait_until([&] {
    bool now = false;
    loop.post_and_wait([&] { now = was_attached; });
    return now;
  }));
  for (int round = 0; round < 3; ++round)
    loop.post_and_wait([] {});
  EXPECT_FALSE(exchange.refused);
  EXPECT_EQ(open(), 1u);
  EXPECT_FALSE(exchange.stream->closed);

  agent.end();
  EXPECT_TRUE(wait_until([&] { return open() == 0; })) << "its end is still waited for";
  EXPECT_TRUE(wait_until([&] { return exchange.stream->closed.load(); }));
  loop.post_and_wait([&] {
    attachments.clear();
    for (auto* socket : {&first, &first_peer, &second_peer})
      socket->close();
  });
}

} // namespace
} // namespace workspace_supervisor
