#include "actors/platform/http_engine.hpp"

#include "actors/loop/signal_mask.hpp"
#include "actors/platform/http_pool.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace workspace_supervisor {

namespace {

constexpr std::size_t most_orders_kept = 256;

} // namespace

/// The side of the engine that other threads see: hands over what is asked for, and owns the thread.
struct http_engine::impl {
  struct order {
    bool reconnect = false; ///< else: send
    http_request request;
    completion done;
  };

  explicit impl(http_engine_options options)
      : core(std::move(options))
      , work(core.context.get_executor()) {
    const all_signals_blocked blocked;
    thread = std::thread([this] { core.context.run(); });
  }

  ~impl() {
    boost::asio::post(core.context, [this] {
      // a completion may send again
      do {
        core.stop();
      } while (carry_out_orders());
      core.stop();
      core.context.stop();
    });
    thread.join();
  }

  void give(order given) {
    bool first = false;
    {
      const std::lock_guard lock(mutex);
      first = inbox.empty();
      inbox.push_back(std::move(given));
    }
    if (first) // one wake-up serves all that come before it is seen
      boost::asio::post(core.context, [this] { carry_out_orders(); });
  }

  bool carry_out_orders() {
    {
      const std::lock_guard lock(mutex);
      taken.swap(inbox);
    }
    for (order& next : taken) {
      if (next.reconnect)
        core.reconnect(next.request.url);
      else
        core.submit(std::move(next.request), std::move(next.done));
    }
    const bool any = !taken.empty();
    taken.clear();
    if (taken.capacity() > most_orders_kept)
      taken.shrink_to_fit(); // after a burst
    return any;
  }

  http_core core;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::mutex mutex;
  std::vector<order> inbox;
  std::vector<order> taken; ///< of the engine's thread; kept so that its memory is used again
  std::thread thread;
};

http_engine::http_engine(http_engine_options options)
    : impl_(std::make_unique<impl>(std::move(options))) {}

http_engine::~http_engine() = default;

void http_engine::send(http_request request, completion done) {
  impl_->give({false, std::move(request), std::move(done)});
}

void http_engine::reconnect(const platform_url& url) {
  http_request request;
  request.url = url;
  impl_->give({true, std::move(request), {}});
}

std::size_t http_engine::open_connections() const {
  return impl_->core.open_connections.load(std::memory_order_relaxed);
}

} // namespace workspace_supervisor
