#pragma once

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace workspace_supervisor {

// Looks into an answer: what is missing or of another type reads as empty, so that a client shows what it
// can of an answer that is newer or older than itself.

/// The object that a text holds; an empty one, if it holds none.
boost::json::object parsed(const std::string& text);

const boost::json::object& object_in(const boost::json::object& object, std::string_view name);
const boost::json::array& array_in(const boost::json::object& object, std::string_view name);
/// A string, safe for a terminal.
std::string text_in(const boost::json::object& object, std::string_view name);
/// Not beyond 1e15 either way.
double number_in(const boost::json::object& object, std::string_view name);
/// A count as text.
std::string count_in(const boost::json::object& object, std::string_view name);
bool flag_in(const boost::json::object& object, std::string_view name);

} // namespace workspace_supervisor
