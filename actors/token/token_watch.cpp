#include "actors/token/token_watch.hpp"

#include <array>
#include <cstring>
#include <poll.h>
#include <set>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>

namespace workspace_supervisor {

namespace {

constexpr std::uint32_t events_of_interest =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr int unwatched_pause = 30000; ///< ms between attempts at directories that could not be watched

} // namespace

struct token_watch::impl {
  std::vector<std::string> directories;
  changed notify;
  int inotify = -1;
  int stop = -1;
  std::unordered_multimap<int, std::size_t> by_watch; ///< two workspaces may share an inode through links
  std::set<std::size_t> unwatched;
  std::thread thread;

  /// Watches what is not watched yet.
  void watch(bool tell) {
    for (auto entry = unwatched.begin(); entry != unwatched.end();) {
      const int watch = ::inotify_add_watch(inotify, directories[*entry].c_str(), events_of_interest);
      if (watch < 0) {
        ++entry;
        continue;
      }
      by_watch.emplace(watch, *entry);
      if (tell) // it may hold a token by now
        notify(*entry);
      entry = unwatched.erase(entry);
    }
  }

  void take(const inotify_event& happened) {
    // A mounted secret is a link to "..data/.auth_token", and it is "..data" that is replaced.
    const std::string_view name = happened.len > 0 ? happened.name : "";
    const auto [first, last] = by_watch.equal_range(happened.wd);
    const bool gone = (happened.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
    for (auto entry = first; entry != last; ++entry) {
      if (gone)
        unwatched.insert(entry->second);
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
    for (std::size_t index = 0; index < directories.size(); ++index)
      notify(index);
  }

  void run() {
    alignas(inotify_event) std::array<char, 8192> buffer;
    for (;;) {
      std::array<pollfd, 2> ready{{{inotify, POLLIN, 0}, {stop, POLLIN, 0}}};
      const int count = ::poll(ready.data(), ready.size(), unwatched.empty() ? -1 : unwatched_pause);
      if (ready[1].revents != 0)
        return;
      if (count > 0 && ready[0].revents != 0) {
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
      watch(true);
    }
  }
};

token_watch::token_watch(std::vector<std::string> directories, changed notify)
    : impl_{std::make_unique<impl>()} {
  impl_->directories = std::move(directories);
  impl_->notify = std::move(notify);
  impl_->inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  impl_->stop = ::eventfd(0, EFD_CLOEXEC);
  if (impl_->inotify < 0 || impl_->stop < 0)
    return; // no descriptors or no instances left: refused requests will tell
  for (std::size_t index = 0; index < impl_->directories.size(); ++index)
    impl_->unwatched.insert(index);
  impl_->watch(false);
  impl_->thread = std::thread{[state = impl_.get()] {
    state->run();
  }};
}

token_watch::~token_watch() {
  if (impl_->thread.joinable()) {
    const std::uint64_t one = 1;
    static_cast<void>(::write(impl_->stop, &one, sizeof one));
    impl_->thread.join();
  }
  if (impl_->inotify >= 0)
    ::close(impl_->inotify);
  if (impl_->stop >= 0)
    ::close(impl_->stop);
}

} // namespace workspace_supervisor
