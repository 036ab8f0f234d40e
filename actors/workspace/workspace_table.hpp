#pragma once

#include "messages/platform.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace workspace_supervisor {

struct workspace_context;

/// Workspaces by number, which is the order in which they came. Holds them, and stays as it is when others
/// come and go.
class workspace_list {
public:
  using pointer = std::shared_ptr<workspace_context>;

  workspace_list() = default;
  explicit workspace_list(std::shared_ptr<const std::vector<pointer>> held)
      : held_{std::move(held)} {}

  auto begin() const { return held_->begin(); }
  auto end() const { return held_->end(); }
  std::size_t size() const { return held_->size(); }

private:
  std::shared_ptr<const std::vector<pointer>> held_ = std::make_shared<std::vector<pointer>>();
};

/// The workspaces of a process. They come and go; each lives on for as long as somebody holds it. Any thread.
class workspace_table {
public:
  using pointer = workspace_list::pointer;

  /// Takes one in, under the next number. Its id is nobody else's.
  void add(pointer workspace);
  /// Lets one go; an unknown number is ignored.
  void remove(workspace_number number);

  /// Those that are there now.
  workspace_list all() const;
  /// @returns null when there is none.
  pointer at(workspace_number number) const;
  pointer find(std::string_view id) const;
  /// The one that came first; null when there is none.
  pointer first() const;
  std::size_t size() const;

private:
  using list = std::vector<pointer>;
  list& to_change();

  mutable std::mutex mutex_;
  std::shared_ptr<list> all_ = std::make_shared<list>(); ///< replaced where somebody else holds it
  std::unordered_map<std::string_view, pointer> by_id_;  ///< of the ids in the workspaces' settings
  workspace_number last_number_ = 0;
};

} // namespace workspace_supervisor
