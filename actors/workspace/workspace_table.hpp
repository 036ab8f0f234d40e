#pragma once

#include "messages/platform.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace workspace_supervisor {

struct workspace_context;

/// The workspaces of a process. They come and go; each lives on for as long as somebody holds it. Any thread.
class workspace_table {
public:
  using pointer = std::shared_ptr<workspace_context>;
  using list = std::vector<pointer>;

  /// Takes one in, under the next number. Its id is nobody else's.
  void add(pointer workspace);
  /// Lets one go; an unknown number is ignored.
  void remove(workspace_number number);

  /// Those that are there now, by number, which is the order in which they came. The list stays as it is.
  std::shared_ptr<const list> all() const;
  /// @returns null when there is none.
  pointer at(workspace_number number) const;
  pointer find(std::string_view id) const;
  /// The one that came first; null when there is none.
  pointer first() const;
  std::size_t size() const;

private:
  list& to_change();

  mutable std::mutex mutex_;
  std::shared_ptr<list> all_ = std::make_shared<list>(); ///< replaced where somebody else holds it
  std::unordered_map<std::string_view, pointer> by_id_;  ///< of the ids in the workspaces' settings
  workspace_number last_number_ = 0;
};

} // namespace workspace_supervisor
