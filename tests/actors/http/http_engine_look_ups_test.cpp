#include "tests/actors/http/http_engine_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace workspace_supervisor {
namespace {

using namespace testing;
using std::chrono::milliseconds;

// --- look-ups

TEST(http_engine, resolves_a_host_once) {
  test_peer peer(answer_always(json_answer("{}", "Connection: close\r\n")));
  std::atomic<int> look_ups{0};
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    ++look_ups;
    return resolved_host{{"127.0.0.1"}, {}};
  };
  test_engine engine(options);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 1);
}

TEST(http_engine, resolves_anew_after_reconnect) {
  test_peer peer(answer_always(json_answer("{}")));
  std::atomic<int> look_ups{0};
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    ++look_ups;
    return resolved_host{{"127.0.0.1"}, {}};
  };
  test_engine engine(options);
  const platform_url url = by_name(peer.url(), "p.example");
  ask(engine, get(url));
  engine.reconnect(url);
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 2);
}

TEST(http_engine, resolves_anew_when_no_address_works) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2");
  std::atomic<int> look_ups{0};
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    return ++look_ups == 1 ? resolved_host{{"127.0.0.3"}, {}} : resolved_host{{"127.0.0.2"}, {}};
  };
  test_engine engine(options);
  const platform_url url = by_name(peer.url(), "p.example");
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::connect_failed);
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 2);
}

TEST(http_engine, tries_the_next_address) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2");
  http_engine_options options = defaults();
  options.look_up = [](const std::string&) {
    return resolved_host{{"::1", "127.0.0.3", "127.0.0.2"}, {}};
  };
  test_engine engine(options);
  EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
}

/// Accepts nothing and has no room left: further connections to it hang.
class deaf_listener {
public:
  deaf_listener(const std::string& address, std::uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(address == "127.0.0.4" ? 0x7f000004 : INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      ::connect(filler, reinterpret_cast<sockaddr*>(&name), sizeof(name));
    }
  }
  deaf_listener(const deaf_listener&) = delete;
  deaf_listener& operator=(const deaf_listener&) = delete;
  ~deaf_listener() {
    for (const int filler : fillers_)
      ::close(filler);
    ::close(listener_);
  }

private:
  int listener_ = -1;
  int fillers_[4] = {-1, -1, -1, -1};
};

TEST(http_engine, an_address_that_hangs_leaves_time_for_the_next) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2");
  deaf_listener deaf("127.0.0.4", peer.port());
  http_engine_options options = defaults();
  options.look_up = [](const std::string&) {
    return resolved_host{{"127.0.0.4", "127.0.0.2"}, {}};
  };
  test_engine engine(options);
  EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
}

TEST(http_engine, a_connect_that_hangs_ends_in_time) {
  test_peer peer(answer_always(json_answer("{}")), {}, "127.0.0.2"); // for a port that is free elsewhere
  deaf_listener deaf("127.0.0.4", peer.port());
  http_engine_options options = defaults();
  options.connect_timeout = milliseconds(1000);
  test_engine engine(options);
  const http_response response = ask(engine, get(by_name(peer.url(), "127.0.0.4")));
  EXPECT_EQ(response.outcome, http_outcome::connect_failed) << response.error;
}

TEST(http_engine, all_who_waited_for_addresses_that_do_not_work_are_told) {
  closed_port port;
  gate go;
  http_engine_options options = defaults();
  options.connect_timeout = std::chrono::seconds(30);
  options.look_up = [&](const std::string&) {
    go.wait();
    return resolved_host{{"not an address", "127.0.0.1"}, {}};
  };
  test_engine engine(options);
  std::future<http_response> first = begin(engine, get(by_name(port.url(), "p.example")));
  std::future<http_response> second = begin(engine, get(by_name(port.url(), "p.example")));
  go.open();
  for (auto* answer : {&first, &second}) {
    const http_response response = wait_for(*answer);
    EXPECT_EQ(response.outcome, http_outcome::connect_failed);
    EXPECT_NE(response.error.find("127.0.0.1: Connection refused"), std::string::npos) << response.error;
  }
}

TEST(http_engine, a_failed_look_up_is_named) {
  http_engine_options options = defaults();
  options.look_up = [](const std::string&) {
    return resolved_host{{}, "no such name"};
  };
  test_engine engine(options);
  platform_url url;
  url.host = "p.example";
  url.port = 80;
  const http_response response = ask(engine, get(url));
  EXPECT_EQ(response.outcome, http_outcome::resolve_failed);
  EXPECT_EQ(response.error, "look-up of p.example: no such name");
}

TEST(http_engine, a_look_up_that_hangs_delays_nothing_else) {
  test_peer peer(answer_always(json_answer("{}")));
  const auto release = std::make_shared<std::promise<void>>();
  const std::shared_future<void> released = release->get_future().share();
  std::future<http_response> left_behind;
  {
    http_engine_options options = defaults();
    options.connect_timeout = milliseconds(5000); // for what does not hang, too
    options.look_up = [released](const std::string& host) {
      if (host == "hung.example")
        released.wait();
      return resolved_host{{"127.0.0.1"}, {}};
    };
    test_engine engine(options);
    const platform_url hung = by_name(peer.url(), "hung.example");
    EXPECT_EQ(ask(engine, get(hung)).outcome, http_outcome::resolve_failed);
    http_request hurried = get(hung);
    hurried.timeout = milliseconds(20);
    EXPECT_EQ(ask(engine, hurried).outcome, http_outcome::timed_out);
    EXPECT_EQ(ask(engine, get(by_name(peer.url(), "p.example"))).outcome, http_outcome::answered);
    options.connect_timeout = std::chrono::seconds(30);
    test_engine ending(options);
    left_behind = begin(ending, get(hung));
  }
  EXPECT_TRUE(wait_for(left_behind).outcome == http_outcome::cancelled);
  release->set_value();
}

TEST(http_engine, serves_who_waited_for_a_late_look_up) {
  test_peer peer(answer_always(json_answer("{}")));
  gate go;
  http_engine_options options = defaults();
  options.connect_timeout = std::chrono::seconds(30);
  options.look_up = [&](const std::string&) {
    go.wait();
    return resolved_host{{"127.0.0.1"}, {}};
  };
  test_engine engine(options);
  std::future<http_response> first = begin(engine, get(by_name(peer.url(), "p.example")));
  std::future<http_response> second = begin(engine, get(by_name(peer.url(), "p.example")));
  go.open();
  EXPECT_EQ(wait_for(first).outcome, http_outcome::answered);
  EXPECT_EQ(wait_for(second).outcome, http_outcome::answered);
}

} // namespace
} // namespace workspace_supervisor
