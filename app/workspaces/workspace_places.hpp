#pragma once

#include "actors/workspace/settings.hpp"
#include "app/configuration/paths.hpp"

#include <string>
#include <unordered_map>

namespace workspace_supervisor {

/// Which folders, results files and sockets the workspaces of a process have: no two share one, by whatever
/// name. Looks at the file system.
class workspace_places {
public:
  /// @returns "" or what the workspace shall have and another has already.
  std::string taken(const workspace_settings& wanted) const;
  void add(const workspace_settings& workspace);
  void remove(const std::string& id);
  bool empty() const { return by_id_.empty(); }

private:
  struct places_of_one {
    path_place folder;
    path_place file;
    std::optional<path_place> socket;
  };
  same_places folders_;
  same_places files_;
  same_places sockets_;
  std::unordered_map<std::string, places_of_one> by_id_;
};

} // namespace workspace_supervisor
