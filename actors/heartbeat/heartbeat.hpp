#pragma once

// The room of the heartbeat: when a beat is due, what it says, and what becomes of it.

#include "actors/heartbeat/beat_schedule.hpp"
#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <memory>
#include <random>
#include <vector>

namespace workspace_supervisor {

struct heartbeat_actor_state {
  workspace_context* context = nullptr;
  kept<beat_schedule>* schedule = nullptr;
  int taking_back = 0; ///< deliveries that the activity actor has not heard of yet: what it told is too much
  bool told = false;   ///< the activity actor has told its report; otherwise it is to be asked for
  std::unique_ptr<const activity_report> report; ///< as told; null: there is nothing to say
  bool under_way = false;
  bool refused = false;         ///< the last beat failed with 401
  bool has_other_token = false; ///< there is another one since this beat began
  std::uint64_t timer = 0;
  beat_schedule::time timer_due{};
  std::vector<promised<beat_outcome>> waiting; ///< for the beat that is under way
  std::minstd_rand random;
  static inline const char* name = "heartbeat";
};

/// Tells the platform every interval that the workspace lives. `schedule` outlives the actor: its successor
/// goes on with it.
heartbeat_interface::behavior_type heartbeat_actor(actor_of<heartbeat_interface, heartbeat_actor_state>* self,
                                                   workspace_context* context, kept<beat_schedule>* schedule);

} // namespace workspace_supervisor
