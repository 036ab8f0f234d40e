#pragma once

#include <boost/json/fwd.hpp>

#include <string>

namespace workspace_supervisor {

// Answers of the control API as a person reads them; all but /v1/stats, which is in status_text.hpp.

/// "1 new result", "2 new results".
std::string plural(long long count, const char* one, const char* many);

/// Of POST .../beat.
std::string beat_text(const boost::json::object& answer);

/// Of GET /healthz, well or not.
std::string health_text(const boost::json::object& answer);

/// Of GET /readyz, ready or not, with what is not.
std::string readiness_text(const boost::json::object& answer);

/// Of GET .../results; a page of `limit` is said to have perhaps more behind it.
std::string results_text(const boost::json::object& answer, std::size_t limit);

/// An event of /v1/events, a line.
std::string event_text(const boost::json::object& happened);

/// What the supervisor says of a refusal; of an answer in no form that is known, the answer.
std::string refusal_text(int status, const std::string& body);

} // namespace workspace_supervisor
