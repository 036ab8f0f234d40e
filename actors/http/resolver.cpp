#include "actors/http/resolver.hpp"

#include "actors/loop/signal_mask.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <netdb.h>
#include <pthread.h>
#include <set>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

namespace workspace_supervisor {

namespace {

std::string failure_text(int code) {
  if (code == EAI_SYSTEM)
    return std::generic_category().message(errno);
  return gai_strerror(code);
}

/// Takes one of each family in turn, beginning with the family that the resolver prefers, so that a family
/// that goes nowhere costs one attempt and not all of them (RFC 8305, section 4).
std::vector<std::string> take_in_turn(std::vector<std::pair<int, std::string>> found) {
  std::vector<std::string> result;
  while (!found.empty()) {
    const int family = found.front().first;
    result.push_back(std::move(found.front().second));
    found.erase(found.begin());
    const auto other =
        std::find_if(found.begin(), found.end(), [&](const auto& entry) { return entry.first != family; });
    if (other != found.end()) {
      result.push_back(std::move(other->second));
      found.erase(other);
    }
  }
  return result;
}

} // namespace

resolved_host look_up_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code != 0)
    return {{}, failure_text(code)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  std::vector<std::pair<int, std::string>> found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0)
      found.emplace_back(entry->ai_family, text);
  }
  if (found.empty())
    return {{}, "no address"};
  return {take_in_turn(std::move(found)), {}};
}

bool is_literal_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

/// Outlives the resolver as long as a look-up runs.
struct resolver::shared_state {
  std::mutex mutex;
  look_up function;
  completion done; ///< empty once the resolver is gone
  std::set<std::string> under_way;

  void finish(const std::string& host, resolved_host found) {
    const std::lock_guard lock(mutex);
    under_way.erase(host);
    if (done)
      done(host, std::move(found));
  }
};

resolver::resolver(look_up function, completion done)
    : state_(std::make_shared<shared_state>()) {
  state_->function = std::move(function);
  state_->done = std::move(done);
}

resolver::~resolver() {
  completion dropped; // destroyed after the lock is gone
  const std::lock_guard lock(state_->mutex);
  dropped.swap(state_->done);
}

void resolver::resolve(const std::string& host) {
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->under_way.insert(host).second)
      return;
  }
  const auto run = [state = state_, host] {
    ::pthread_setname_np(::pthread_self(), "look-up");
    resolved_host found;
    try {
      found = state->function(host);
    } catch (const std::exception& failure) {
      found = {{}, failure.what()};
    }
    state->finish(host, std::move(found));
  };
  try {
    const all_signals_blocked blocked;
    std::thread(run).detach();
  } catch (const std::system_error& failure) {
    state_->finish(host, {{}, std::string("cannot start a thread: ") + failure.what()});
  }
}

} // namespace workspace_supervisor
