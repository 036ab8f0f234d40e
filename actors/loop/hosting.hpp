#pragma once

// What a version of CAF takes a loop for: its scheduler and its clock.

#include "actors/loop/loop_timers.hpp"

#include <caf/fwd.hpp>

#include <memory>

namespace workspace_supervisor {

/// The loop, to CAF.
class loop_host : public loop_orders {
public:
  /// Takes over a reference to the actor, whose turn will come. Any thread.
  virtual void enqueue(caf::resumable* actor) = 0;
  /// Starts the thread, for this system.
  virtual void start(caf::actor_system& system) = 0;
  /// Ends the thread.
  virtual void stop() = 0;
  virtual loop_timers& timers() noexcept = 0;
  virtual std::size_t messages_per_turn() const noexcept = 0;
};

/// What an actor that runs on the loop knows of who runs it.
#if WORKSPACE_SUPERVISOR_CAF_1
using turn_context = caf::scheduler;
#else
using turn_context = caf::execution_unit;
#endif

/// Lives as long as the loop: an actor that is ended after the thread's end may still hold it.
std::unique_ptr<turn_context> make_turn_context(loop_host& loop, caf::actor_system& system);

/// Has the system that will be made with `config` take `loop` for its scheduler, and its timers for its
/// clock.
void make_host(loop_host& loop, caf::actor_system_config& config);

/// Ends an actor that will have no turn any more, and gives up the reference.
void drop_actor(caf::resumable* actor);

} // namespace workspace_supervisor
