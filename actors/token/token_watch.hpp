#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace workspace_supervisor {

/// Watches the token files of all workspaces by inotify, so that most rotations never cost a refused request.
/// A thread of its own, which sleeps while nothing changes. Where a directory cannot be watched (missing, no
/// watches left), it is tried again from time to time; until then a refused request is what tells.
class token_watch {
public:
  /// Called with the number of a directory, mostly on the watch's thread, under its lock; must not block.
  using changed = std::function<void(std::uint32_t)>;

  explicit token_watch(changed notify);
  token_watch(const token_watch&) = delete;
  token_watch& operator=(const token_watch&) = delete;
  ~token_watch();

  /// Watches this directory, under a number of the caller's. May wait for the disk. Any thread.
  void add(std::uint32_t number, std::string directory);
  /// Watches it no more, and forgets it. Any thread.
  void remove(std::uint32_t number);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
