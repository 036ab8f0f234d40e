#include "actors/loop/loop_timers.hpp"

namespace workspace_supervisor {

loop_timers::loop_timers(boost::asio::io_context& context, loop_orders& loop)
    : loop_{loop}
    , timer_{context} {}

void loop_timers::set_timer(timer_name name, caf::weak_actor_ptr actor) {
  loop_.now_or_order([this, name, actor = std::move(actor)] { add(name, {actor, nullptr}); });
}

void loop_timers::call(timer_name name, function call) {
  loop_.now_or_order([this, name, call = std::move(call)] {
    add(name, {nullptr, std::make_unique<function>(call)});
  });
}

/// What an entry holds may be an actor's last reference, and its end cancels timers in turn: it is let go of
/// when the map is in order again.
void loop_timers::cancel_timer(timer_name name) {
  loop_.now_or_order([this, name] { const auto removed = due_.extract(name); });
}

void loop_timers::add(timer_name name, entry added) {
  due_.emplace(name, std::move(added));
  arm();
}

/// A timer that fires too early costs less than one that is moved with every change.
void loop_timers::arm() {
  if (due_.empty() || due_.begin()->first.due >= armed_for_)
    return;
  armed_for_ = due_.begin()->first.due;
  timer_.expires_at(armed_for_ + timer_grain);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error)
      return; // moved
    armed_for_ = time_point::max();
    run_due();
    arm();
  });
}

void loop_timers::run_due() {
  const auto now = std::chrono::steady_clock::now();
  while (!due_.empty() && due_.begin()->first.due <= now) {
    const auto next = due_.extract(due_.begin());
    if (const auto& call = next.mapped().call)
      (*call)();
    else if (const auto actor = next.mapped().actor.lock())
      framework::tell_due(*actor, next.key().number);
  }
}

void loop_timers::clear() {
  const auto timers = std::exchange(due_, {});
}

} // namespace workspace_supervisor
