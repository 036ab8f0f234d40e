#include "app/event_log/event_log.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <future>
#include <optional>
#include <poll.h>
#include <thread>
#include <unistd.h>

using namespace workspace_supervisor;

namespace {

/// Everything that could break a line, turn it, colour a terminal or spoil the JSON.
const std::string hostile = "a\nb\r\t\x1b[31m\"\\\xe2\x80\xa8\xe2\x80\xae\xc2\x85 \x7f\xff\xc3";

event hostile_event() {
  auto happened = make_event(log_level::warning, "beat.failed", hostile, hostile);
  happened.time = 1'800'000'000.25;
  return happened.with("error", hostile).with("reason", hostile).with("status", std::int64_t{503});
}

TEST(event_log_format, text_is_one_line_without_what_would_change_how_it_is_shown) {
  const auto line = format_text(hostile_event());
  EXPECT_EQ(line.find("2027-01-15T08:00:00.250Z warning beat.failed workspace=\""), 0U) << line;
  for (const auto* forbidden :
       {"\n", "\r", "\t", "\x1b", "\x7f", "\xe2\x80\xa8", "\xe2\x80\xae", "\xc2\x85", "\xff"})
    EXPECT_EQ(line.find(forbidden), std::string::npos) << line;
}

TEST(event_log_format, json_is_one_line_of_valid_utf8) {
  const auto line = format_json(hostile_event());
  for (const auto* forbidden : {"\n", "\r", "\t", "\x1b", "\xff"})
    EXPECT_EQ(line.find(forbidden), std::string::npos) << line;
  EXPECT_NE(line.find("\"status\":503"), std::string::npos) << line;
  EXPECT_NE(line.find("\xef\xbf\xbd\""), std::string::npos) << line; // for the byte that was cut
}

TEST(event_log_format, both_say_the_same_of_a_harmless_event) {
  auto happened = make_event(log_level::info, "results.filed", "ws-1", "2 results filed for the agent");
  happened.time = 1'800'000'000;
  happened.with("count", std::int64_t{2});
  EXPECT_EQ(format_text(happened), "2027-01-15T08:00:00.000Z info results.filed workspace=ws-1 count=2: "
                                   "2 results filed for the agent");
  EXPECT_EQ(format_json(happened),
            R"({"time":"2027-01-15T08:00:00.000Z","level":"info","event":"results.filed","workspace":"ws-1",)"
            R"("count":2,"text":"2 results filed for the agent"})");
}

/// A log whose reader is this test, through a pipe.
class event_log_reader : public testing::Test {
protected:
  explicit event_log_reader(int flags = O_CLOEXEC) {
    std::signal(SIGPIPE, SIG_IGN); // as the daemon does
    if (::pipe2(ends_.data(), flags) != 0)
      throw std::runtime_error{"no pipe"};
    log.emplace(log_level::info, log_format::text, ends_[1]);
  }
  ~event_log_reader() override {
    log.reset();
    hang_up(); // the other end is left open: a thread that was left behind may be using it
  }

  void hang_up() {
    if (ends_[0] >= 0)
      ::close(std::exchange(ends_[0], -1));
  }

  /// Events until some had to be left out because nobody reads. @returns how many there were.
  int emit_until_some_are_left_out() {
    int emitted = 0;
    while (log->dropped() == 0 && emitted < 1'000'000)
      log->emit(make_event(log_level::info, "beat.failed", "ws-1", std::to_string(++emitted)));
    return emitted;
  }

  /// Reads until a line has this text.
  void read_until(const std::string& wanted) {
    std::array<char, 65536> part{};
    std::string read;
    while (read.find(wanted) == std::string::npos) {
      pollfd ready{ends_[0], POLLIN, 0};
      ASSERT_EQ(::poll(&ready, 1, 30000), 1) << "nothing is written any more";
      const auto count = ::read(ends_[0], part.data(), part.size());
      ASSERT_GT(count, 0);
      read = read.substr(read.size() - std::min(read.size(), wanted.size())) +
             std::string{part.data(), static_cast<std::size_t>(count)};
    }
  }

  std::optional<event_log> log;

private:
  std::array<int, 2> ends_{-1, -1};
};

class event_log_nonblocking_reader : public event_log_reader {
protected:
  event_log_nonblocking_reader()
      : event_log_reader{O_CLOEXEC | O_NONBLOCK} {}
};

TEST_F(event_log_reader, that_does_not_read_holds_nobody_up_and_the_newest_are_kept) {
  const auto last = emit_until_some_are_left_out();
  EXPECT_GE(log->dropped(), 1U);
  read_until(": " + std::to_string(last) + '\n');
}

TEST_F(event_log_reader, that_never_reads_does_not_keep_the_log_from_its_end) {
  emit_until_some_are_left_out();
  log.reset();
}

TEST_F(event_log_reader, that_reads_gets_the_last_line_of_a_log_that_is_slow) {
  log->subscribe(log_level::info,
                 [](const event&) { std::this_thread::sleep_for(std::chrono::milliseconds{600}); });
  log->emit(make_event(log_level::info, "supervisor.stopping", {}, "the last line"));
  log.reset();
  read_until("the last line\n");
}

TEST_F(event_log_nonblocking_reader, is_waited_for_where_the_pipe_says_to_come_again) {
  const auto last = emit_until_some_are_left_out();
  read_until(": " + std::to_string(last) + '\n');
}

TEST_F(event_log_nonblocking_reader, that_never_reads_does_not_keep_the_log_from_its_end) {
  emit_until_some_are_left_out();
  log.reset();
}

TEST_F(event_log_reader, that_has_gone_ends_the_writing_and_not_the_telling) {
  hang_up();
  std::promise<void> third;
  int told = 0;
  const auto subscription = log->subscribe(log_level::info, [&](const event&) {
    if (++told == 3)
      third.set_value();
  });
  for (int number = 0; number < 3; ++number)
    log->emit(make_event(log_level::info, "beat.failed", "ws-1", "text"));
  EXPECT_EQ(third.get_future().wait_for(std::chrono::seconds{30}), std::future_status::ready);
  log->unsubscribe(subscription);
}

} // namespace
