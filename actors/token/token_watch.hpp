#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// Watches the token files of all workspaces by inotify, so that most rotations never cost a refused request.
/// A thread of its own, which sleeps while nothing changes. Where a directory cannot be watched (missing, no
/// watches left), it is tried again from time to time; until then a refused request is what tells.
class token_watch {
public:
  /// Called on the watch's thread with the place in `directories`; must not block.
  using changed = std::function<void(std::size_t)>;

  token_watch(std::vector<std::string> directories, changed notify);
  token_watch(const token_watch&) = delete;
  token_watch& operator=(const token_watch&) = delete;
  ~token_watch();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
