#pragma once

#include "messages/delegation.hpp"

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace workspace_supervisor {

// What the store is asked; each is answered once its effect is recorded. A `poll_record` is a message too.

struct stored_results {
  std::vector<stored_result> results; ///< by seq
};
BOOST_DESCRIBE_STRUCT(stored_results, (), (results))

/// The first of those that are recorded and not filed: so many that nobody who runs on the loop takes long
/// over them.
struct get_unfiled {
  std::string workspace;
};
BOOST_DESCRIBE_STRUCT(get_unfiled, (), (workspace))

/// What still has to go out, its results cut to what is told of them.
struct get_outbox {
  std::string workspace;
};
BOOST_DESCRIBE_STRUCT(get_outbox, (), (workspace))

struct get_results {
  std::string workspace;
  std::int64_t after = 0;
  std::int64_t limit = 100;
};
BOOST_DESCRIBE_STRUCT(get_results, (), (workspace, after, limit))

/// One step of some results.
struct mark_results {
  std::string workspace;
  std::string step; ///< "filed" or "notified"
  std::vector<std::int64_t> seqs;
};
BOOST_DESCRIBE_STRUCT(mark_results, (), (workspace, step, seqs))

struct open_self_message {
  std::string workspace;
  self_message message;
};
BOOST_DESCRIBE_STRUCT(open_self_message, (), (workspace, message))

struct close_self_message {
  std::string workspace;
  std::string message_id;
  double delivered_start = 0; ///< when the attempt that delivered it began; 0: dropped for good
};
BOOST_DESCRIBE_STRUCT(close_self_message, (), (workspace, message_id, delivered_start))

/// The counts of all workspaces that have something to send out.
struct get_all_outbox_counts {};
BOOST_DESCRIBE_STRUCT(get_all_outbox_counts, (), ())

struct workspace_outbox_counts {
  std::uint32_t workspace = 0; ///< a `workspace_number`
  outbox_counts counts;
};
BOOST_DESCRIBE_STRUCT(workspace_outbox_counts, (), (workspace, counts))

struct all_outbox_counts {
  std::vector<workspace_outbox_counts> workspaces; ///< by index
};
BOOST_DESCRIBE_STRUCT(all_outbox_counts, (), (workspaces))

} // namespace workspace_supervisor
