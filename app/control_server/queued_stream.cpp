#include "app/control_server/queued_stream.hpp"

#include "app/control_server/http_session.hpp"

#include <boost/asio/post.hpp>

namespace workspace_supervisor {

bool queued_stream::send(std::string bytes) {
  {
    const std::lock_guard lock{mutex_};
    if (closed_ || queue_.size() + bytes.size() > limit_)
      return false;
    queue_ += bytes;
    if (std::exchange(woken_, true))
      return true;
  }
  wake();
  return true;
}

void queued_stream::close() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(closed_, true))
      return;
  }
  wake();
}

void queued_stream::wake() {
  const auto core = core_.lock();
  if (!core || core->stopping.load())
    return;
  boost::asio::post(core->io, [session = session_] {
    if (const auto there = session.lock())
      there->wake();
  });
}

std::string queued_stream::take() {
  const std::lock_guard lock{mutex_};
  woken_ = false;
  return std::exchange(queue_, {});
}

bool queued_stream::closed() const {
  const std::lock_guard lock{mutex_};
  return closed_;
}

} // namespace workspace_supervisor
