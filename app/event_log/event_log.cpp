#include "app/event_log/event_log.hpp"

#include "actors/text/plain_text.hpp"
#include "actors/text/utf8.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t max_waiting = 10000; ///< events
/// How long an end may take while the reader takes more, and while it does not.
constexpr milliseconds most_end{3000};
constexpr milliseconds most_end_unread{200};
constexpr std::array<const char*, 4> level_names{"error", "warning", "info", "debug"};

std::string iso_time(double seconds) {
  const auto whole = static_cast<std::time_t>(seconds);
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[40];
  const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ",
                static_cast<int>((seconds - static_cast<double>(whole)) * 1000));
  return text;
}

std::string quoted(const std::string& text) {
  // An id that was cut may end within a character.
  return boost::json::serialize(boost::json::string_view{valid_utf8(text)});
}

const char* level_name(const event& happened) {
  return level_names[static_cast<std::size_t>(happened.level) % level_names.size()];
}

/// A value as it stands in a text line: quoted when it would be torn apart otherwise, and without what would
/// break the line or turn its direction.
std::string plain(const event_field& field) {
  const bool safe =
      field.value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@") ==
      std::string::npos;
  return field.number || (safe && !field.value.empty()) ? field.value : quoted(flatten(field.value));
}

} // namespace

std::string format_text(const event& happened) {
  std::string line = iso_time(happened.time) + ' ' + level_name(happened) + ' ' + happened.name;
  if (!happened.workspace.empty())
    line += " workspace=" + plain({"", happened.workspace, false});
  for (const auto& field : happened.fields)
    if (field.key != "error") // stands in the text
      line += ' ' + field.key + '=' + plain(field);
  // It holds words of others, errors of a server, say.
  return line + ": " + flatten(happened.text);
}

std::string format_json(const event& happened) {
  std::string line = R"({"time":")" + iso_time(happened.time) + R"(","level":")" + level_name(happened) +
                     R"(","event":)" + quoted(happened.name);
  if (!happened.workspace.empty())
    line += R"(,"workspace":)" + quoted(happened.workspace);
  for (const auto& field : happened.fields)
    line += ',' + quoted(field.key) + ':' + (field.number ? field.value : quoted(field.value));
  return line + R"(,"text":)" + quoted(happened.text) + '}';
}

struct event_log::impl {
  std::atomic<log_level> level;
  log_format format;
  int descriptor;
  std::atomic<int> most_verbose;
  std::atomic<std::uint64_t> dropped{0};

  std::mutex mutex; ///< guards what follows
  std::condition_variable changed;
  std::deque<event> waiting;
  bool stopping = false;

  std::mutex listening; ///< held while listeners are called
  std::uint64_t last_subscription = 0;
  std::map<std::uint64_t, std::pair<log_level, listener>> listeners;

  std::atomic<bool> finished{false};
  std::thread writer;

  impl(log_level level, log_format format, int descriptor)
      : level{level}
      , format{format}
      , descriptor{descriptor}
      , most_verbose{static_cast<int>(level)} {}

  void set_most_verbose() {
    auto verbose = level.load();
    for (const auto& [id, entry] : listeners)
      verbose = std::max(verbose, entry.first);
    most_verbose.store(static_cast<int>(verbose), std::memory_order_relaxed);
  }

  /// Whether the reader takes more, or will within `patience`.
  bool takes_more(milliseconds patience) const {
    pollfd ready{descriptor, POLLOUT, 0};
    return ::poll(&ready, 1, static_cast<int>(patience.count())) > 0;
  }

  /// Writes all of `text`, waiting for the reader as long as the log is not stopping.
  void write(std::string_view text) {
    while (!text.empty()) {
      const auto written = ::write(descriptor, text.data(), text.size());
      if (written > 0) {
        text.remove_prefix(static_cast<std::size_t>(written));
        continue;
      }
      if (written < 0 && errno == EINTR)
        continue;
      if (written < 0 && errno != EAGAIN)
        return; // stderr is closed or broken: there is nobody to tell
      if (takes_more(milliseconds{100}))
        continue;
      const std::lock_guard lock{mutex};
      if (stopping)
        return;
    }
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "log");
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (waiting.empty())
        break;
      std::deque<event> batch;
      batch.swap(waiting);
      lock.unlock();
      std::string lines;
      for (const auto& happened : batch) {
        if (happened.level <= static_cast<int>(level.load()))
          lines += (format == log_format::json ? format_json(happened) : format_text(happened)) + '\n';
        const std::lock_guard calling{listening};
        for (const auto& [id, entry] : listeners)
          if (happened.level <= static_cast<int>(entry.first))
            entry.second(happened);
      }
      write(lines);
      lock.lock();
    }
    finished.store(true);
  }
};

event_log::event_log(log_level level, log_format format, int descriptor)
    : impl_{std::make_shared<impl>(level, format, descriptor)} {
  impl_->writer = std::thread{[state = impl_] {
    state->run();
  }};
}

event_log::~event_log() {
  {
    const std::lock_guard lock{impl_->mutex};
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  while (!impl_->finished.load()) {
    // The thread may only be slow, on a machine that is busy: the last lines say why the process ends.
    const auto patience = impl_->takes_more(milliseconds{0}) ? most_end : most_end_unread;
    if (clock::now() - begin > patience)
      break;
    std::this_thread::sleep_for(milliseconds{10});
  }
  if (impl_->finished.load()) {
    impl_->writer.join();
  } else {
    // stderr takes nothing: the thread is left behind with what it works on.
    impl_->writer.detach();
  }
}

bool event_log::wants(log_level level) const noexcept {
  return static_cast<int>(level) <= impl_->most_verbose.load(std::memory_order_relaxed);
}

void event_log::set_level(log_level level) {
  const std::lock_guard calling{impl_->listening};
  impl_->level.store(level);
  impl_->set_most_verbose();
}

void event_log::emit(event happened) {
  if (!wants(static_cast<log_level>(happened.level)))
    return;
  if (happened.time == 0)
    happened.time =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  {
    const std::lock_guard lock{impl_->mutex};
    if (impl_->waiting.size() >= max_waiting) {
      impl_->waiting.pop_front();
      impl_->dropped.fetch_add(1, std::memory_order_relaxed);
    }
    impl_->waiting.push_back(std::move(happened));
  }
  impl_->changed.notify_one();
}

std::uint64_t event_log::subscribe(log_level level, listener listen) {
  const std::lock_guard calling{impl_->listening};
  const auto id = ++impl_->last_subscription;
  impl_->listeners.emplace(id, std::make_pair(level, std::move(listen)));
  impl_->set_most_verbose();
  return id;
}

void event_log::unsubscribe(std::uint64_t subscription) {
  const std::lock_guard calling{impl_->listening};
  impl_->listeners.erase(subscription);
  impl_->set_most_verbose();
}

std::uint64_t event_log::dropped() const noexcept {
  return impl_->dropped.load(std::memory_order_relaxed);
}

} // namespace workspace_supervisor
