#include "actors/http/http_pool.hpp"

#include "actors/http/http_connection.hpp"

#include <algorithm>

namespace workspace_supervisor {

http_pool::http_pool(http_core& core, origin_record& origin)
    : core_(core)
    , origin_(origin)
    , timer_(core.context.get_executor()) {}

bool http_pool::can_start() const {
  return connections_.size() < core_.options.connections_per_lane || !idle_.empty();
}

void http_pool::submit(exchange_ptr exchange) {
  if (waiting_.empty() && can_start()) {
    start(std::move(exchange));
    return;
  }
  if (exchange->request.lane != request_lane::message)
    watch_waiting(exchange->deadline);
  waiting_.push_back(std::move(exchange));
}

void http_pool::start(exchange_ptr exchange) {
  // a message's time begins when its turn has come
  if (exchange->request.lane == request_lane::message)
    exchange->deadline = std::chrono::steady_clock::now() + exchange->request.timeout;
  if (!exchange->request.fresh_connection) {
    while (!idle_.empty()) {
      http_connection& connection = *idle_.back();
      // what cannot be repeated is worth one more system call
      if (exchange->request.repeatable || !connection.is_stale()) {
        idle_.pop_back();
        connection.serve(std::move(exchange));
        return;
      }
      connection.close_idle();
    }
  } else if (connections_.size() >= core_.options.connections_per_lane) {
    idle_.front()->close_idle();
  }
  submit_to_new_connection(std::move(exchange));
}

void http_pool::submit_to_new_connection(exchange_ptr exchange) {
  auto connection = std::make_shared<http_connection>(core_, *this);
  connection->index_in_pool = connections_.size();
  connections_.push_back(connection);
  connection->start(std::move(exchange));
}

void http_pool::keep(http_connection& connection) {
  idle_.push_back(&connection);
  pump_later();
}

void http_pool::remove(http_connection& connection) {
  const auto idle = std::find(idle_.begin(), idle_.end(), &connection);
  if (idle != idle_.end())
    idle_.erase(idle);
  const std::size_t index = connection.index_in_pool;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index_in_pool = index;
  connections_.pop_back();
  pump_later();
}

void http_pool::watch_waiting(steady_time deadline) {
  if (deadline >= timer_at_)
    return;
  timer_at_ = deadline;
  timer_.expires_at(deadline);
  timer_.async_wait([this, alive = std::weak_ptr(core_.alive)](const boost::system::error_code& error) {
    if (error || alive.expired())
      return;
    timer_at_ = steady_time::max();
    end_waiting();
  });
}

/// Completes those whose time is over.
void http_pool::end_waiting() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<exchange_ptr> late;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    const bool counts = (*entry)->request.lane != request_lane::message;
    if (counts && (*entry)->deadline <= now) {
      late.push_back(std::move(*entry));
      entry = waiting_.erase(entry);
      continue;
    }
    if (counts)
      watch_waiting((*entry)->deadline);
    ++entry;
  }
  for (auto& exchange : late) {
    const auto& request = exchange->request;
    const std::string error = request.method + " " + request.url.origin() +
                              ": no connection came free within " + std::to_string(request.timeout.count()) +
                              " ms";
    core_.complete(std::move(exchange), http_outcome::timed_out, error);
  }
}

void http_pool::pump_later() {
  if (waiting_.empty() || pump_is_due_)
    return;
  pump_is_due_ = true;
  // not at once: a chain of requests that fail at once would nest as deep as the queue is long
  core_.post([this] {
    pump_is_due_ = false;
    pump();
  });
}

void http_pool::pump() {
  while (!waiting_.empty() && can_start()) {
    exchange_ptr exchange = std::move(waiting_.front());
    waiting_.pop_front();
    start(std::move(exchange));
  }
}

void http_pool::close_idle() {
  while (!idle_.empty())
    idle_.back()->close_idle();
}

void http_pool::cancel(workspace_number owner) {
  const std::string why = "its workspace is no more";
  std::vector<exchange_ptr> withdrawn;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    if ((*entry)->request.owner == owner) {
      withdrawn.push_back(std::move(*entry));
      entry = waiting_.erase(entry);
    } else {
      ++entry;
    }
  }
  std::vector<std::shared_ptr<http_connection>> serving;
  for (const auto& connection : connections_)
    if (connection->serves(owner))
      serving.push_back(connection);
  for (auto& exchange : withdrawn)
    core_.complete(std::move(exchange), http_outcome::cancelled, why);
  for (const auto& connection : serving)
    connection->cancel(why);
}

void http_pool::cancel_all() {
  while (!waiting_.empty()) {
    exchange_ptr exchange = std::move(waiting_.front());
    waiting_.pop_front();
    core_.complete(std::move(exchange), http_outcome::cancelled, "the engine was stopped");
  }
  while (!connections_.empty())
    connections_.back()->cancel("the engine was stopped");
}

} // namespace workspace_supervisor
