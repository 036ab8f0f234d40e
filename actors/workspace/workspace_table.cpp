#include "actors/workspace/workspace_table.hpp"

#include "actors/workspace/context.hpp"

#include <algorithm>
#include <atomic>

namespace workspace_supervisor {

namespace {

auto place_of(const std::vector<workspace_table::pointer>& all, workspace_number number) {
  const auto found =
      std::lower_bound(all.begin(), all.end(), number, [](const auto& workspace, workspace_number wanted) {
        return workspace->number < wanted;
      });
  return found != all.end() && (*found)->number == number ? found : all.end();
}

} // namespace

/// Under the lock. Whoever goes through the list holds it, and then it is changed in a copy.
workspace_table::list& workspace_table::to_change() {
  if (all_.use_count() > 1)
    all_ = std::make_shared<list>(*all_);
  // Whoever has let it go has read it to its end.
  std::atomic_thread_fence(std::memory_order_acquire);
  return *all_;
}

void workspace_table::add(pointer workspace) {
  const std::lock_guard lock{mutex_};
  workspace->number = ++last_number_;
  by_id_.emplace(workspace->settings.id, workspace);
  to_change().push_back(std::move(workspace));
}

void workspace_table::remove(workspace_number number) {
  pointer gone; // ends without the lock
  const std::lock_guard lock{mutex_};
  auto& all = to_change();
  const auto found = place_of(all, number);
  if (found == all.end())
    return;
  gone = *found;
  by_id_.erase(gone->settings.id);
  all.erase(found);
  if (constexpr std::size_t few = 64; all.capacity() > few + 2 * all.size()) {
    all.shrink_to_fit();
    by_id_.rehash(0);
  }
}

workspace_list workspace_table::all() const {
  const std::lock_guard lock{mutex_};
  return workspace_list{all_};
}

workspace_table::pointer workspace_table::at(workspace_number number) const {
  const std::lock_guard lock{mutex_};
  const auto found = place_of(*all_, number);
  return found == all_->end() ? nullptr : *found;
}

workspace_table::pointer workspace_table::find(std::string_view id) const {
  const std::lock_guard lock{mutex_};
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

workspace_table::pointer workspace_table::first() const {
  const std::lock_guard lock{mutex_};
  return all_->empty() ? nullptr : all_->front();
}

std::size_t workspace_table::size() const {
  const std::lock_guard lock{mutex_};
  return all_->size();
}

} // namespace workspace_supervisor
