#pragma once

#include "messages/shared_text.hpp"

#include <boost/describe.hpp>

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// Which workspace of the process it is: counted from 1, and never given twice.
using workspace_number = std::uint32_t;

/// Whose connections a request uses; a lane that is stuck delays no other.
enum class request_lane { beat, poll, message };

/// An acknowledgement that says no more than that the effect is there.
struct done {};
BOOST_DESCRIBE_STRUCT(done, (), ())

/// A request to a workspace's platform. The platform client adds the token, and after a 401 repeats it once
/// with the token re-read from disk.
struct platform_request {
  workspace_number workspace = 0;
  std::string method;
  std::string target;    ///< begins with '/', below the platform's base URL
  std::string body;      ///< JSON, or empty
  std::int32_t lane = 0; ///< a `request_lane`
  std::int64_t timeout_ms = 0;
  std::uint64_t max_body = 65536; ///< bytes
  bool expects_json = false;      ///< a GET: another type, size or encoding is a failure
  bool repeatable = false;        ///< on a new connection, when a kept one turns out closed
  bool fresh_connection = false;
  bool from_workspace = false; ///< adds X-Workspace-ID
  std::string key; ///< not empty: while one with this key is under way, its answer serves this one too, so
                   ///< that the successor of an asker that crashed does not send it twice
};
BOOST_DESCRIBE_STRUCT(platform_request, (),
                      (workspace, method, target, body, lane, timeout_ms, max_body, expects_json, repeatable,
                       fresh_connection, from_workspace, key))

/// How a request to the platform ended.
struct platform_answer {
  std::int32_t outcome = 0; ///< an `http_outcome`
  std::int32_t status = 0;  ///< 0: none
  shared_text body;
  std::string error;                ///< what failed, fit for a log; empty when a status came
  std::int64_t retry_after_ms = -1; ///< -1: none
  double date = 0;                  ///< the answer's Date, seconds since the epoch; 0: none
  double seconds = 0;               ///< of the last attempt
  bool answered = false;            ///< a status came and the body was as expected
  bool acknowledged = false;        ///< not answered in time, but arrived whole
  bool repeated = false;            ///< after a 401, with the token re-read

  /// A 2xx with the body that was expected.
  bool ok() const { return answered && status >= 200 && status < 300; }
};
BOOST_DESCRIBE_STRUCT(platform_answer, (),
                      (outcome, status, body, error, retry_after_ms, date, seconds, answered, acknowledged,
                       repeated))

/// The engine has finished the attempt that the client numbered `id`.
struct attempt_finished {
  std::uint64_t id = 0;
  platform_answer answer;
};
BOOST_DESCRIBE_STRUCT(attempt_finished, (), (id, answer))

/// The token of a workspace's next requests. Empty: it has to be asked for.
struct token_for_requests {
  workspace_number workspace = 0;
  std::string token;
};
BOOST_DESCRIBE_STRUCT(token_for_requests, (), (workspace, token))

/// Drop this workspace's platform's kept connections and resolve its host anew.
struct reconnect {
  workspace_number workspace = 0;
};
BOOST_DESCRIBE_STRUCT(reconnect, (), (workspace))

/// This workspace is no more: end its requests, and forget its token.
struct workspace_gone {
  workspace_number workspace = 0;
};
BOOST_DESCRIBE_STRUCT(workspace_gone, (), (workspace))

} // namespace workspace_supervisor
