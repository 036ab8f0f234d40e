#pragma once

// The room of supervision: who restarts actors, and by which policy; and what every actor stands on: its
// address, its probe, requests that outlive a crash, events.

#include "actors/supervision/actor_probe.hpp"
#include "actors/supervision/address.hpp"
#include "actors/supervision/event_sink.hpp"
#include "actors/supervision/restart_policy.hpp"
#include "messages/interfaces.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace workspace_supervisor {

/// What a supervisor does when a child cannot be kept running.
enum class when_given_up {
  end_supervisor, ///< the supervisor ends too, and its own supervisor decides
  leave_failed    ///< the others go on; the supervisor ends when no such child is left
};

/// The address of a child, whatever its interface.
struct child_place {
  void* place = nullptr;
  caf::actor (*look)(void*) = nullptr; ///< who stands there; may be null
  void (*clear)(void*) = nullptr;      ///< takes him away

  caf::actor occupant() const { return look(place); }
  void withdraw() const { clear(place); }
};

/// One child, described: how to start it, where its successor is put, how long it may take to stop.
struct child_spec {
  std::string name;
  std::uint32_t number =
      0; ///< of one that can be stopped by itself; 0: it comes and goes with its supervisor
  std::function<caf::actor(caf::actor_system&)> start; ///< spawns it and puts it at its address
  child_place place;
  actor_probe* probe = nullptr;
  std::chrono::milliseconds shutdown{1000}; ///< from the order to stop to the order to die
  when_given_up if_given_up = when_given_up::end_supervisor;
  std::function<void()> on_failed; ///< called when it is given up; may be empty
  bool is_supervisor = false; ///< stopped by `stop_supervising`, so that it stops its own children in order
};

/// A child that stands at `place`; how it is started is still to be said.
template <class Interface>
child_spec child_of(std::string_view name, address<Interface>& place, actor_probe& probe) {
  child_spec spec;
  spec.name = name;
  spec.place = {
      &place,
      [](void* at) { return caf::actor_cast<caf::actor>(static_cast<address<Interface>*>(at)->get()); },
      [](void* at) {
        static_cast<address<Interface>*>(at)->set(Interface{});
      }};
  spec.probe = &probe;
  return spec;
}

/// What `child_spec::start` does with whom it has spawned.
template <class Interface>
caf::actor put_at(address<Interface>& place, const Interface& spawned) {
  place.set(spawned);
  return caf::actor_cast<caf::actor>(spawned);
}

/// A child that `spawn(system)` makes and that stands at `place`.
template <class Interface, class Spawn>
child_spec child_at(std::string_view name, address<Interface>& place, actor_probe& probe, Spawn spawn) {
  auto spec = child_of(name, place, probe);
  spec.start = [&place, spawn](caf::actor_system& system) {
    return put_at<Interface>(place, spawn(system));
  };
  return spec;
}

/// What a supervisor is made of.
struct supervisor_plan {
  std::string workspace; ///< for events; "" for the root
  restart_policy policy;
  std::vector<child_spec> children; ///< started in this order, stopped in reverse
  event_sink* events = nullptr;
  std::shared_ptr<actor_probe> probe;
  /// Makes the child of a number that is started later; may be empty, and say that there is none.
  std::function<std::optional<child_spec>(std::uint32_t)> further;
  /// So many children are started in a row, before those have their turn, and whoever runs already; 0: all.
  std::size_t started_at_once = 0;
};

/// The text with which a supervisor ends that has given up begins with this.
inline constexpr std::string_view gave_up_prefix = "gave up on ";

struct supervisor_state {
  struct child {
    caf::actor handle; ///< null while down
    restart_intensity intensity;
    bool failed = false;
    caf::actor_id ended_id = 0; ///< of the one that ended last; 0: none has
    std::uint64_t timer = 0;    ///< when it is restarted, being down, or killed, being slow to end; 0: none
  };
  supervisor_plan plan;
  std::vector<child> children; ///< as the plan has them; a place whose child was let go is vacant: no `start`
  /// Children by actor id, which grows with every actor: in order without sorting.
  std::vector<std::pair<caf::actor_id, std::size_t>> by_id;
  /// Children that are let go, by place, and who waits until each has ended.
  std::vector<std::pair<std::size_t, std::vector<promised<done>>>> leaving;
  std::vector<caf::actor_id>
      gone;                   ///< the last ones that were let go: what is told of them twice is nobody else's
  std::size_t start_next = 0; ///< children before this one have been started
  bool stopping = false;
  std::size_t stop_next = 0; ///< children from here on have stopped
  static inline const char* name = "supervisor";
};

/// The text in which an actor ended: of an exception, what it says.
std::string reason_text(caf::actor_system& system, const caf::error& reason);

/// Starts the children in order and restarts whichever ends, one for one, by the policy. It knows nothing of
/// what they do. A predecessor's children that are still there (it crashed) are waited for before each is
/// started anew.
supervisor_interface::behavior_type supervisor(actor_of<supervisor_interface, supervisor_state>* self,
                                               supervisor_plan plan);

} // namespace workspace_supervisor
