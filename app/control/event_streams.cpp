#include "app/control/event_streams.hpp"

#include "app/control/call.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace workspace_supervisor {

struct event_streams::impl {
  struct listener {
    std::uint64_t id = 0;
    std::string workspace;                  ///< "": all, and the process
    std::shared_ptr<control_stream> stream; ///< null: it is about to be opened
    std::uint64_t missed = 0;               ///< since it last took one
  };
  event_log& log;
  mutable std::mutex mutex; ///< guards what follows
  std::vector<listener> listeners;
  std::deque<event> recent; ///< the newest last
  std::uint64_t last_id = 0;
  std::uint64_t subscription = 0; ///< 0: none; changed on the server's thread alone

  std::uint64_t remembering = 0; ///< the subscription for `recent`

  explicit impl(event_log& log)
      : log{log} {}

  void remember(const event& happened);
  std::string recent_of(const control_request& request) const;
  void tell(const event& happened);
  void ended(std::uint64_t id);
};

void event_streams::impl::remember(const event& happened) {
  const std::lock_guard lock{mutex};
  if (recent.size() >= most_recent)
    recent.pop_front();
  recent.push_back(happened);
}

/// The events of the past that the request asks for; under the lock.
std::string event_streams::impl::recent_of(const control_request& request) const {
  std::size_t count = 0;
  if (auto target = parse_target(request)) {
    const auto asked = target->query["recent"];
    std::from_chars(asked.data(), asked.data() + asked.size(), count);
  }
  std::string text;
  for (auto entry = recent.end() - static_cast<std::ptrdiff_t>(std::min(count, recent.size()));
       entry != recent.end(); ++entry)
    if (request.workspace.empty() || request.workspace == entry->workspace)
      text += server_sent(*entry);
  return text;
}

void event_streams::impl::tell(const event& happened) {
  std::string text;
  const std::lock_guard lock{mutex};
  for (auto& listener : listeners) {
    if (!listener.stream || (!listener.workspace.empty() && listener.workspace != happened.workspace))
      continue;
    if (text.empty())
      text = server_sent(happened);
    auto bytes = text;
    if (listener.missed > 0)
      bytes = ": " + std::to_string(listener.missed) +
              " events were left out, they were not read in time\n\n" + text;
    if (listener.stream->send(std::move(bytes)))
      listener.missed = 0;
    else
      ++listener.missed;
  }
}

void event_streams::impl::ended(std::uint64_t id) {
  std::uint64_t unneeded = 0;
  {
    const std::lock_guard lock{mutex};
    std::erase_if(listeners, [id](const listener& entry) { return entry.id == id; });
    if (listeners.empty())
      unneeded = std::exchange(subscription, 0);
  }
  // Without the lock: it waits until the log's thread has left `tell`.
  if (unneeded != 0)
    log.unsubscribe(unneeded);
}

event_streams::event_streams(event_log& log)
    : impl_{std::make_shared<impl>(log)} {
  impl_->remembering = log.subscribe(
      log_level::info, [state = impl_.get()](const event& happened) { state->remember(happened); });
}

event_streams::~event_streams() {
  impl_->log.unsubscribe(impl_->remembering);
  if (impl_->subscription != 0)
    impl_->log.unsubscribe(impl_->subscription);
}

void event_streams::open(control_exchange& exchange) {
  std::uint64_t id = 0;
  bool first = false;
  std::string past;
  {
    const std::lock_guard lock{impl_->mutex};
    if (impl_->listeners.size() >= most)
      return exchange.answer(error_answer(503, std::to_string(most) + " streams of events are open already"));
    id = ++impl_->last_id;
    first = impl_->subscription == 0;
    past = impl_->recent_of(exchange.request());
    impl_->listeners.push_back({id, exchange.request().workspace, nullptr, 0});
  }
  auto stream = exchange.open_stream("text/event-stream", ": events follow\n\n" + past,
                                     [state = impl_, id] { state->ended(id); });
  if (!stream)
    return impl_->ended(id);
  {
    const std::lock_guard lock{impl_->mutex};
    for (auto& listener : impl_->listeners)
      if (listener.id == id)
        listener.stream = std::move(stream);
  }
  // Before the client has read the head: what happens from then on is not missed.
  if (first)
    impl_->subscription = impl_->log.subscribe(
        log_level::debug, [state = impl_.get()](const event& happened) { state->tell(happened); });
}

std::string server_sent(const event& happened) {
  return "event: " + happened.name + "\ndata: " + format_json(happened) + "\n\n";
}

} // namespace workspace_supervisor
