#include "tests/actors/loop/loop_fixture.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>

namespace workspace_supervisor {
namespace {

using local_socket = boost::asio::local::stream_protocol::socket;

/// Keeps its own mailbox from ever being empty, until it is told so.
void tell_itself_for_ever(worker_pointer self, std::uint32_t number) {
  if (number == told_to_end)
    return self->quit();
  self->send(worker_interface{self}, numbered{number + 1});
}

TEST_F(loop_test, an_endless_mailbox_starves_no_timer_of_a_socket) {
  const auto busy = spawn_worker(tell_itself_for_ever);
  tell(busy, 0);
  event_flag due;
  boost::asio::steady_timer timer{loop.context()};
  loop.post_and_wait([&] {
    timer.expires_after(std::chrono::milliseconds{5});
    timer.async_wait([&](const boost::system::error_code&) { due.set(); });
  });
  EXPECT_TRUE(due.wait());
  tell(busy, told_to_end);
}

TEST_F(loop_test, an_endless_mailbox_starves_no_socket) {
  const auto busy = spawn_worker(tell_itself_for_ever);
  tell(busy, 0);
  local_socket left{loop.context()};
  local_socket right{loop.context()};
  boost::asio::local::connect_pair(left, right);
  event_flag received;
  std::array<char, 4> bytes{};
  loop.post_and_wait([&] {
    boost::asio::async_read(right, boost::asio::buffer(bytes),
                            [&](const boost::system::error_code& error, std::size_t) {
                              if (!error)
                                received.set();
                            });
    boost::asio::async_write(left, boost::asio::buffer("ping", 4),
                             [](const boost::system::error_code&, std::size_t) {});
  });
  EXPECT_TRUE(received.wait());
  EXPECT_EQ(std::string(bytes.data(), 4), "ping");
  tell(busy, told_to_end);
}

TEST_F(loop_test, an_endless_mailbox_starves_no_other_actor_and_no_timer_of_one) {
  std::vector<worker_interface> busy;
  for (int count = 0; count < 200; ++count) { // more than have their turn in one round
    busy.push_back(spawn_worker(tell_itself_for_ever));
    tell(busy.back(), 0);
  }
  event_flag due;
  const auto other = spawn_worker([&](worker_pointer self, std::uint32_t) {
    self->after(std::chrono::milliseconds{5}, [&] { due.set(); });
  });
  tell(other, 0);
  EXPECT_TRUE(due.wait());
  for (const auto& actor : busy)
    tell(actor, told_to_end);
}

TEST_F(loop_test, endless_handlers_of_sockets_starve_no_actor) {
  std::atomic<bool> going{true};
  event_flag ended;
  std::function<void()> again = [&] {
    if (going.load())
      boost::asio::post(loop.context(), again);
    else
      ended.set();
  };
  loop.post(again);
  event_flag handled;
  const auto actor = spawn_worker([&](worker_pointer, std::uint32_t) { handled.set(); });
  tell(actor, 0);
  EXPECT_TRUE(handled.wait());
  going.store(false);
  EXPECT_TRUE(ended.wait());
}

TEST_F(loop_test, messages_of_one_sender_keep_their_order_from_any_thread) {
  constexpr std::uint32_t most = 20000;
  std::vector<std::uint32_t> from_elsewhere;
  std::vector<std::uint32_t> from_here;
  const auto actor = spawn_worker([&](worker_pointer, std::uint32_t number) {
    (number < most ? from_elsewhere : from_here).push_back(number);
  });
  const auto sender = spawn_worker([&](worker_pointer self, std::uint32_t) {
    for (std::uint32_t number = most; number < 2 * most; ++number)
      self->send(actor, numbered{number});
  });
  tell(sender, 0);
  for (std::uint32_t number = 0; number < most; ++number)
    tell(actor, number);
  settle(sender);
  settle(actor);
  ASSERT_EQ(from_elsewhere.size(), static_cast<std::size_t>(most));
  ASSERT_EQ(from_here.size(), static_cast<std::size_t>(most));
  EXPECT_TRUE(std::is_sorted(from_elsewhere.begin(), from_elsewhere.end()));
  EXPECT_TRUE(std::is_sorted(from_here.begin(), from_here.end()));
}

TEST_F(loop_test, actors_and_what_is_posted_run_on_one_thread) {
  std::thread::id of_actor;
  std::thread::id of_post;
  const auto actor = spawn_worker([&](worker_pointer, std::uint32_t) {
    of_actor = std::this_thread::get_id();
    EXPECT_TRUE(loop.is_here());
  });
  tell(actor, 0);
  settle(actor);
  loop.post_and_wait([&] { of_post = std::this_thread::get_id(); });
  EXPECT_EQ(of_actor, of_post);
  EXPECT_NE(of_post, std::this_thread::get_id());
  EXPECT_FALSE(loop.is_here());
}

TEST_F(loop_test, a_crash_in_a_handler_ends_its_actor_alone) {
  event_flag ended;
  std::string reason;
  const auto crashing =
      spawn_worker([](worker_pointer, std::uint32_t) { throw std::runtime_error("on purpose"); });
  const auto watching = spawn_worker([&](worker_pointer self, std::uint32_t) {
    self->set_down_handler([&](caf::down_msg& message) {
      reason = to_string(message.reason);
      ended.set();
    });
    self->monitor(crashing);
  });
  tell(watching, 0);
  settle(watching);
  tell(crashing, 0);
  EXPECT_TRUE(ended.wait());
  EXPECT_NE(reason.find("on purpose"), std::string::npos) << reason;
  settle(watching);
  EXPECT_TRUE(exceptions.empty());
}

TEST_F(loop_test, an_exception_that_leaves_a_sockets_handler_is_told_and_the_loop_goes_on) {
  loop.post([] { throw std::runtime_error("out of a handler"); });
  bool called = false;
  loop.post_and_wait([&] { called = true; });
  EXPECT_TRUE(called);
  loop.post_and_wait([&] { EXPECT_EQ(exceptions, std::vector<std::string>{"out of a handler"}); });
}

TEST_F(loop_test, a_function_that_is_posted_from_the_loop_is_called_later) {
  std::string order;
  event_flag called;
  loop.post_and_wait([&] {
    loop.post([&] {
      order += 'b';
      called.set();
    });
    order += 'a';
  });
  ASSERT_TRUE(called.wait());
  EXPECT_EQ(order, "ab");
}

TEST_F(loop_test, an_exception_of_any_type_is_told) {
  loop.post([] { throw 1; });
  loop.post_and_wait([&] { EXPECT_EQ(exceptions.size(), 1u); });
}

TEST_F(loop_test, whoever_waits_for_a_function_gets_its_exception) {
  EXPECT_THROW(loop.post_and_wait([] { throw std::runtime_error("out of it"); }), std::runtime_error);
  loop.post_and_wait([&] { EXPECT_TRUE(exceptions.empty()); });
}

TEST_F(loop_test, on_the_loop_itself_nobody_waits_for_it) {
  bool called = false;
  loop.post_and_wait([&] { loop.post_and_wait([&] { called = true; }); });
  EXPECT_TRUE(called);
}

TEST_F(loop_test, the_state_of_actors_that_are_alive_at_the_end_is_destroyed) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  system->await_actors_before_shutdown(false);
  {
    const auto actor = spawn_worker([held](worker_pointer self, std::uint32_t number) {
      state_of(self).held = held;
      tell_itself_for_ever(self, number);
    });
    tell(actor, 0);
    settle(actor);
  }
  held.reset();
  system.reset();
  EXPECT_TRUE(watched.expired());
}

TEST_F(loop_test, ends_in_order_with_actors_alive_and_messages_and_timers_waiting) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  system->await_actors_before_shutdown(false);
  for (int count = 0; count < 100; ++count) {
    // Alive for as long as it tells itself something: nobody else holds it.
    const auto actor = spawn_worker([held](worker_pointer self, std::uint32_t number) {
      if (number == 0)
        self->after(std::chrono::hours{1}, [held] {});
      tell_itself_for_ever(self, number);
    });
    tell(actor, 0);
    settle(actor);
  }
  held.reset();
  EXPECT_EQ(timers(), 100u);
  system.reset();
  EXPECT_EQ(loop.timers(), 0u);
  EXPECT_TRUE(watched.expired());
}

TEST_F(loop_test, an_actor_that_nobody_holds_any_more_is_freed) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  {
    const auto actor = spawn_worker([held](worker_pointer, std::uint32_t) {});
    held.reset();
    settle(actor);
    end(actor);
  }
  system->await_all_actors_done();
  // The last reference is the loop's own, for as long as the actor's last turn takes.
  loop.post_and_wait([] {});
  EXPECT_TRUE(watched.expired());
}

} // namespace
} // namespace workspace_supervisor
