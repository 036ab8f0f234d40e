#pragma once

#include "actors/http/http_engine.hpp"
#include "tests/actors/http/http_test_peer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor::testing {

// What the cases of the HTTP engine stand on, whatever they look at.

inline const std::string json_type = "Content-Type: application/json\r\n";

inline http_engine_options defaults() {
  http_engine_options options;
  options.user_agent = "workspace-supervisor/test";
  return options;
}

/// Opened once; scripts wait for it.
class gate {
public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [this] { return open_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// A port of 127.0.0.1 on which nobody listens.
class closed_port {
public:
  closed_port()
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(name);
    ::bind(socket_, reinterpret_cast<sockaddr*>(&name), size);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  closed_port(const closed_port&) = delete;
  closed_port& operator=(const closed_port&) = delete;
  ~closed_port() { ::close(socket_); }
  platform_url url() const {
    platform_url url;
    url.host = "127.0.0.1";
    url.port = port_;
    return url;
  }

private:
  int socket_;
  std::uint16_t port_ = 0;
};

inline platform_url by_name(platform_url url, const std::string& name) {
  url.host = name;
  return url;
}

inline void wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "did not come about within 30 s";
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

} // namespace workspace_supervisor::testing
