#include "app/configuration/paths.hpp"

#include "app/configuration/configuration_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

namespace fs = std::filesystem;

/// What the path is once links that exist are followed; where that fails, its plain absolute form.
std::string canonical(const std::string& path) {
  std::error_code code;
  auto result = fs::weakly_canonical(path, code);
  if (code)
    result = fs::absolute(path, code).lexically_normal();
  auto text = result.string();
  while (text.size() > 1 && text.ends_with('/'))
    text.pop_back();
  return text;
}

} // namespace

path_place place_of_path(const std::string& path) {
  path_place place{canonical(path), std::nullopt};
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0)
    place.inode.emplace(status.st_dev, status.st_ino);
  return place;
}

std::string same_places::owner(const path_place& place) const {
  if (const auto found = by_path_.find(place.path); found != by_path_.end())
    return found->second;
  if (place.inode)
    if (const auto found = by_inode_.find(*place.inode); found != by_inode_.end())
      return found->second;
  return {};
}

void same_places::add(const path_place& place, const std::string& owner) {
  by_path_.try_emplace(place.path, owner);
  if (place.inode)
    by_inode_.try_emplace(*place.inode, owner);
}

void same_places::remove(const path_place& place, const std::string& owner) {
  if (const auto found = by_path_.find(place.path); found != by_path_.end() && found->second == owner)
    by_path_.erase(found);
  if (!place.inode)
    return;
  if (const auto found = by_inode_.find(*place.inode); found != by_inode_.end() && found->second == owner)
    by_inode_.erase(found);
}

std::string check_socket_path(const std::string& path, const std::string& state_dir) {
  constexpr std::size_t longest = 107; // of sockaddr_un, without the final NUL
  if (path.size() > longest)
    return "expected a socket path of at most " + std::to_string(longest) + " bytes, found " +
           std::to_string(path.size()) + ": " + quote_for_message(path);
  const auto parent = fs::path(path).parent_path();
  const auto folder = (parent.empty() ? fs::path(".") : parent).string();
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
    return "expected a path that is free or a socket, found something else: " + quote_for_message(path);
  if (canonical(folder) == canonical(state_dir))
    return {};
  const auto expected =
      "expected a socket path in a folder that can be written to, found " + quote_for_message(path) + ": ";
  if (::stat(folder.c_str(), &status) != 0)
    return expected + quote_for_message(folder) + ": " + std::strerror(errno);
  if (!S_ISDIR(status.st_mode))
    return expected + quote_for_message(folder) + " is not a folder";
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return expected + quote_for_message(folder) + ": " + std::strerror(errno);
  return {};
}

std::string join_path(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + '/' + name;
}

} // namespace workspace_supervisor
