#pragma once

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
  self_message open_message;             ///< valid with `has_open_message`
  std::vector<stored_result> unwoken;    ///< filed, in no message yet, by seq
  std::vector<stored_result> unnotified; ///< filed, user not told yet, by seq
  double last_delivered_start = 0;       ///< when the attempt that delivered the last message began; 0: never
  std::vector<double> recent_messages;   ///< when the last hour's messages were opened, oldest first
};
BOOST_DESCRIBE_STRUCT(outbox, (),
                      (has_open_message, open_message, unwoken, unnotified, last_delivered_start,
                       recent_messages))

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
