#pragma once

#include "app/control_server/http_server.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace workspace_supervisor {

struct http_server_core;
class http_session;

/// A stream's bytes between those who send and the session that writes.
class queued_stream final : public control_stream {
public:
  queued_stream(const std::shared_ptr<http_server_core>& core, std::size_t limit)
      : core_{core}
      , limit_{limit} {}
  bool send(std::string bytes) override;
  void close() override;

  // The loop's thread.
  void attach(std::weak_ptr<http_session> session) { session_ = std::move(session); }
  std::string take();
  bool closed() const;

private:
  void wake();
  std::weak_ptr<http_server_core> core_;
  std::weak_ptr<http_session> session_;
  std::size_t limit_;
  mutable std::mutex mutex_;
  std::string queue_;
  bool closed_ = false;
  bool woken_ = false;
};

} // namespace workspace_supervisor
