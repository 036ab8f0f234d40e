#include "app/control/event_streams.hpp"

#include <algorithm>
#include <atomic>
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
  std::uint64_t last_id = 0;
  std::uint64_t subscription = 0; ///< 0: none; changed on the server's thread alone

  explicit impl(event_log& log)
      : log{log} {}

  void tell(const event& happened);
  void ended(std::uint64_t id);
};

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
    : impl_{std::make_shared<impl>(log)} {}

event_streams::~event_streams() {
  if (impl_->subscription != 0)
    impl_->log.unsubscribe(impl_->subscription);
}

void event_streams::open(control_exchange& exchange) {
  std::uint64_t id = 0;
  bool first = false;
  {
    const std::lock_guard lock{impl_->mutex};
    if (impl_->listeners.size() >= most)
      return exchange.answer(error_answer(503, std::to_string(most) + " streams of events are open already"));
    id = ++impl_->last_id;
    first = impl_->subscription == 0;
    impl_->listeners.push_back({id, exchange.request().workspace, nullptr, 0});
  }
  auto stream = exchange.open_stream("text/event-stream", ": events follow\n\n",
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

std::size_t event_streams::count() const {
  const std::lock_guard lock{impl_->mutex};
  return impl_->listeners.size();
}

std::string server_sent(const event& happened) {
  return "event: " + happened.name + "\ndata: " + format_json(happened) + "\n\n";
}

} // namespace workspace_supervisor
