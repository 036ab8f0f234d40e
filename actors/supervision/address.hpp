#pragma once

#include "actors/supervision/small_lock.hpp"

#include <mutex>
#include <utility>

namespace workspace_supervisor {

/// A value that outlives the actor that keeps it, so that its successor goes on where it was. Replaced as a
/// whole: a crash leaves the old value or the new one. Any thread.
template <class Value>
class kept {
public:
  Value get() const {
    const std::lock_guard lock{lock_};
    return value_;
  }
  void set(Value value) {
    const std::lock_guard lock{lock_};
    value_ = std::move(value);
  }
  /// Calls `change` on the value under the lock. @returns what it returns.
  template <class Change>
  auto update(Change change) {
    const std::lock_guard lock{lock_};
    return change(value_);
  }

private:
  Value value_{};
  mutable small_lock lock_;
};

/// Where an actor is found. Its supervisor puts the successor here when it restarts it; whoever wants to tell
/// it something asks here each time. This is the only way in which actors find each other.
template <class Interface>
using address = kept<Interface>;

} // namespace workspace_supervisor
