#pragma once

#include <boost/mp11/list.hpp>

namespace workspace_supervisor {

namespace framework {
struct injected_crash;
struct timer_due;
} // namespace framework

struct activity_changed;
struct activity_report;
struct added_workspaces;
struct agent_facts_changed;
struct agent_order_outcome;
struct all_outbox_counts;
struct append_to_results_file;
struct are_you_there;
struct attempt_finished;
struct beat_now;
struct beat_outcome;
struct close_self_message;
struct control_answer;
struct control_request;
struct delegation_list;
struct done;
struct file_outcome;
struct forget_added;
struct forget_workspace;
struct get_activity;
struct get_added_workspaces;
struct get_all_outbox_counts;
struct get_outbox;
struct get_parent_name;
struct get_results;
struct get_token;
struct get_unfiled;
struct keep_added;
struct let_first_beat_go;
struct list_outcome;
struct look_for_added;
struct mark_leaving;
struct mark_results;
struct open_self_message;
struct order_agent;
struct outbox;
struct parent_name;
struct platform_answer;
struct platform_request;
struct poll_now;
struct poll_outcome;
struct poll_record;
struct put_workspace;
struct read_token_file;
struct reconnect;
struct record_outcomes;
struct refresh_token;
struct reload_configuration;
struct reload_outcome;
struct reload_wanted;
struct remove_workspace;
struct report_delivered;
struct report_progress;
struct results_filed;
struct save_token_request;
struct set_activity;
struct set_agent_state;
struct set_runtime_metadata;
struct set_runtime_state;
struct start_child;
struct stop_child;
struct stop_supervising;
struct stored_results;
struct token_changed;
struct token_file_changed;
struct token_for_requests;
struct token_state;
struct workspace_change;
struct workspace_gone;
struct write_token_file;

/// Everything that one actor can tell another. CAF 1.x numbers the types of messages; here a type has its
/// place in this list, and what is not in it cannot be sent.
using message_list = boost::mp11::mp_list<
    // clang-format off
    framework::injected_crash,
    framework::timer_due,
    activity_changed,
    activity_report,
    added_workspaces,
    agent_facts_changed,
    agent_order_outcome,
    all_outbox_counts,
    append_to_results_file,
    are_you_there,
    attempt_finished,
    beat_now,
    beat_outcome,
    close_self_message,
    control_answer,
    control_request,
    delegation_list,
    done,
    file_outcome,
    forget_added,
    forget_workspace,
    get_activity,
    get_added_workspaces,
    get_all_outbox_counts,
    get_outbox,
    get_parent_name,
    get_results,
    get_token,
    get_unfiled,
    keep_added,
    let_first_beat_go,
    list_outcome,
    look_for_added,
    mark_leaving,
    mark_results,
    open_self_message,
    order_agent,
    outbox,
    parent_name,
    platform_answer,
    platform_request,
    poll_now,
    poll_outcome,
    poll_record,
    put_workspace,
    read_token_file,
    reconnect,
    record_outcomes,
    refresh_token,
    reload_configuration,
    reload_outcome,
    reload_wanted,
    remove_workspace,
    report_delivered,
    report_progress,
    results_filed,
    save_token_request,
    set_activity,
    set_agent_state,
    set_runtime_metadata,
    set_runtime_state,
    start_child,
    stop_child,
    stop_supervising,
    stored_results,
    token_changed,
    token_file_changed,
    token_for_requests,
    token_state,
    workspace_change,
    workspace_gone,
    write_token_file
    // clang-format on
    >;

} // namespace workspace_supervisor
