#include "actors/loop/loop_clock.hpp"

namespace workspace_supervisor {

loop_clock::loop_clock(boost::asio::io_context& context, std::function<void(function)> on_loop)
    : on_loop_{std::move(on_loop)}
    , timer_{context} {}

void loop_clock::set_timer(timer_name name, caf::weak_actor_ptr actor) {
  on_loop_([this, name, actor = std::move(actor)]() mutable { add(name, {std::move(actor), nullptr}); });
}

void loop_clock::cancel_timer(timer_name name) {
  on_loop_([this, name] { due_.erase(name); });
}

void loop_clock::add(timer_name name, entry added) {
  due_.emplace(name, std::move(added));
  arm();
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
    const auto number = due_.begin()->first.number;
    const auto next = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    if (next.call)
      (*next.call)();
    else if (const auto actor = next.actor.lock())
      actor->enqueue(nullptr, caf::make_message_id(), caf::make_message(framework::timer_due{number}),
                     nullptr);
  }
}

// -- timeouts of CAF's own
// ---------------------------------------------------------------------------------

void loop_clock::add_timeout(time_point when, timeout_name timeout, function call) {
  on_loop_([this, when, timeout, call = std::move(call)]() mutable {
    cancel(timeout);
    const timer_name name{when, next_number()};
    timeouts_.emplace(timeout, name);
    add(name, {nullptr, std::make_unique<function>([this, timeout, call = std::move(call)] {
                 timeouts_.erase(timeout);
                 call();
               })});
  });
}

void loop_clock::cancel(timeout_name timeout) {
  const auto found = timeouts_.find(timeout);
  if (found == timeouts_.end())
    return;
  due_.erase(found->second);
  timeouts_.erase(found);
}

void loop_clock::set_ordinary_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                                      std::uint64_t id) {
  add_timeout(
      when, {self->id(), kind::ordinary, static_cast<std::uint64_t>(type)},
      [actor = caf::strong_actor_ptr{self->ctrl()}, type, id] {
        actor->enqueue(actor, caf::make_message_id(), caf::make_message(caf::timeout_msg{type, id}), nullptr);
      });
}

void loop_clock::set_multi_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                                   std::uint64_t id) {
  schedule_message(when, caf::strong_actor_ptr{self->ctrl()},
                   caf::make_mailbox_element(caf::strong_actor_ptr{self->ctrl()}, caf::make_message_id(), {},
                                             caf::timeout_msg{type, id}));
}

void loop_clock::set_request_timeout(time_point when, caf::abstract_actor* self, caf::message_id id) {
  add_timeout(when, {self->id(), kind::request, id.integer_value()},
              [actor = caf::strong_actor_ptr{self->ctrl()}, id] {
                actor->enqueue(actor, id, caf::make_message(caf::make_error(caf::sec::request_timeout)),
                               nullptr);
              });
}

void loop_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  on_loop_([this, timeout = timeout_name{self->id(), kind::ordinary, static_cast<std::uint64_t>(type)}] {
    cancel(timeout);
  });
}

void loop_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  on_loop_(
      [this, timeout = timeout_name{self->id(), kind::request, id.integer_value()}] { cancel(timeout); });
}

void loop_clock::cancel_timeouts(caf::abstract_actor* self) {
  on_loop_([this, id = self->id()] {
    for (auto entry = timeouts_.lower_bound({id, kind::ordinary, 0});
         entry != timeouts_.end() && std::get<0>(entry->first) == id; entry = timeouts_.erase(entry))
      due_.erase(entry->second);
  });
}

void loop_clock::schedule_message(time_point when, caf::strong_actor_ptr receiver,
                                  caf::mailbox_element_ptr content) {
  // a std::function copies what it holds
  auto held = std::make_shared<caf::mailbox_element_ptr>(std::move(content));
  on_loop_([this, when, receiver = std::move(receiver), held = std::move(held)] {
    add({when, next_number()}, {nullptr, std::make_unique<function>([receiver, held] {
                                  receiver->enqueue(std::move(*held), nullptr);
                                })});
  });
}

void loop_clock::schedule_message(time_point when, caf::group target, caf::strong_actor_ptr sender,
                                  caf::message content) {
  on_loop_(
      [this, when, target = std::move(target), sender = std::move(sender), content = std::move(content)] {
        add({when, next_number()}, {nullptr, std::make_unique<function>([target, sender, content] {
                                      target->eq_impl(caf::make_message_id(), sender, nullptr, content);
                                    })});
      });
}

void loop_clock::cancel_all() {
  on_loop_([this] {
    timeouts_.clear();
    due_.clear();
  });
}

} // namespace workspace_supervisor
