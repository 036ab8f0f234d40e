#include "actors/token/token_watch.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <set>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <unordered_map>

namespace workspace_supervisor {

namespace {

constexpr std::uint32_t events_of_interest =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr int unwatched_pause = 30000; ///< ms between attempts at directories that could not be watched

} // namespace

struct token_watch::impl {
  struct watched {
    std::string directory;
    int watch = -1; ///< -1: it could not be watched so far
  };
  changed notify;
  int inotify = -1;
  int wake = -1;
  std::atomic<bool> stopping{false};
  std::mutex mutex; ///< guards what follows
  std::unordered_map<std::uint32_t, watched> directories;
  std::unordered_multimap<int, std::uint32_t> by_watch; ///< two workspaces may share an inode through links
  std::set<std::uint32_t> unwatched;
  std::thread thread;

  void wake_up() const {
    const std::uint64_t one = 1;
    std::ignore = ::write(wake, &one, sizeof one);
  }

  /// Under the lock. @returns whether it is watched now.
  bool try_to_watch(std::uint32_t number, watched& entry) {
    entry.watch = ::inotify_add_watch(inotify, entry.directory.c_str(), events_of_interest);
    if (entry.watch >= 0)
      by_watch.emplace(entry.watch, number);
    return entry.watch >= 0;
  }

  /// Watches what is not watched yet.
  void watch_the_rest() {
    const std::lock_guard lock{mutex};
    std::erase_if(unwatched, [this](std::uint32_t number) {
      if (!try_to_watch(number, directories.at(number)))
        return false;
      notify(number); // it may hold a token by now
      return true;
    });
  }

  bool all_are_watched() {
    const std::lock_guard lock{mutex};
    return unwatched.empty();
  }

  void take(const inotify_event& happened) {
    // A mounted secret is a link to "..data/.auth_token", and it is "..data" that is replaced.
    const std::string_view name = happened.len > 0 ? happened.name : "";
    const auto [first, last] = by_watch.equal_range(happened.wd);
    const bool gone = (happened.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
    for (auto entry = first; entry != last; ++entry) {
      if (gone) {
        directories.at(entry->second).watch = -1;
        unwatched.insert(entry->second);
      }
      if (gone || name == ".auth_token" || name == "..data")
        notify(entry->second);
    }
    if (gone) {
      if ((happened.mask & IN_MOVE_SELF) != 0)
        ::inotify_rm_watch(inotify, happened.wd);
      by_watch.erase(happened.wd);
    }
  }

  /// Events were lost: any file may have changed.
  void overflow() {
    for (const auto& [number, entry] : directories)
      notify(number);
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "token-watch");
    alignas(inotify_event) std::array<char, 8192> buffer;
    for (;;) {
      std::array<pollfd, 2> ready{{{inotify, POLLIN, 0}, {wake, POLLIN, 0}}};
      const int count = ::poll(ready.data(), ready.size(), all_are_watched() ? -1 : unwatched_pause);
      if (stopping.load())
        return;
      if (count > 0 && ready[1].revents != 0) {
        std::uint64_t ignored = 0;
        std::ignore = ::read(wake, &ignored, sizeof ignored);
      }
      if (count > 0 && ready[0].revents != 0) {
        const std::lock_guard lock{mutex};
        const auto length = ::read(inotify, buffer.data(), buffer.size());
        for (ssize_t at = 0; at < length;) {
          const auto* happened = reinterpret_cast<const inotify_event*>(buffer.data() + at);
          if ((happened->mask & IN_Q_OVERFLOW) != 0)
            overflow();
          else
            take(*happened);
          at += static_cast<ssize_t>(sizeof(inotify_event) + happened->len);
        }
      }
      if (count == 0 || ready[0].revents != 0)
        watch_the_rest();
    }
  }
};

token_watch::token_watch(changed notify)
    : impl_{std::make_unique<impl>()} {
  impl_->notify = std::move(notify);
  impl_->inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  impl_->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (impl_->inotify < 0 || impl_->wake < 0)
    return; // no descriptors or no instances left: refused requests will tell
  impl_->thread = std::thread{[state = impl_.get()] {
    state->run();
  }};
}

token_watch::~token_watch() {
  if (impl_->thread.joinable()) {
    impl_->stopping.store(true);
    impl_->wake_up();
    impl_->thread.join();
  }
  if (impl_->inotify >= 0)
    ::close(impl_->inotify);
  if (impl_->wake >= 0)
    ::close(impl_->wake);
}

void token_watch::add(std::uint32_t number, std::string directory) {
  if (!impl_->thread.joinable())
    return;
  const std::lock_guard lock{impl_->mutex};
  auto& entry = impl_->directories[number];
  entry.directory = std::move(directory);
  if (impl_->try_to_watch(number, entry))
    return;
  impl_->unwatched.insert(number);
  if (impl_->unwatched.size() == 1)
    impl_->wake_up(); // it sleeps for good as long as there is nothing to be tried again
}

void token_watch::remove(std::uint32_t number) {
  const std::lock_guard lock{impl_->mutex};
  const auto found = impl_->directories.find(number);
  if (found == impl_->directories.end())
    return;
  const int watch = found->second.watch;
  impl_->directories.erase(found);
  impl_->unwatched.erase(number);
  const auto [first, last] = impl_->by_watch.equal_range(watch);
  for (auto entry = first; entry != last; ++entry)
    if (entry->second == number) {
      impl_->by_watch.erase(entry);
      break;
    }
  if (watch >= 0 && !impl_->by_watch.contains(watch))
    ::inotify_rm_watch(impl_->inotify, watch);
}

} // namespace workspace_supervisor
