#include "actors/loop/loop_clock.hpp"

namespace workspace_supervisor {

loop_clock::loop_clock(boost::asio::io_context& context, loop_orders& loop)
    : loop_{loop}
    , timer_{context} {}

/// On the loop itself nothing is allocated for it.
template <class Function>
void loop_clock::on_loop(Function function) {
  if (loop_.is_here())
    function();
  else
    loop_.order(std::move(function));
}

void loop_clock::set_timer(timer_name name, caf::weak_actor_ptr actor) {
  on_loop([this, name, actor = std::move(actor)] { add(name, {actor, nullptr}); });
}

void loop_clock::cancel_timer(timer_name name) {
  on_loop([this, name] { remove(name); });
}

void loop_clock::add(timer_name name, entry added) {
  due_.emplace(name, std::move(added));
  arm();
}

/// What an entry holds may be an actor's last reference, and its end cancels timers in turn: it is let go of
/// when the map is in order again.
void loop_clock::remove(timer_name name) {
  const auto removed = due_.extract(name);
}

/// A timer that fires too early costs less than one that is moved with every change.
void loop_clock::arm() {
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

void loop_clock::run_due() {
  const auto now = clock_type::now();
  while (!due_.empty() && due_.begin()->first.due <= now) {
    const auto next = due_.extract(due_.begin());
    if (const auto& call = next.mapped().call)
      (*call)();
    else if (const auto actor = next.mapped().actor.lock())
      actor->enqueue(nullptr, caf::make_message_id(),
                     caf::make_message(framework::timer_due{next.key().number}), nullptr);
  }
}

void loop_clock::clear() {
  const auto timers = std::exchange(due_, {});
  timeout_count_.fetch_sub(timeouts_.size(), std::memory_order_relaxed);
  timeouts_.clear();
}

// -- timeouts of CAF's own
// ---------------------------------------------------------------------------------

void loop_clock::add_timeout(time_point when, timeout_name timeout, function call) {
  timeout_count_.fetch_add(1, std::memory_order_relaxed);
  on_loop([this, when, timeout, call = std::move(call)] {
    cancel(timeout);
    const timer_name name{when, next_number()};
    timeouts_.emplace(timeout, name);
    add(name, {nullptr, std::make_unique<function>([this, timeout, call] {
                 timeouts_.erase(timeout);
                 timeout_count_.fetch_sub(1, std::memory_order_relaxed);
                 call();
               })});
  });
}

void loop_clock::cancel(timeout_name timeout) {
  const auto found = timeouts_.find(timeout);
  if (found == timeouts_.end())
    return;
  const auto name = found->second;
  timeouts_.erase(found);
  timeout_count_.fetch_sub(1, std::memory_order_relaxed);
  remove(name);
}

void loop_clock::set_ordinary_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                                      std::uint64_t id) {
  add_timeout(when, {self->id(), kind::ordinary, static_cast<std::uint64_t>(type)},
              [held = caf::weak_actor_ptr{self->ctrl()}, type, id] {
                if (const auto actor = held.lock())
                  actor->enqueue(actor, caf::make_message_id(), caf::make_message(caf::timeout_msg{type, id}),
                                 nullptr);
              });
}

void loop_clock::set_multi_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                                   std::uint64_t id) {
  schedule_message(when, caf::strong_actor_ptr{self->ctrl()},
                   caf::make_mailbox_element(caf::strong_actor_ptr{self->ctrl()}, caf::make_message_id(), {},
                                             caf::timeout_msg{type, id}));
}

void loop_clock::set_request_timeout(time_point when, caf::abstract_actor* self, caf::message_id id) {
  add_timeout(
      when, {self->id(), kind::request, id.integer_value()}, [held = caf::weak_actor_ptr{self->ctrl()}, id] {
        if (const auto actor = held.lock())
          actor->enqueue(nullptr, id, caf::make_message(caf::make_error(caf::sec::request_timeout)), nullptr);
      });
}

void loop_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  on_loop([this, timeout = timeout_name{self->id(), kind::ordinary, static_cast<std::uint64_t>(type)}] {
    cancel(timeout);
  });
}

void loop_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  if (timeout_count_.load(std::memory_order_relaxed) == 0)
    return; // asked with every answer that an actor gets
  on_loop([this, timeout = timeout_name{self->id(), kind::request, id.integer_value()}] { cancel(timeout); });
}

void loop_clock::cancel_timeouts(caf::abstract_actor* self) {
  if (timeout_count_.load(std::memory_order_relaxed) == 0)
    return; // asked with every actor that ends
  on_loop([this, id = self->id()] {
    for (;;) {
      const auto found = timeouts_.lower_bound({id, kind::ordinary, 0});
      if (found == timeouts_.end() || std::get<0>(found->first) != id)
        return;
      cancel(found->first);
    }
  });
}

void loop_clock::schedule_message(time_point when, caf::strong_actor_ptr receiver,
                                  caf::mailbox_element_ptr content) {
  // a std::function copies what it holds
  auto held = std::make_shared<caf::mailbox_element_ptr>(std::move(content));
  const timeout_name name{receiver->id(), kind::message, next_number()};
  add_timeout(when, name, [receiver = std::move(receiver), held = std::move(held)] {
    receiver->enqueue(std::move(*held), nullptr);
  });
}

void loop_clock::schedule_message(time_point when, caf::group target, caf::strong_actor_ptr sender,
                                  caf::message content) {
  on_loop([this, when, target = std::move(target), sender = std::move(sender), content = std::move(content)] {
    add({when, next_number()}, {nullptr, std::make_unique<function>([target, sender, content] {
                                  target->eq_impl(caf::make_message_id(), sender, nullptr, content);
                                })});
  });
}

void loop_clock::cancel_all() {
  on_loop([this] { clear(); });
}

} // namespace workspace_supervisor
