#include "actors/platform/http_pool.hpp"

#include "actors/platform/http_connection.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace workspace_supervisor {

bool http_pool::can_start() const {
  return connections_.size() < core_.options.connections_per_lane || !idle_.empty();
}

void http_pool::submit(exchange_ptr exchange) {
  exchange->pool = this;
  if (waiting_.empty() && can_start()) {
    start(std::move(exchange));
    return;
  }
  if (exchange->request.lane != request_lane::message)
    core_.set_deadline(*exchange, exchange->deadline());
  waiting_.push_back(std::move(exchange));
}

void http_pool::start(exchange_ptr exchange) {
  // a message's time begins when its turn has come
  if (exchange->request.lane == request_lane::message)
    exchange->set_deadline(std::chrono::steady_clock::now() + exchange->request.timeout);
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
  if (idle_.size() == 1)
    core_.set_deadline(*this, connection.idle_since() + core_.options.idle_timeout);
  pump_later();
}

void http_pool::remove(http_connection& connection) {
  const auto idle = std::find(idle_.begin(), idle_.end(), &connection);
  if (idle != idle_.end())
    idle_.erase(idle);
  if (idle_.empty())
    core_.cancel_deadline(*this);
  const std::size_t index = connection.index_in_pool;
  std::swap(connections_[index], connections_.back());
  connections_[index]->index_in_pool = index;
  connections_.pop_back();
  pump_later();
}

exchange_ptr http_pool::take_waiting(http_exchange& exchange) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const exchange_ptr& entry) { return entry.get() == &exchange; });
  if (found == waiting_.end())
    return nullptr;
  exchange_ptr taken = std::move(*found);
  waiting_.erase(found);
  return taken;
}

void http_pool::pump_later() {
  if (waiting_.empty() || pump_is_due_)
    return;
  pump_is_due_ = true;
  // not at once: a chain of requests that fail at once would nest as deep as the queue is long
  boost::asio::post(core_.context, [this] {
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

void http_pool::cancel_all() {
  while (!waiting_.empty()) {
    exchange_ptr exchange = std::move(waiting_.front());
    waiting_.pop_front();
    core_.complete(std::move(exchange), http_outcome::cancelled, "the engine was stopped");
  }
  while (!connections_.empty())
    connections_.back()->cancel();
}

void http_pool::expired(steady_time now) {
  while (!idle_.empty() && idle_.front()->idle_since() + core_.options.idle_timeout <= now)
    idle_.front()->close_idle();
  if (!idle_.empty())
    core_.set_deadline(*this, idle_.front()->idle_since() + core_.options.idle_timeout);
}

} // namespace workspace_supervisor
