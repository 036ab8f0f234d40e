#pragma once

#include "messages/caf.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

namespace workspace_supervisor {

/// By how much a timer may be late, so that those due together wake the thread once.
inline constexpr std::chrono::milliseconds timer_grain{2};

/// How the clock comes onto the loop's thread.
class loop_orders {
public:
  virtual ~loop_orders() = default;
  /// Whether the calling thread is the loop's.
  virtual bool is_here() const noexcept = 0;
  /// Has `function` called on the loop's thread, soon, each of a thread's in order; not after the loop's end.
  virtual void order(std::function<void()> function) = 0;
};

/// The clock of all actors: one Asio timer over a map of what is due, in order. Whatever is cancelled, or
/// belongs to an actor that has ended, is gone from it at once. Any thread; off the loop's, an order takes
/// effect when the loop comes to it.
class loop_clock final : public framework::timer_clock {
public:
  loop_clock(boost::asio::io_context& context, loop_orders& loop);

  /// Timers that are set. On the loop's thread, or after it.
  std::size_t size() const noexcept { return due_.size(); }
  /// Forgets all timers. On the loop's thread, or after it.
  void clear();

  // what our actors use
  void set_timer(timer_name name, caf::weak_actor_ptr actor) override;
  void cancel_timer(timer_name name) override;

  // what CAF itself uses
  void set_ordinary_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                            std::uint64_t id) override;
  void set_multi_timeout(time_point when, caf::abstract_actor* self, caf::atom_value type,
                         std::uint64_t id) override;
  void set_request_timeout(time_point when, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point when, caf::strong_actor_ptr receiver,
                        caf::mailbox_element_ptr content) override;
  void schedule_message(time_point when, caf::group target, caf::strong_actor_ptr sender,
                        caf::message content) override;
  void cancel_all() override;

private:
  /// Of which kind a timeout of CAF's own is, and which one, so that it can be cancelled.
  enum class kind : std::uint8_t { ordinary, request, message };
  using timeout_name = std::tuple<caf::actor_id, kind, std::uint64_t>;
  using function = std::function<void()>;

  struct entry {
    caf::weak_actor_ptr actor;      ///< told that its timer is due; none: `call`
    std::unique_ptr<function> call; ///< of a timeout of CAF's own, of which there are few
  };

  template <class Function>
  void on_loop(Function function);
  void add(timer_name name, entry added);
  void remove(timer_name name);
  void add_timeout(time_point when, timeout_name timeout, function call);
  void cancel(timeout_name timeout);
  void arm();
  void run_due();

  loop_orders& loop_;
  std::map<timer_name, entry> due_;
  std::map<timeout_name, timer_name> timeouts_; ///< those of CAF's own, by whose they are
  std::atomic<std::size_t> timeout_count_{0};   ///< of them, with those that are on their way here
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer_;
  time_point armed_for_ = time_point::max(); ///< max: the timer is not set
};

} // namespace workspace_supervisor
