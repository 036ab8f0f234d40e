#include "app/workspaces/workspace_places.hpp"

#include "app/configuration/configuration_file.hpp"

#include <utility>

namespace workspace_supervisor {

std::string workspace_places::taken(const workspace_settings& wanted) const {
  const auto look = [&](const same_places& places, const std::string& path, const char* name,
                        const char* what) {
    if (path.empty())
      return std::string{};
    const auto owner = places.owner(place_of_path(path));
    if (owner.empty() || owner == wanted.id)
      return std::string{};
    return std::string{name} + ": expected " + what + " of its own, found " + quote_for_message(path) +
           ", which workspace " + quote_for_message(owner) + " has";
  };
  for (auto problem : {look(folders_, wanted.configs_dir, "configs_dir", "a folder"),
                       look(files_, wanted.results_file, "results_file", "a file"),
                       look(sockets_, wanted.socket, "socket", "a socket")})
    if (!problem.empty())
      return problem;
  return {};
}

void workspace_places::add(const workspace_settings& workspace) {
  places_of_one places{place_of_path(workspace.configs_dir), place_of_path(workspace.results_file),
                       std::nullopt};
  folders_.add(places.folder, workspace.id);
  files_.add(places.file, workspace.id);
  if (!workspace.socket.empty())
    sockets_.add(places.socket.emplace(place_of_path(workspace.socket)), workspace.id);
  by_id_.insert_or_assign(workspace.id, std::move(places));
}

void workspace_places::remove(const std::string& id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end())
    return;
  folders_.remove(found->second.folder, id);
  files_.remove(found->second.file, id);
  if (found->second.socket)
    sockets_.remove(*found->second.socket, id);
  by_id_.erase(found);
}

} // namespace workspace_supervisor
