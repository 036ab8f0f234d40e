#pragma once

#include "messages/shared_text.hpp"

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// The outcome of one delegation as an answer of the platform tells it, its rows merged.
struct delegation_result {
  std::string delegation_id;
  std::string target_id;
  std::string source_id;
  std::string status; ///< "completed" or "failed"
  std::string summary;
  std::string
      own_summary; ///< of a row without a preview: words of this workspace, fit to be quoted; may be empty
  std::string response_preview;
  std::string error;
  double created_at = 0; ///< seconds since the epoch; 0: no readable one
};
BOOST_DESCRIBE_STRUCT(delegation_result, (),
                      (delegation_id, target_id, source_id, status, summary, own_summary, response_preview,
                       error, created_at))

/// A result on its way: recorded, then filed, woken and notified.
struct stored_result {
  std::int64_t seq = 0; ///< grows with every result of the process; what `results?after=` counts in
  delegation_result result;
  double recorded_at = 0; ///< seconds since the epoch
  bool filed = false;     ///< stands in the results file
  bool woken = false;     ///< a self-message with it was delivered, or dropped for good
  bool notified = false;  ///< the user was told, or it was dropped for good
};
BOOST_DESCRIBE_STRUCT(stored_result, (), (seq, result, recorded_at, filed, woken, notified))

/// What one answer of the platform says of this workspace's finished delegations.
struct poll_record {
  std::string workspace;
  std::vector<delegation_result> results; ///< genuine and finished, those of them not yet known to be handled
  std::vector<std::string> listed;        ///< `result_key` of every genuine finished one in the answer
  double answered_at = 0;                 ///< seconds since the epoch, by the platform's clock if it told it
  double backlog = 0;                     ///< seconds; in a workspace's first poll older results are history
};
BOOST_DESCRIBE_STRUCT(poll_record, (), (workspace, results, listed, answered_at, backlog))

/// The platform's answer to a poll, to be taken apart.
struct delegation_list {
  std::uint32_t workspace = 0; ///< a `workspace_number`
  shared_text body;
  double answered_at = 0;             ///< seconds since the epoch, by the platform's clock if it told it
  std::uint64_t last_body = 0;        ///< hash of the last one that was dealt with; 0: none
  std::vector<std::uint64_t> handled; ///< sorted hashes of the keys that are known to be handled
  std::vector<std::string> reported_foreign; ///< delegation ids already told of, newest last
};
BOOST_DESCRIBE_STRUCT(delegation_list, (),
                      (workspace, body, answered_at, last_body, handled, reported_foreign))

/// What became of a list.
struct list_outcome {
  std::string error;                         ///< not empty: it cannot be read
  std::uint64_t body = 0;                    ///< its hash
  bool unchanged = false;                    ///< the last one over again: nothing else is told
  bool recorded = false;                     ///< the store was told of it
  std::int64_t news = 0;                     ///< results that are new
  std::vector<std::uint64_t> handled;        ///< sorted hashes of the keys that it lists
  std::vector<std::string> reported_foreign; ///< what is to be remembered of these
};
BOOST_DESCRIBE_STRUCT(list_outcome, (), (error, body, unchanged, recorded, news, handled, reported_foreign))

/// Append a line for each of these to a results file.
struct append_to_results_file {
  std::string path;
  std::vector<stored_result> results;
};
BOOST_DESCRIBE_STRUCT(append_to_results_file, (), (path, results))

/// A self-message, as it was recorded before its first attempt; it does not change afterwards.
struct self_message {
  std::string message_id;
  std::string text;
  std::vector<std::int64_t> seqs; ///< the results it tells of
  double created_at = 0;          ///< seconds since the epoch: age counts from here, and so does the hour
};
BOOST_DESCRIBE_STRUCT(self_message, (), (message_id, text, seqs, created_at))

/// What of a workspace's results still has to go out, and what bounds it.
struct outbox {
  bool has_open_message = false;
  self_message open_message;              ///< valid with `has_open_message`
  std::vector<stored_result> unwoken;     ///< filed, in no message yet, by seq: the first ones
  std::vector<std::int64_t> more_unwoken; ///< the seqs of those that come behind them
  std::vector<stored_result> unnotified;  ///< filed, user not told yet, by seq: the first ones
  std::int64_t more_unnotified = 0;       ///< how many come behind them
  double last_delivered_start = 0;     ///< when the attempt that delivered the last message began; 0: never
  std::vector<double> recent_messages; ///< when the last hour's messages were opened, oldest first
};
BOOST_DESCRIBE_STRUCT(outbox, (),
                      (has_open_message, open_message, unwoken, more_unwoken, unnotified, more_unnotified,
                       last_delivered_start, recent_messages))

/// Numbers of a workspace's outbox for stats.
struct outbox_counts {
  std::int64_t unfiled = 0;
  std::int64_t unwoken = 0;    ///< filed, whether in an open message or not
  std::int64_t unnotified = 0; ///< filed
  double oldest = 0;           ///< `recorded_at` of the oldest unfinished one; 0: none
};
BOOST_DESCRIBE_STRUCT(outbox_counts, (), (unfiled, unwoken, unnotified, oldest))

/// The key under which a result is known to have been handled: delegation id and status.
inline std::string result_key(const std::string& delegation_id, const std::string& status) {
  return std::to_string(delegation_id.size()) + ':' + delegation_id + status;
}

} // namespace workspace_supervisor
