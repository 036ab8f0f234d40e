// The limit that CPU is compared with: the two requests of a cycle, of the same size as the supervisor's, by
// the simplest program that Asio and Beast make. A keep-alive connection for each workspace, one thread, no
// deadlines, no configuration, nothing that could be asked or restarted.
//
//   bare-loop PORT WORKSPACES INTERVAL_MS TOKEN

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;
using clock = std::chrono::steady_clock;

void end_on(error_code error) {
  if (!error)
    return;
  std::fprintf(stderr, "bare-loop: %s\n", error.message().c_str());
  std::exit(EXIT_FAILURE);
}

/// One workspace: beat, poll, and wait for the next tick.
class workspace {
public:
  workspace(asio::io_context& context, tcp::endpoint platform, const std::string& id,
            const std::string& token, clock::duration interval, clock::time_point first)
      : platform_{platform}
      , stream_{context}
      , timer_{context}
      , interval_{interval}
      , due_{first} {
    const auto body =
        R"({"workspace_id":")" + id +
        R"(","error_rate":0,"sample_error":"","active_tasks":0,"current_task":"","uptime_seconds":0})";
    const auto set_head = [&](auto& request) {
      request.set(http::field::host, "127.0.0.1:" + std::to_string(platform.port()));
      request.set(http::field::user_agent, "workspace-supervisor/" WORKSPACE_SUPERVISOR_VERSION);
      request.set(http::field::accept, "application/json");
      request.set(http::field::authorization, "Bearer " + token);
    };
    beat_ = {http::verb::post, "/registry/heartbeat", 11, body};
    set_head(beat_);
    beat_.set(http::field::content_type, "application/json");
    beat_.prepare_payload();
    poll_ = {http::verb::get, "/workspaces/" + id + "/delegations", 11};
    set_head(poll_);
  }

  void start() {
    timer_.expires_at(due_);
    timer_.async_wait([this](error_code) {
      stream_.async_connect(platform_, [this](error_code error) {
        end_on(error);
        beat();
      });
    });
  }

private:
  void beat() {
    http::async_write(stream_, beat_, [this](error_code error, std::size_t) {
      end_on(error);
      read([this] { poll(); });
    });
  }

  void poll() {
    http::async_write(stream_, poll_, [this](error_code error, std::size_t) {
      end_on(error);
      read([this] { wait(); });
    });
  }

  template <class Then>
  void read(Then then) {
    answer_ = {};
    http::async_read(stream_, buffer_, answer_, [then](error_code error, std::size_t) {
      end_on(error);
      then();
    });
  }

  void wait() {
    const auto now = clock::now();
    while (due_ <= now)
      due_ += interval_;
    timer_.expires_at(due_);
    timer_.async_wait([this](error_code) { beat(); });
  }

  tcp::endpoint platform_;
  beast::tcp_stream stream_;
  asio::steady_timer timer_;
  clock::duration interval_;
  clock::time_point due_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> beat_;
  http::request<http::empty_body> poll_;
  http::response<http::string_body> answer_;
};

} // namespace

int main(int count, char** values) {
  if (count != 5) {
    std::fprintf(stderr, "bare-loop PORT WORKSPACES INTERVAL_MS TOKEN\n");
    return 64;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);

  const tcp::endpoint platform{asio::ip::address_v4::loopback(),
                               static_cast<std::uint16_t>(std::atoi(values[1]))};
  const int number = std::atoi(values[2]);
  const std::chrono::milliseconds interval{std::atoi(values[3])};
  asio::io_context context{1};
  std::vector<std::unique_ptr<workspace>> workspaces;
  const auto now = clock::now();
  for (int i = 0; i < number; ++i) {
    // Spread as the supervisor spreads them: above 50, over one interval.
    const auto first = number > 50 ? now + interval * i / number : now;
    workspaces.push_back(std::make_unique<workspace>(context, platform, "ws-" + std::to_string(i), values[4],
                                                     interval, first));
    workspaces.back()->start();
  }
  context.run();
}
