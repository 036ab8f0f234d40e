#include "actors/loop/loop.hpp"
#include "tests/app/control/control_fixture.hpp"

namespace workspace_supervisor {
namespace {

/// The server alone: it answers each request with its method and target.
class http_server_test : public ::testing::Test {
protected:
  http_server_test()
      : log{log_level::error, log_format::text, ::open("/dev/null", O_WRONLY | O_CLOEXEC)} {
    options.sockets = {{directory.file("s"), {}}};
    options.users = {::geteuid()};
    options.http = "127.0.0.1:0";
    options.events = &log;
    options.handle = [](std::shared_ptr<control_exchange> exchange) {
      control_answer answer;
      answer.body = exchange->request().method + ' ' + exchange->request().target + ' ' +
                    std::to_string(exchange->request().body.size());
      exchange->answer(std::move(answer));
    };
  }
  ~http_server_test() override { server.reset(); }
  void start() {
    system = std::make_unique<hosted_system>(loop);
    server = std::make_unique<http_server>(loop, options);
    ASSERT_EQ(server->listen().error, "");
    server->start();
    ASSERT_TRUE(wait_until([this] { return options.http.empty() || server->tcp_port() != 0; }));
  }
  control_client over_socket() const { return control_client{directory.file("s")}; }
  control_client over_tcp() const { return control_client{server->tcp_port()}; }

  /// The status of the answer that is given at a place kept for /healthz.
  static int status_at_kept_place(const std::function<control_client()>& connect,
                                  const std::string& target = "/healthz") {
    const int status = connect().get(target).status;
    // Once more where this thread stood still before it asked: such a place is not kept for long.
    return status != 0 ? status : connect().get(target).status;
  }
  int health_over_socket() const {
    return status_at_kept_place([this] { return over_socket(); });
  }
  int health_over_tcp() const {
    return status_at_kept_place([this] { return over_tcp(); });
  }

  /// The status of the answer to these bytes over TCP.
  int status_over_tcp(const std::string& bytes) const {
    auto client = over_tcp();
    client.send(bytes);
    return client.read_answer().status;
  }

  /// The loop runs for as long as an actor system does.
  struct hosted_system {
    explicit hosted_system(actor_loop& loop)
        : system{(loop.host(config), config)} {}
    caf::actor_system_config config;
    caf::actor_system system;
  };

  temporary_directory directory;
  event_log log;
  http_server_options options;
  actor_loop loop;
  std::unique_ptr<hosted_system> system;
  std::unique_ptr<http_server> server;
};

TEST_F(http_server_test, pipelined_requests_are_answered_in_order) {
  start();
  auto client = over_socket();
  std::string requests;
  for (int number = 0; number < 50; ++number)
    requests += "GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.send(requests);
  for (int number = 0; number < 50; ++number)
    ASSERT_EQ(client.read_answer().body, "GET /" + std::to_string(number) + " 0");
}

TEST_F(http_server_test, the_end_of_a_chunked_body_may_come_byte_by_byte) {
  start();
  auto client = over_socket();
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  for (const char* piece : {"0\r\n", "\r", "\n"}) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds{50}); // for the server to have read what came before
    client.send(piece);
  }
  EXPECT_EQ(client.read_answer().body, "PUT / 2");
}

TEST_F(http_server_test, a_request_that_comes_in_pieces_is_answered) {
  start();
  auto client = over_socket();
  for (const char character : std::string{"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"})
    client.send({character});
  EXPECT_EQ(client.read_answer().body, "POST /a 2");
}

TEST_F(http_server_test, a_chunked_body_is_read) {
  start();
  auto client = over_socket();
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().body, "POST /a 3");
}

TEST_F(http_server_test, a_client_that_waits_to_be_asked_for_its_body_is_asked) {
  start();
  auto client = over_socket();
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 100);
  client.send("{}");
  EXPECT_EQ(client.read_answer().body, "POST /a 2");
}

TEST_F(http_server_test, a_body_above_the_limit_is_413_and_closed) {
  start();
  auto client = over_socket();
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n" + std::string(65537, 'x'));
  EXPECT_EQ(client.read_answer().status, 413);
  EXPECT_TRUE(client.ends());
}

TEST_F(http_server_test, a_body_of_the_limit_is_taken) {
  start();
  auto client = over_socket();
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 65536\r\n\r\n" + std::string(65536, 'x'));
  EXPECT_EQ(client.read_answer().body, "POST /a 65536");
}

TEST_F(http_server_test, a_chunked_body_above_the_limit_is_413) {
  start();
  auto client = over_socket();
  std::string body;
  for (int number = 0; number < 70; ++number)
    body += "400\r\n" + std::string(1024, 'x') + "\r\n";
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body + "0\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
}

TEST_F(http_server_test, a_head_above_the_limit_is_400_and_closed) {
  start();
  auto client = over_socket();
  client.send("GET /a HTTP/1.1\r\nHost: x\r\nX: " + std::string(20000, 'x') + "\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 400);
  EXPECT_TRUE(client.ends());
}

TEST_F(http_server_test, what_is_no_http_is_400_and_closed) {
  start();
  auto client = over_socket();
  client.send("hello\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 400);
  EXPECT_TRUE(client.ends());
}

TEST_F(http_server_test, a_request_that_is_cut_off_is_400) {
  start();
  auto client = over_socket();
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
  client.end_sending();
  EXPECT_EQ(client.read_answer().status, 400);
}

TEST_F(http_server_test, a_request_that_does_not_come_whole_in_time_is_408_and_closed) {
  options.limits.owed = milliseconds{100};
  start();
  // Again where this thread stood still before it sent: a client that has sent nothing is told nothing.
  int status = 0;
  EXPECT_TRUE(wait_until([this, &status] {
    auto client = over_socket();
    client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    status = client.read_answer().status;
    return status != 0 && client.ends();
  }));
  EXPECT_EQ(status, 408);
}

TEST_F(http_server_test, a_client_that_sends_nothing_is_closed) {
  options.limits.owed = milliseconds{100};
  start();
  EXPECT_TRUE(over_socket().ends());
}

TEST_F(http_server_test, a_client_that_does_not_read_its_answer_is_closed) {
  options.limits.owed = milliseconds{100};
  std::atomic<bool> asked{false};
  options.handle = [&asked](std::shared_ptr<control_exchange> exchange) {
    control_answer answer;
    answer.body = std::string(32U << 20U, 'x');
    exchange->answer(std::move(answer));
    asked = true;
  };
  start();
  // Again where this thread stood still before it sent: that client was closed for another reason.
  std::vector<control_client> clients;
  ASSERT_TRUE(wait_until([this, &asked, &clients] {
    if (asked)
      return true;
    clients.push_back(over_socket());
    clients.back().send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    return false;
  }));
  EXPECT_TRUE(wait_until([this] { return server->open_connections() == 0; }));
  server.reset();
}

TEST_F(http_server_test, an_exchange_that_is_dropped_is_503) {
  options.handle = [](const std::shared_ptr<control_exchange>&) {
  };
  start();
  EXPECT_EQ(over_socket().get("/a").status, 503);
}

TEST_F(http_server_test, a_late_answer_is_replaced_and_ignored) {
  std::shared_ptr<control_exchange> late;
  options.handle = [&late](std::shared_ptr<control_exchange> exchange) {
    exchange->answer_after(milliseconds{20}, error_answer(503, "late"));
    late = std::move(exchange);
  };
  start();
  auto client = over_socket();
  EXPECT_EQ(client.get("/a").status, 503);
  late->answer({});
  EXPECT_EQ(client.get("/b").status, 503);
  late.reset();
}

TEST_F(http_server_test, an_exchange_may_outlive_the_server) {
  std::shared_ptr<control_exchange> late;
  options.handle = [&late](std::shared_ptr<control_exchange> exchange) {
    late = std::move(exchange);
  };
  start();
  auto client = over_socket();
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(wait_until([this] { return server->open_connections() == 1; }));
  server->stop();
  server.reset();
  if (late)
    late->answer({});
  EXPECT_TRUE(client.ends());
}

TEST_F(http_server_test, a_place_is_kept_for_healthz) {
  options.limits.connections = 4;
  options.limits.owed = std::chrono::minutes{10};
  start();
  std::vector<control_client> silent;
  for (int number = 0; number < 4; ++number)
    silent.push_back(over_socket());
  ASSERT_TRUE(wait_until([this] { return server->open_connections() == 4; }));
  EXPECT_EQ(status_at_kept_place([this] { return over_socket(); }, "/v1/stats"), 503);
  EXPECT_EQ(health_over_socket(), 200);
}

/// What clients may do to a listener, by its name.
struct occupation {
  const char* name;
  std::string sent;    ///< by each of them, which then does nothing more
  bool stream = false; ///< what is asked for goes on for ever
};

class http_server_occupied : public http_server_test, public testing::WithParamInterface<occupation> {
protected:
  /// Healthy and ready is what both listeners say, whoever else is there.
  void expect_health(const char* when) {
    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(health_over_socket(), 200) << when << ", Unix socket";
      EXPECT_EQ(health_over_tcp(), 200) << when << ", TCP";
    }
  }
};

TEST_P(http_server_occupied, healthz_is_served_beyond_a_hundred_of_them) {
  options.http = "127.0.0.1:0";
  options.limits.owed = std::chrono::minutes{10};
  options.handle = [large = std::string(8U << 20U, 'x')](const std::shared_ptr<control_exchange>& exchange) {
    control_answer answer;
    if (exchange->request().target == "/large")
      answer.body = large;
    if (exchange->request().target == "/stream")
      static_cast<void>(exchange->open_stream("text/event-stream", ": on\n\n", [] {}));
    else if (exchange->request().target != "/never")
      exchange->answer(std::move(answer));
    else
      exchange->answer_after(std::chrono::minutes{10}, {});
  };
  start();
  ASSERT_TRUE(wait_until([this] { return server->tcp_port() != 0; }));
  expect_health("before");
  std::vector<control_client> there;
  for (int number = 0; number < 100; ++number) {
    there.push_back(over_socket());
    there.back().send(GetParam().sent);
    there.push_back(over_tcp());
    there.back().send(GetParam().sent);
    if (number % 20 == 19)
      expect_health("among them");
  }
  expect_health("after them");
}

INSTANTIATE_TEST_SUITE_P(
    all, http_server_occupied,
    testing::Values(occupation{"nothing", ""}, occupation{"half_a_line", "GET / HT"},
                    occupation{"half_a_head", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "},
                    occupation{"half_a_body",
                               "GET /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx"},
                    occupation{"unread_answers", "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"},
                    occupation{"answers_that_do_not_come", "GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n"},
                    occupation{"streams", "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST_F(http_server_test, healthz_is_served_beyond_any_number_of_silent_clients) {
  options.limits.connections = 4;
  options.limits.owed = std::chrono::minutes{10};
  start();
  std::vector<control_client> silent;
  for (int number = 0; number < 8; ++number)
    silent.push_back(over_socket());
  EXPECT_EQ(health_over_socket(), 200);
}

TEST_F(http_server_test, a_connection_between_two_requests_makes_room_for_a_new_one) {
  options.limits.connections = 4;
  start();
  std::vector<control_client> kept;
  for (int number = 0; number < 10; ++number) {
    kept.push_back(over_socket());
    ASSERT_EQ(kept.back().get("/v1/stats").status, 200);
  }
}

TEST_F(http_server_test, over_tcp_get_alone_is_served) {
  start();
  EXPECT_EQ(status_over_tcp("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
  EXPECT_EQ(status_over_tcp("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), 405);
  EXPECT_EQ(status_over_tcp("PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"), 405);
  EXPECT_EQ(status_over_tcp("DELETE /a HTTP/1.1\r\nHost: localhost\r\n\r\n"), 405);
}

TEST_F(http_server_test, over_tcp_names_of_the_listener_are_served) {
  options.http_hosts = {"status.example", "other.example:80"};
  start();
  const auto port = ':' + std::to_string(server->tcp_port());
  for (const auto& host :
       {"127.0.0.1" + port, std::string{"127.0.0.1"}, "localhost" + port, "LOCALHOST" + port,
        std::string{"status.example"}, "status.example" + port, std::string{"other.example:80"}})
    EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), 200) << host;
}

TEST_F(http_server_test, at_all_addresses_it_is_asked_under_the_one_that_was_connected_to) {
  options.http = "0.0.0.0:0";
  start();
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 200);
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n"), 421);
}

TEST_F(http_server_test, at_all_addresses_of_ipv6_it_is_asked_over_ipv4_too) {
  const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  const bool has_it = probe >= 0 && ::bind(probe, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0;
  ::close(probe);
  if (!has_it)
    GTEST_SKIP() << "no IPv6 here";
  options.http = "[::]:0";
  start();
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), 200);
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n"), 421);
}

TEST_F(http_server_test, over_tcp_foreign_names_are_421) {
  start();
  for (const auto* host :
       {"evil.example", "127.0.0.1:1", "localhost.evil.example", "localhost:", "[::1]", "10.0.0.1"})
    EXPECT_EQ(status_over_tcp(std::string{"GET / HTTP/1.1\r\nHost: "} + host + "\r\n\r\n"),
              std::string{host} == "localhost:" ? 200 : 421)
        << host;
}

TEST_F(http_server_test, over_tcp_one_host_header_is_expected) {
  start();
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), 400);
  EXPECT_EQ(status_over_tcp("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
}

TEST_F(http_server_test, over_tcp_pages_of_other_sites_are_403) {
  start();
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"), 403);
  EXPECT_EQ(status_over_tcp("GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\r\n"), 200);
}

TEST_F(http_server_test, processes_of_other_users_are_403) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "only root can be another user";
  start();
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(directory.file("s").c_str(), 0666), 0);
  const without_root somebody;
  EXPECT_EQ(over_socket().get("/a").status, 403);
}

TEST_F(http_server_test, a_taken_port_is_told_and_tried_again) {
  const int taken = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(taken, 1), 0);
  ASSERT_EQ(::getsockname(taken, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::atomic<int> told{0};
  const auto telling = log.subscribe(log_level::debug, [&told](const event& happened) {
    told += happened.name == "control.http-unavailable";
  });
  options.http = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  options.limits.tcp_retry = milliseconds{20};
  system = std::make_unique<hosted_system>(loop);
  server = std::make_unique<http_server>(loop, options);
  ASSERT_EQ(server->listen().error, "");
  server->start();
  EXPECT_TRUE(wait_until([&told] { return told > 0; }));
  EXPECT_EQ(over_socket().get("/a").status, 200);
  ::close(taken);
  EXPECT_TRUE(wait_until([this] { return server->tcp_port() != 0; }));
  log.unsubscribe(telling);
  EXPECT_EQ(told, 1);
  server.reset();
}

TEST_F(http_server_test, a_stream_ends_with_its_client) {
  std::atomic<bool> ended{false};
  options.handle = [&ended](std::shared_ptr<control_exchange> exchange) {
    exchange->open_stream("text/plain", "first\n", [&ended] { ended = true; });
  };
  start();
  {
    auto client = over_socket();
    client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(client.read_until("first\n"));
    EXPECT_FALSE(ended);
  }
  EXPECT_TRUE(wait_until([&ended] { return ended.load(); }));
}

TEST_F(http_server_test, a_stream_that_is_not_read_is_bounded_and_closed) {
  options.limits.owed = milliseconds{200};
  std::atomic<bool> ended{false};
  std::shared_ptr<control_stream> stream;
  std::atomic<bool> open{false};
  options.handle = [&](std::shared_ptr<control_exchange> exchange) {
    if (open)
      return exchange->answer({});
    stream = exchange->open_stream("text/plain", "", [&ended] { ended = true; });
    open = true;
  };
  start();
  // Again where this thread stood still before it sent: that client was closed for another reason.
  std::vector<control_client> clients;
  ASSERT_TRUE(wait_until([this, &open, &clients] {
    if (open)
      return true;
    clients.push_back(over_socket());
    clients.back().send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    return false;
  }));
  bool refused = false;
  for (int number = 0; number < 10000 && !refused; ++number)
    refused = !stream->send(std::string(1000, 'x'));
  EXPECT_TRUE(refused);
  EXPECT_TRUE(wait_until([&ended] { return ended.load(); }));
  server.reset();
}

TEST_F(http_server_test, streams_do_not_count_as_connections) {
  options.limits.connections = 3;
  options.handle = [](std::shared_ptr<control_exchange> exchange) {
    if (exchange->request().target == "/stream")
      exchange->open_stream("text/plain", "open\n", [] {});
    else
      exchange->answer({});
  };
  start();
  std::vector<control_client> streams;
  for (int number = 0; number < 10; ++number) {
    streams.push_back(over_socket());
    streams.back().send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(streams.back().read_until("open\n"));
  }
  EXPECT_EQ(over_socket().get("/a").status, 200);
}

} // namespace
} // namespace workspace_supervisor
