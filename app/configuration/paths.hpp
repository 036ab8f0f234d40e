#pragma once

#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>

namespace workspace_supervisor {

// Looks at the file system. May wait for the disk.

/// A place in the file system, by whatever name.
struct path_place {
  std::string path;                             ///< links that exist are followed
  std::optional<std::pair<dev_t, ino_t>> inode; ///< when something is there
};
path_place place_of_path(const std::string& path);

/// Finds two names of one place, also by hard links and bind mounts.
class same_places {
public:
  /// @returns whose it is; "": nobody's.
  std::string owner(const path_place& place) const;
  /// `owner` has it from now on, unless somebody has.
  void add(const path_place& place, const std::string& owner);
  /// What `owner` has of it is free again.
  void remove(const path_place& place, const std::string& owner);

private:
  std::map<std::string, std::string> by_path_;
  std::map<std::pair<dev_t, ino_t>, std::string> by_inode_;
};

/// Whether a control socket can be made there: at most 107 bytes, free or a socket, in a folder that can be
/// written to. The state directory is made at the start, and passes. @returns "" or what was expected and
/// what was found.
std::string check_socket_path(const std::string& path, const std::string& state_dir);

/// A file's path in a folder.
std::string join_path(const std::string& folder, const std::string& name);

} // namespace workspace_supervisor
