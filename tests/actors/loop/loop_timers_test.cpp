#include "tests/actors/loop/loop_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

namespace workspace_supervisor {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST_F(loop_test, timers_are_due_in_the_order_of_their_times) {
  event_flag all;
  std::vector<int> order;
  const auto actor = spawn_worker([&](worker_pointer self, std::uint32_t) {
    // On a busy machine time goes by from one to the next. Where it was as much as lies between them, they
    // are set anew: none was due, since the loop had no turn.
    std::vector<std::uint64_t> set;
    std::chrono::steady_clock::time_point began;
    do {
      for (const auto timer : std::exchange(set, {}))
        self->cancel(timer);
      began = std::chrono::steady_clock::now();
      for (const int delay : {800, 200, 600, 400})
        set.push_back(self->after(milliseconds{delay}, [&, delay] {
          order.push_back(delay);
          if (order.size() == 4)
            all.set();
        }));
    } while (std::chrono::steady_clock::now() - began > milliseconds{100});
  });
  tell(actor, 0);
  ASSERT_TRUE(all.wait());
  EXPECT_EQ(order, (std::vector<int>{200, 400, 600, 800}));
  EXPECT_EQ(timers(), 0u);
}

TEST_F(loop_test, no_timer_is_due_before_its_time) {
  event_flag due;
  std::chrono::steady_clock::duration took{};
  const auto actor = spawn_worker([&](worker_pointer self, std::uint32_t) {
    self->after(milliseconds{30}, [&, began = std::chrono::steady_clock::now()] {
      took = std::chrono::steady_clock::now() - began;
      due.set();
    });
  });
  tell(actor, 0);
  ASSERT_TRUE(due.wait());
  EXPECT_GE(took, milliseconds{30});
}

TEST_F(loop_test, thousands_of_timers_that_are_cancelled_leave_nothing_behind) {
  constexpr int most = 10000;
  std::atomic<int> called{0};
  std::vector<std::uint64_t> set;
  const auto actor = spawn_worker([&](worker_pointer self, std::uint32_t number) {
    if (number == 0) {
      for (int count = 0; count < most; ++count)
        set.push_back(
            self->after(count % 2 == 0 ? milliseconds{1} : milliseconds{hours{1}}, [&] { ++called; }));
      // before the loop had a turn: none was due
      for (const auto timer : set)
        self->cancel(timer);
    } else {
      for (const auto timer : set) // long gone
        self->cancel(timer);
    }
  });
  tell(actor, 0);
  settle(actor);
  EXPECT_EQ(timers(), 0u);
  tell(actor, 1);
  settle(actor);
  EXPECT_EQ(called.load(), 0);
}

TEST_F(loop_test, thousands_of_timers_are_all_due) {
  constexpr int most = 10000;
  event_flag all;
  int called = 0;
  const auto actor = spawn_worker([&](worker_pointer self, std::uint32_t) {
    for (int count = 0; count < most; ++count)
      self->after(milliseconds{count % 7}, [&] {
        if (++called == most)
          all.set();
      });
  });
  tell(actor, 0);
  EXPECT_TRUE(all.wait());
  EXPECT_EQ(timers(), 0u);
}

TEST_F(loop_test, a_timer_that_is_cancelled_when_it_is_due_already_calls_nothing) {
  event_flag second;
  bool first_called = false;
  const auto actor = spawn_worker([&](worker_pointer self, std::uint32_t) {
    // Both are in the mailbox before either is handled.
    auto later = std::make_shared<std::uint64_t>(0);
    self->after(milliseconds{0}, [self, later] { self->cancel(*later); });
    *later = self->after(milliseconds{0}, [&] { first_called = true; });
    self->after(milliseconds{20}, [&] { second.set(); });
  });
  tell(actor, 0);
  ASSERT_TRUE(second.wait());
  EXPECT_FALSE(first_called);
}

TEST_F(loop_test, timers_of_an_actor_that_has_ended_leave_nothing_behind) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  {
    const auto actor = spawn_worker([held](worker_pointer self, std::uint32_t) {
      for (int count = 0; count < 1000; ++count)
        self->after(hours{1}, [held] {});
    });
    held.reset();
    tell(actor, 0);
    settle(actor);
    EXPECT_EQ(timers(), 1000u);
    end(actor);
  }
  system->await_all_actors_done();
  EXPECT_EQ(timers(), 0u);
  EXPECT_TRUE(watched.expired());
}

TEST_F(loop_test, timers_of_an_actor_that_crashed_leave_nothing_behind) {
  const auto actor = spawn_worker([](worker_pointer self, std::uint32_t number) {
    if (number > 0)
      throw std::runtime_error("on purpose");
    self->after(hours{1}, [] {});
  });
  tell(actor, 0);
  settle(actor);
  EXPECT_EQ(timers(), 1u);
  tell(actor, 1);
  system->await_all_actors_done();
  EXPECT_EQ(timers(), 0u);
}

TEST_F(loop_test, an_actor_with_a_thread_of_its_own_has_timers_too) {
  event_flag due;
  bool cancelled_called = false;
  const auto actor =
      system->spawn<caf::detached>(worker, worker_function{[&](worker_pointer self, std::uint32_t) {
                                     const auto cancelled =
                                         self->after(milliseconds{10}, [&] { cancelled_called = true; });
                                     self->after(milliseconds{30}, [&] {
                                       EXPECT_FALSE(loop.is_here());
                                       due.set();
                                     });
                                     self->after(hours{1}, [] {});
                                     self->cancel(cancelled);
                                   }});
  tell(actor, 0);
  ASSERT_TRUE(due.wait());
  EXPECT_FALSE(cancelled_called);
  EXPECT_EQ(timers(), 1u);
  end(actor);
  system->await_all_actors_done();
  EXPECT_EQ(timers(), 0u);
}

using silent_interface = interface<done(are_you_there)>;

/// It takes an argument because CAF 0.17 makes a reference of a null pointer for a function without any.
struct silent_state {
  static inline const char* name = "silent";
};

silent_interface::behavior_type never_answering(actor_of<silent_interface, silent_state>* self, int) {
  auto kept = std::make_shared<std::vector<caf::typed_response_promise<done>>>();
  return {[self, kept](are_you_there) -> caf::result<done> {
    return kept->emplace_back(self->make_response_promise<done>());
  }};
}

TEST_F(loop_test, a_request_that_is_not_answered_in_time_fails_and_one_that_is_leaves_no_timer) {
  const auto silent = system->spawn(never_answering, 0);
  const auto answering = spawn_worker([](worker_pointer, std::uint32_t) {});
  caf::scoped_actor self{*system};
  bool failed = false;
  self->request(silent, milliseconds{20}, are_you_there{})
      .receive([](done) {}, [&](caf::error& error) { failed = error == caf::sec::request_timeout; });
  EXPECT_TRUE(failed);
  event_flag answered;
  const auto asking = spawn_worker([&](worker_pointer asker, std::uint32_t) {
    asker->request(answering, std::chrono::minutes{60}, are_you_there{})
        .then([&](done) { answered.set(); }, [](caf::error&) {});
  });
  tell(asking, 0);
  ASSERT_TRUE(answered.wait());
  settle(asking);
  EXPECT_EQ(timers(), 0u);
  end(silent);
}

TEST_F(loop_test, time_outs_and_later_messages_of_an_actor_that_has_ended_leave_nothing_behind) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  const auto silent = system->spawn(never_answering, 0);
  {
    const auto actor = spawn_worker([silent, held](worker_pointer self, std::uint32_t) {
      self->request(silent, std::chrono::minutes{60}, are_you_there{})
          .then([held](done) {}, [held](caf::error&) {});
#if !WORKSPACE_SUPERVISOR_CAF_1 // CAF 1.x leaves it to the sender
      self->delayed_send(worker_interface{self}, hours{1}, numbered{1});
#endif
    });
    held.reset();
    tell(actor, 0);
    settle(actor);
    EXPECT_EQ(timers(), WORKSPACE_SUPERVISOR_CAF_1 ? 1u : 2u);
    end(actor);
  }
  end(silent);
  system->await_all_actors_done();
  EXPECT_EQ(timers(), 0u);
  EXPECT_TRUE(watched.expired());
}

TEST_F(loop_test, messages_that_are_sent_for_later_arrive) {
  event_flag arrived;
  const auto actor = spawn_worker([&](worker_pointer self, std::uint32_t number) {
    if (number == 0)
      self->delayed_send(worker_interface{self}, milliseconds{10}, numbered{1});
    else
      arrived.set();
  });
  tell(actor, 0);
  EXPECT_TRUE(arrived.wait());
}

} // namespace
} // namespace workspace_supervisor
