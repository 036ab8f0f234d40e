#pragma once

#include "messages/activity.hpp"
#include "messages/agent.hpp"
#include "messages/caf.hpp"
#include "messages/control.hpp"
#include "messages/delegation.hpp"
#include "messages/heartbeat.hpp"
#include "messages/platform.hpp"
#include "messages/store.hpp"
#include "messages/token.hpp"
#include "messages/workspaces.hpp"

namespace workspace_supervisor {

// What each actor can be told. A signature `reply(request)` is a request that is answered, with an error when
// the actor is down; `void(event)` is lost behind a crash, so nothing stands there that must not be lost. An
// actor is addressed through its `address` (actors/supervision/address.hpp), where its successor takes its
// place.

/// Holds a workspace's token: cached, re-read when the platform refuses it or its file changes.
using token_interface = interface<token_state(get_token), token_state(refresh_token),
                                  file_outcome(save_token_request), void(token_file_changed)>;

/// Holds what the agent says of itself, and its errors until a beat has reported them.
using activity_interface = interface<done(set_activity), done(record_outcomes), done(set_runtime_state),
                                     done(set_runtime_metadata), activity_report(get_activity),
                                     done(report_delivered), done(set_agent_state), done(report_progress)>;

/// Tells the platform that the workspace lives.
using heartbeat_interface = interface<done(activity_changed), beat_outcome(beat_now), void(activity_report),
                                      done(let_first_beat_go), void(token_changed)>;

/// Fetches the results of delegations, records them and files them for the agent.
using delegation_poller_interface = interface<poll_outcome(poll_now)>;

/// Knows the name of the parent workspace.
using parent_name_interface = interface<parent_name(get_parent_name)>;

/// Wakes the agent with new results and tells the user.
using notifier_interface = interface<done(results_filed)>;

/// Follows the agent: whether it is there, and if it is launched here, that it runs.
using agent_interface = interface<agent_order_outcome(order_agent), void(agent_facts_changed)>;

/// Speaks HTTP with the platforms, for all workspaces of the process.
using platform_client_interface = interface<platform_answer(platform_request), void(attempt_finished),
                                            void(token_for_requests), void(reconnect), void(workspace_gone)>;

/// Keeps results and what became of them. On a thread of its own: it waits for the disk.
using store_interface =
    interface<stored_results(poll_record), stored_results(get_unfiled), outbox(get_outbox),
              stored_results(get_results), done(mark_results), done(open_self_message),
              done(close_self_message), all_outbox_counts(get_all_outbox_counts),
              added_workspaces(get_added_workspaces), file_outcome(keep_added), file_outcome(mark_leaving),
              done(forget_added), done(forget_workspace)>;

/// Reads and writes the token files of all workspaces. On a thread of its own: it waits for the disk.
using token_files_interface = interface<token_state(read_token_file), file_outcome(write_token_file)>;

/// Takes the long lists of all workspaces apart. On a thread of its own: a list can be long.
using list_reader_interface = interface<list_outcome(delegation_list)>;

/// Appends to the results files of all workspaces. On a thread of its own: it waits for the disk.
using result_files_interface = interface<file_outcome(append_to_results_file)>;

/// Takes workspaces in and lets them go while the others run. On a thread of its own: it waits for the disk.
using workspaces_interface =
    interface<workspace_change(put_workspace), workspace_change(remove_workspace),
              reload_outcome(reload_configuration), void(reload_wanted), void(look_for_added)>;

/// Answers the calls of the control API. On a thread of its own: an answer can be long.
using control_interface = interface<control_answer(control_request)>;

/// Starts children and restarts whichever ends.
using supervisor_interface =
    interface<done(are_you_there), void(stop_supervising), done(start_child), done(stop_child)>;

} // namespace workspace_supervisor
