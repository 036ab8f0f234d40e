#include "actors/http/http_engine.hpp"

#include "actors/http/http_pool.hpp"

#include <utility>

namespace workspace_supervisor {

struct http_engine::impl {
  impl(boost::asio::io_context& loop, http_engine_options options)
      : core(loop, std::move(options)) {}
  ~impl() { core.stop(); }
  http_core core;
};

http_engine::http_engine(boost::asio::io_context& loop, http_engine_options options)
    : impl_(std::make_unique<impl>(loop, std::move(options))) {}

http_engine::~http_engine() = default;

void http_engine::send(http_request request, completion done) {
  impl_->core.submit(std::move(request), std::move(done));
}

void http_engine::reconnect(const platform_url& url) {
  impl_->core.reconnect(url);
}

void http_engine::cancel(workspace_number owner) {
  impl_->core.cancel(owner);
}

std::size_t http_engine::open_connections() const {
  return impl_->core.open_connections.load(std::memory_order_relaxed);
}

} // namespace workspace_supervisor
