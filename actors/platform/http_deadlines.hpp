#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace workspace_supervisor {

using steady_time = std::chrono::steady_clock::time_point;

/// Something that has a deadline now and then.
class timed {
public:
  timed() = default;
  timed(const timed&) = delete;
  timed& operator=(const timed&) = delete;
  virtual ~timed() = default; // whoever is destroyed has cancelled its deadline first

  /// Called when the deadline has passed; it has been taken out of the heap by then.
  virtual void expired(steady_time now) = 0;

private:
  friend class deadline_heap;
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  steady_time when_{};
  std::size_t position_ = none;
};

/// All deadlines of one thread, earliest first, so that one operating system timer serves them all. A
/// deadline that is set and taken back, as nearly all are, costs a few comparisons and no system call.
class deadline_heap {
public:
  bool empty() const { return heap_.empty(); }
  steady_time earliest() const { return heap_.front()->when_; }

  /// Sets or moves the deadline of `item`.
  void set(timed& item, steady_time when) {
    const bool later = item.position_ != timed::none && when > item.when_;
    item.when_ = when;
    if (item.position_ == timed::none) {
      item.position_ = heap_.size();
      heap_.push_back(&item);
    }
    if (later)
      sink(item.position_);
    else
      rise(item.position_);
  }

  /// Takes the deadline of `item` back, if it has one.
  void cancel(timed& item) {
    const std::size_t hole = item.position_;
    if (hole == timed::none)
      return;
    item.position_ = timed::none;
    timed* last = heap_.back();
    heap_.pop_back();
    if (last == &item)
      return;
    place(last, hole);
    rise(hole);
    sink(last->position_);
  }

  /// Calls what has expired at `now`; it may set and cancel deadlines.
  void run_expired(steady_time now) {
    while (!heap_.empty() && heap_.front()->when_ <= now) {
      timed* item = heap_.front();
      cancel(*item);
      item->expired(now);
    }
  }

private:
  void place(timed* item, std::size_t position) {
    heap_[position] = item;
    item->position_ = position;
  }

  void rise(std::size_t position) {
    timed* item = heap_[position];
    while (position > 0) {
      const std::size_t parent = (position - 1) / 2;
      if (heap_[parent]->when_ <= item->when_)
        break;
      place(heap_[parent], position);
      position = parent;
    }
    place(item, position);
  }

  void sink(std::size_t position) {
    timed* item = heap_[position];
    for (;;) {
      std::size_t child = 2 * position + 1;
      if (child >= heap_.size())
        break;
      if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_)
        ++child;
      if (item->when_ <= heap_[child]->when_)
        break;
      place(heap_[child], position);
      position = child;
    }
    place(item, position);
  }

  std::vector<timed*> heap_;
};

} // namespace workspace_supervisor
