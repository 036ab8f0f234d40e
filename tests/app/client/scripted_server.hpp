#pragma once

#include "tests/support/temporary_directory.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

/// A Unix socket at which one client is served by a script, on a thread of its own.
class scripted_server {
public:
  /// The client's connection, after its request has come (unless `unread`).
  class connection {
  public:
    explicit connection(int descriptor)
        : descriptor_{descriptor} {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() { ::close(descriptor_); }

    /// @returns false once the client has gone.
    bool send(std::string_view text) const {
      while (!text.empty()) {
        const auto count = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0)
          return false;
        text.remove_prefix(static_cast<std::size_t>(count));
      }
      return true;
    }
    /// What comes next; "" at the end.
    std::string receive() const {
      char buffer[4096];
      const auto count = ::recv(descriptor_, buffer, sizeof buffer, 0);
      return {buffer, static_cast<std::size_t>(count > 0 ? count : 0)};
    }
    void wait_for_end() const {
      while (!receive().empty())
        ;
    }

  private:
    int descriptor_;
  };
  using script = std::function<void(const connection& client, const std::string& request)>;

  enum class requests { read, unread };

  explicit scripted_server(script play, requests how = requests::read)
      : listener_{listening(path())}
      , thread_{[this, play = std::move(play), how] {
        const connection client{::accept(listener_, nullptr, nullptr)};
        std::string request;
        while (how == requests::read && request.find("\r\n\r\n") == std::string::npos) {
          const auto piece = client.receive();
          if (piece.empty())
            break;
          request += piece;
        }
        play(client, request);
      }} {}
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;
  ~scripted_server() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  std::string path() const { return folder_.file("control.sock"); }

  /// A socket that listens; -1 if it cannot.
  static int listening(const std::string& path, int backlog = 8) {
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = address_of(path);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, backlog) != 0)
      return -1;
    return listener;
  }
  static sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

private:
  temporary_directory folder_;
  int listener_;
  std::thread thread_;
};

} // namespace workspace_supervisor
