#include "tests/actors/loop/loop_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

// What other threads do to the loop while it runs. Built with ThreadSanitizer too (make tsan), but for the
// test that receives answers on a thread without an actor of ours: that is all CAF's, which is not built for
// it.

namespace workspace_supervisor {
namespace {

using std::chrono::milliseconds;

constexpr int senders = 4;
constexpr int rounds = 200;

TEST_F(loop_test, many_threads_tell_actors_that_are_made_and_end_meanwhile) {
  constexpr int most = 20;
  std::atomic<int> handled{0};
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        // What the actor keeps is its own: only its messages order the two threads.
        auto kept = std::make_shared<std::vector<std::uint32_t>>();
        const auto actor = spawn_worker([&handled, kept](worker_pointer self, std::uint32_t number) {
          kept->push_back(number);
          if (number == 0)
            self->after(milliseconds{0}, [kept] { kept->push_back(0); });
          if (kept->size() >= most) {
            handled.fetch_add(1);
            self->quit();
          }
        });
        for (std::uint32_t number = 0; number < most; ++number)
          tell(actor, number);
      }
    });
  for (auto& thread : threads)
    thread.join();
  system->await_all_actors_done();
  EXPECT_EQ(handled.load(), senders * rounds);
  EXPECT_EQ(timers(), 0u);
}

TEST_F(loop_test, many_threads_tell_one_actor_each_in_order) {
  constexpr std::uint32_t most = 2000;
  std::vector<std::uint32_t> last(senders, UINT32_MAX); // of the actor alone; one more is 0
  bool in_order = true;
  std::uint32_t handled = 0;
  event_flag all;
  const auto actor = spawn_worker([&](worker_pointer, std::uint32_t number) {
    auto& before = last[static_cast<std::size_t>(number / most)];
    in_order = in_order && number % most == before + 1;
    before = number % most;
    if (++handled == senders * most)
      all.set();
  });
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([&, sender] {
      for (std::uint32_t number = 0; number < most; ++number)
        tell(actor, sender * most + number);
    });
  for (auto& thread : threads)
    thread.join();
  ASSERT_TRUE(all.wait());
  EXPECT_TRUE(in_order);
  EXPECT_EQ(last, std::vector<std::uint32_t>(senders, most - 1));
}

TEST_F(loop_test, actors_with_threads_of_their_own_set_and_cancel_timers) {
  std::atomic<int> due{0};
  std::vector<worker_interface> actors;
  for (int count = 0; count < senders; ++count)
    actors.push_back(
        system->spawn<caf::detached>(worker, worker_function{[&](worker_pointer self, std::uint32_t number) {
                                       const auto cancelled = self->after(std::chrono::hours{1}, [] {});
                                       self->after(milliseconds{number % 3}, [&] { due.fetch_add(1); });
                                       self->after(std::chrono::hours{1}, [] {}); // left to its end
                                       self->cancel(cancelled);
                                     }}));
  for (std::uint32_t number = 0; number < rounds; ++number)
    for (const auto& actor : actors)
      tell(actor, number);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (due.load() < senders * rounds && std::chrono::steady_clock::now() < limit)
    loop.post_and_wait([] {});
  EXPECT_EQ(due.load(), senders * rounds);
  EXPECT_EQ(timers(), static_cast<std::size_t>(senders * rounds));
  for (const auto& actor : actors)
    end(actor);
  actors.clear();
  system->await_all_actors_done();
  EXPECT_EQ(timers(), 0u);
}

TEST_F(loop_test, threads_ask_and_are_answered) {
  const auto actor = spawn_worker([](worker_pointer, std::uint32_t) {});
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([&] {
      caf::scoped_actor self{*system};
      for (int round = 0; round < rounds; ++round)
        self->request(actor, std::chrono::minutes{10}, are_you_there{})
            .receive([&](done) { answered.fetch_add(1); }, [](caf::error&) {});
    });
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(answered.load(), senders * rounds);
}

TEST_F(loop_test, what_is_posted_while_the_loop_ends_is_called_or_forgotten) {
  std::atomic<bool> going{true};
  std::atomic<int> called{0};
  std::vector<std::thread> threads;
  for (int sender = 0; sender < senders; ++sender)
    threads.emplace_back([&] {
      while (going.load()) {
        loop.post([&] { called.fetch_add(1); });
        std::this_thread::yield();
      }
    });
  loop.post_and_wait([] {});
  system.reset();
  going.store(false);
  for (auto& thread : threads)
    thread.join();
  EXPECT_GE(called.load(), 0);
}

} // namespace
} // namespace workspace_supervisor
