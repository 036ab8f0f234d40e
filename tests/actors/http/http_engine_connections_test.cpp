#include "tests/actors/http/http_engine_fixture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

namespace workspace_supervisor {
namespace {

using namespace testing;
using std::chrono::milliseconds;

// --- connections

TEST(http_engine, uses_a_connection_again) {
  test_peer peer(answer_always(json_answer("{}")));
  test_engine engine(defaults());
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(engine.open_connections(), 1u);
}

TEST(http_engine, lanes_share_no_connection) {
  test_peer peer(answer_always(json_answer("{}")));
  test_engine engine(defaults());
  for (const request_lane lane : {request_lane::beat, request_lane::poll, request_lane::message}) {
    http_request request = get(peer.url());
    request.lane = lane;
    EXPECT_EQ(ask(engine, request).outcome, http_outcome::answered);
  }
  EXPECT_EQ(peer.connections(), 3);
}

TEST(http_engine, a_fresh_connection_is_neither_taken_nor_left) {
  std::atomic<int> asked_to_close{0};
  test_peer peer([&](peer_connection& connection, int) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      asked_to_close += request.find("\r\nConnection: close\r\n") != std::string::npos ? 1 : 0;
      connection.write(json_answer("{}"));
    }
  });
  test_engine engine(defaults());
  ask(engine, get(peer.url()));
  http_request fresh = get(peer.url());
  fresh.fresh_connection = true;
  EXPECT_EQ(ask(engine, fresh).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 2);
  EXPECT_EQ(engine.open_connections(), 1u);
  EXPECT_EQ(asked_to_close, 1);
  ask(engine, get(peer.url()));
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine, does_not_keep_what_the_peer_wants_closed) {
  for (const std::string& answer :
       {json_answer("{}", "Connection: close\r\n"),
        std::string("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
        json_answer("{}") + "unasked"}) {
    test_peer peer(answer_always(answer));
    test_engine engine(defaults());
    EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
    EXPECT_EQ(engine.open_connections(), 0u) << answer;
  }
}

TEST(http_engine, repeats_what_met_a_connection_closed_meanwhile) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
    connection.read_request(); // taken, and never answered
  });
  test_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine, repeats_once_alone) {
  test_peer peer([](peer_connection& connection, int number) {
    connection.read_request();
    if (number == 0) {
      connection.write(json_answer("{}"));
      connection.read_request();
    }
  });
  test_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::closed);
  EXPECT_EQ(peer.connections(), 2);
}

TEST(http_engine, does_not_repeat_what_must_not_be) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
    connection.read_request();
  });
  test_engine engine(defaults());
  EXPECT_EQ(ask(engine, post(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, post(peer.url())).outcome, http_outcome::closed);
  EXPECT_EQ(peer.connections(), 1);
}

TEST(http_engine, does_not_repeat_after_the_first_byte_of_an_answer) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
    connection.read_request();
    connection.write("H");
  });
  test_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::closed);
  EXPECT_EQ(peer.connections(), 1);
}

TEST(http_engine, a_reset_connection_is_closed) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.reset_on_close();
  });
  test_engine engine(defaults());
  const http_response response = ask(engine, get(peer.url()));
  EXPECT_EQ(response.outcome, http_outcome::closed);
  EXPECT_EQ(engine.open_connections(), 0u);
}

TEST(http_engine, drops_an_idle_connection_that_the_peer_closes) {
  test_peer peer([](peer_connection& connection, int) {
    connection.read_request();
    connection.write(json_answer("{}"));
  });
  test_engine engine(defaults());
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  wait_until([&] { return engine.open_connections() == 0; });
}

TEST(http_engine, closes_what_is_idle_for_too_long) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine_options options = defaults();
  options.idle_timeout = milliseconds(20);
  test_engine engine(options);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  wait_until([&] { return engine.open_connections() == 0; });
}

TEST(http_engine, further_requests_wait_their_turn) {
  std::mutex mutex;
  std::vector<std::string> order;
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      go.wait();
      {
        const std::lock_guard lock(mutex);
        order.push_back(request.substr(4, 2));
      }
      connection.write(json_answer("{}"));
    }
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 1;
  test_engine engine(options);
  std::vector<std::future<http_response>> answers;
  for (const char* target : {"/0", "/1", "/2", "/3", "/4"})
    answers.push_back(begin(engine, get(peer.url(), target)));
  go.open();
  for (auto& answer : answers)
    EXPECT_EQ(wait_for(answer).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 1);
  EXPECT_EQ(order, (std::vector<std::string>{"/0", "/1", "/2", "/3", "/4"}));
}

TEST(http_engine, time_counts_while_a_request_waits) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    go.wait();
    connection.write(json_answer("{}"));
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 1;
  test_engine engine(options);
  std::future<http_response> first = begin(engine, get(peer.url()));
  http_request waiting = get(peer.url());
  waiting.timeout = milliseconds(20);
  EXPECT_EQ(ask(engine, waiting).outcome, http_outcome::timed_out);
  go.open();
  EXPECT_EQ(wait_for(first).outcome, http_outcome::answered);
}

TEST(http_engine, a_messages_time_begins_with_its_connection) {
  gate go;
  test_peer peer([&](peer_connection& connection, int number) {
    connection.read_request();
    if (number == 0)
      go.wait();
    connection.write(json_answer("{}"));
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 1;
  test_engine engine(options);
  http_request message = post(peer.url());
  message.lane = request_lane::message;
  message.fresh_connection = true;
  std::future<http_response> first = begin(engine, message);
  message.timeout = milliseconds(3000);
  std::future<http_response> second = begin(engine, message);
  EXPECT_EQ(second.wait_for(milliseconds(3200)), std::future_status::timeout);
  go.open();
  EXPECT_EQ(wait_for(second).outcome, http_outcome::answered);
  EXPECT_EQ(wait_for(first).outcome, http_outcome::answered);
}

TEST(http_engine, requests_that_fail_at_once_do_not_stop_the_queue) {
  closed_port port;
  http_engine_options options = defaults();
  options.connections_per_lane = 2;
  test_engine engine(options);
  std::vector<std::future<http_response>> answers;
  for (int i = 0; i < 2000; ++i)
    answers.push_back(begin(engine, get(port.url())));
  for (auto& answer : answers)
    EXPECT_EQ(wait_for(answer).outcome, http_outcome::connect_failed);
}

TEST(http_engine, reconnect_drops_idle_and_busy_connections) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      if (request.starts_with("GET /slow"))
        go.wait();
      connection.write(json_answer("{}"));
    }
  });
  test_engine engine(defaults());
  ask(engine, get(peer.url())); // idle by now
  http_request slow = get(peer.url(), "/slow");
  slow.lane = request_lane::beat;
  std::future<http_response> busy = begin(engine, slow);
  wait_until([&] { return peer.connections() == 2; });
  engine.reconnect(peer.url());
  wait_until([&] { return engine.open_connections() <= 1; });
  go.open();
  EXPECT_EQ(wait_for(busy).outcome, http_outcome::answered);
  EXPECT_EQ(engine.open_connections(), 0u);
  EXPECT_EQ(ask(engine, get(peer.url())).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 3);
}

TEST(http_engine, serves_many_threads_at_once) {
  test_peer peer(answer_always(json_answer("{}")));
  http_engine_options options = defaults();
  options.connections_per_lane = 8;
  test_engine engine(options);
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      std::vector<std::future<http_response>> answers;
      for (int i = 0; i < 100; ++i)
        answers.push_back(begin(engine, get(peer.url())));
      for (auto& answer : answers)
        answered += wait_for(answer).outcome == http_outcome::answered ? 1 : 0;
    });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(answered, 400);
  EXPECT_LE(peer.connections(), 8);
}

// --- time

TEST(http_engine, an_unanswered_request_was_acknowledged) {
  test_peer peer([](peer_connection& connection, int) { connection.wait_for_end(); });
  test_engine engine(defaults());
  http_request request = post(peer.url());
  request.timeout = milliseconds(5000); // within it the request has to arrive
  const http_response response = ask(engine, request);
  EXPECT_EQ(response.outcome, http_outcome::timed_out_acknowledged) << response.error;
  EXPECT_EQ(response.status, 0);
  EXPECT_EQ(engine.open_connections(), 0u);
}

TEST(http_engine, a_request_that_the_peer_never_takes_whole_was_not_acknowledged) {
  gate go;
  test_peer peer([&](peer_connection&, int) { go.wait(); });
  test_engine engine(defaults());
  http_request request = post(peer.url(), std::string(std::size_t{32} << 20, 'x'));
  request.timeout = milliseconds(200);
  EXPECT_EQ(ask(engine, request).outcome, http_outcome::timed_out);
  go.open();
}

TEST(http_engine, a_trickling_answer_has_to_end_in_time) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    connection.write("HTTP/1.1 200 OK\r\n" + json_type + "Content-Length: 3\r\n\r\n[");
    go.wait();
  });
  test_engine engine(defaults());
  http_request reading = get(peer.url());
  http_request telling = post(peer.url());
  reading.timeout = telling.timeout = milliseconds(5000); // within it the head has to come
  std::future<http_response> read = begin(engine, reading);
  std::future<http_response> told = begin(engine, telling);
  EXPECT_EQ(wait_for(read).outcome, http_outcome::timed_out_acknowledged);
  EXPECT_EQ(wait_for(told).status, 200); // for a POST the status decides
  go.open();
}

TEST(http_engine, a_refused_connection_is_named) {
  closed_port port;
  test_engine engine(defaults());
  const http_response response = ask(engine, get(port.url()));
  EXPECT_EQ(response.outcome, http_outcome::connect_failed);
  EXPECT_NE(response.error.find("connect to " + port.url().origin()), std::string::npos) << response.error;
  EXPECT_NE(response.error.find("refused"), std::string::npos) << response.error;
}

// --- an owner that goes

TEST(http_engine, ends_the_requests_of_an_owner_and_no_other) {
  gate go;
  test_peer peer([&](peer_connection& connection, int) {
    connection.read_request();
    go.wait();
    connection.write(json_answer("{}"));
    connection.wait_for_end();
  });
  http_engine_options options = defaults();
  options.connections_per_lane = 2;
  test_engine engine(options);
  std::vector<std::future<http_response>> answers;
  for (const workspace_number owner : {1, 2, 1, 2}) { // two are under way, two wait
    http_request request = get(peer.url());
    request.owner = owner;
    answers.push_back(begin(engine, std::move(request)));
  }
  wait_until([&] { return peer.connections() == 2; });
  engine.cancel(1);
  for (const std::size_t of_first : {0, 2}) {
    const auto ended = wait_for(answers[of_first]);
    EXPECT_EQ(ended.outcome, http_outcome::cancelled);
    EXPECT_NE(ended.error.find("no more"), std::string::npos) << ended.error;
  }
  go.open();
  for (const std::size_t of_second : {1, 3})
    EXPECT_EQ(wait_for(answers[of_second]).outcome, http_outcome::answered);
  engine.cancel(7);
}

TEST(http_engine, a_host_that_was_forgotten_is_looked_up_anew) {
  std::atomic<int> look_ups{0};
  test_peer peer(answer_always(json_answer("{}", "Connection: close\r\n")));
  http_engine_options options = defaults();
  options.look_up = [&](const std::string&) {
    ++look_ups;
    resolved_host found;
    found.addresses = {"127.0.0.1"};
    return found;
  };
  test_engine engine(options);
  const auto url = by_name(peer.url(), "platform.example");
  for (int round = 0; round < 2; ++round)
    EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 1);
  wait_until([&] { return engine.open_connections() == 0; });
  engine.cancel(1);
  EXPECT_EQ(ask(engine, get(url)).outcome, http_outcome::answered);
  EXPECT_EQ(look_ups, 2);
}

// --- the end

TEST(http_engine, cancels_what_is_under_way_when_it_ends) {
  test_peer peer([](peer_connection& connection, int) { connection.wait_for_end(); });
  std::vector<std::future<http_response>> answers;
  {
    http_engine_options options = defaults();
    options.connections_per_lane = 1;
    test_engine engine(options);
    for (int i = 0; i < 3; ++i)
      answers.push_back(begin(engine, get(peer.url())));
    wait_until([&] { return peer.connections() == 1; });
    answers.push_back(begin(engine, get(peer.url())));
  }
  for (auto& answer : answers)
    EXPECT_EQ(wait_for(answer).outcome, http_outcome::cancelled);
}

TEST(http_engine, a_completion_may_send_again) {
  test_peer peer(answer_always(json_answer("{}")));
  test_engine engine(defaults());
  std::promise<http_response> second;
  engine.send(get(peer.url()), [&](const http_response&) {
    engine.send(get(peer.url()), [&](http_response response) { second.set_value(std::move(response)); });
  });
  std::future<http_response> answer = second.get_future();
  EXPECT_EQ(wait_for(answer).outcome, http_outcome::answered);
  EXPECT_EQ(peer.connections(), 1);
}

} // namespace
} // namespace workspace_supervisor
