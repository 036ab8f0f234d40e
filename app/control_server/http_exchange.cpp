#include "app/control_server/http_exchange.hpp"

#include "app/control_server/http_session.hpp"
#include "app/control_server/queued_stream.hpp"

#include <boost/asio/post.hpp>

#include <atomic>
#include <utility>

namespace workspace_supervisor {

namespace {

/// The one request that a session waits for, in the hands of whoever answers it.
class exchange final : public control_exchange {
public:
  exchange(const std::shared_ptr<http_server_core>& core, std::weak_ptr<http_session> session,
           std::uint64_t number, control_request request, control_peer peer)
      : core_{core}
      , session_{std::move(session)}
      , number_{number}
      , request_{std::move(request)}
      , peer_{peer} {}
  ~exchange() override { answer(error_answer(503, "the call was given up; ask again")); }

  const control_request& request() const override { return request_; }
  control_peer peer() const override { return peer_; }
  void answer(control_answer answer) override {
    if (answered_.exchange(true))
      return;
    const auto core = core_.lock();
    if (!core || core->stopping.load())
      return;
    boost::asio::post(core->io, [session = session_, number = number_, answer = std::move(answer)]() mutable {
      if (const auto there = session.lock())
        there->take_answer(number, std::move(answer));
    });
  }
  bool waits() const override {
    const auto core = core_.lock();
    return core && !core->stopping.load() && !answered_.load() && !session_.expired();
  }
  void answer_after(std::chrono::milliseconds patience, control_answer answer) override {
    if (const auto session = session_.lock())
      session->set_fallback(patience, std::move(answer));
  }
  std::shared_ptr<control_stream> open_stream(std::string content_type, std::string first_bytes,
                                              std::function<void()> ended) override {
    answered_ = true;
    const auto core = core_.lock();
    const auto session = session_.lock();
    if (!core || !session)
      return nullptr;
    auto stream = std::make_shared<queued_stream>(core, core->options.limits.stream_queue);
    stream->attach(session);
    stream->send(std::move(first_bytes));
    session->become_stream(stream, std::move(content_type), std::move(ended));
    return stream;
  }

private:
  std::weak_ptr<http_server_core> core_;
  std::weak_ptr<http_session> session_;
  std::uint64_t number_;
  control_request request_;
  control_peer peer_;
  std::atomic<bool> answered_{false};
};

} // namespace

std::shared_ptr<control_exchange> make_exchange(const std::shared_ptr<http_server_core>& core,
                                                std::weak_ptr<http_session> session, std::uint64_t number,
                                                control_request request, control_peer peer) {
  return std::make_shared<exchange>(core, std::move(session), number, std::move(request), peer);
}

} // namespace workspace_supervisor
