#pragma once

#include "messages/caf.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>

namespace workspace_supervisor {

/// By how much a timer may be late, so that those due together wake the thread once.
inline constexpr std::chrono::milliseconds timer_grain{2};

/// How something comes onto the loop's thread.
class loop_orders {
public:
  virtual ~loop_orders() = default;
  /// Whether the calling thread is the loop's.
  virtual bool is_here() const noexcept = 0;
  /// Has `function` called on the loop's thread, soon, each of a thread's in order; not after the loop's end.
  virtual void order(std::function<void()> function) = 0;

  /// Calls `function` now where this is the loop's thread, where nothing is allocated for it; else orders it.
  template <class Function>
  void now_or_order(Function function) {
    if (is_here())
      function();
    else
      order(std::move(function));
  }
};

/// The timers of all actors, and of CAF: one Asio timer over a map of what is due, in order. Whatever is
/// cancelled is gone from it at once. Any thread; off the loop's, an order takes effect when the loop comes
/// to it.
class loop_timers final : public framework::timer_clock {
public:
  using function = std::function<void()>;

  loop_timers(boost::asio::io_context& context, loop_orders& loop);

  /// Timers that are set. On the loop's thread, or after it.
  std::size_t size() const noexcept { return due_.size(); }
  /// Forgets all timers. On the loop's thread, or after it.
  void clear();

  // what actors use
  void set_timer(timer_name name, caf::weak_actor_ptr actor) override;
  void cancel_timer(timer_name name) override;

  /// Calls `call` when `name` is due, on the loop's thread.
  void call(timer_name name, function call);

private:
  struct entry {
    caf::weak_actor_ptr actor;      ///< told that its timer is due; none: `call`
    std::unique_ptr<function> call; ///< of a timeout of CAF's own, of which there are few
  };

  void add(timer_name name, entry added);
  void arm();
  void run_due();

  loop_orders& loop_;
  std::map<timer_name, entry> due_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  time_point armed_for_ = time_point::max(); ///< max: the timer is not set
};

} // namespace workspace_supervisor
