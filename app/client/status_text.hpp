#pragma once

#include <boost/json/fwd.hpp>

#include <string>

namespace workspace_supervisor {

/// The answer of /v1/stats as a person reads it: a line for each workspace, and of a single one (`only`, or
/// the only one there is) all that there is to tell. `only`: "" shows all.
std::string status_text(const boost::json::object& stats, const std::string& only);

/// Whether every workspace shown is online.
bool all_online(const boost::json::object& stats, const std::string& only);

} // namespace workspace_supervisor
