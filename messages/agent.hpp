#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// Something has changed in what is known of the agent (`agent_facts`, `launched_agent`): look.
struct agent_facts_changed {};
BOOST_DESCRIBE_STRUCT(agent_facts_changed, (), ())

/// What an operator wants of an agent that was launched here.
enum class agent_wish { start, stop, restart };

/// Answered when it is done: the old process has ended, the new one runs.
struct order_agent {
  std::int32_t wish = 0; ///< an `agent_wish`
};
BOOST_DESCRIBE_STRUCT(order_agent, (), (wish))

struct agent_order_outcome {
  std::string error; ///< empty: done
  bool running = false;
  std::int64_t process = 0; ///< of the agent that runs; 0: none
};
BOOST_DESCRIBE_STRUCT(agent_order_outcome, (), (error, running, process))

/// What the supervisor itself has found out about the agent: what beats say of it from now on.
struct set_agent_state {
  std::string trouble;               ///< why it cannot work; "": it can
  bool withhold_tasks = false;       ///< beats tell of no task until it is back
  std::int64_t take_back_before = 0; ///< tasks set before this moment (steady clock, ns) are no more; 0: keep
};
BOOST_DESCRIBE_STRUCT(set_agent_state, (), (trouble, withhold_tasks, take_back_before))

/// A long task goes on.
struct report_progress {
  std::string note; ///< "": as before
};
BOOST_DESCRIBE_STRUCT(report_progress, (), (note))

/// The agent is there, or has had its time: beats may begin.
struct let_first_beat_go {};
BOOST_DESCRIBE_STRUCT(let_first_beat_go, (), ())

} // namespace workspace_supervisor
