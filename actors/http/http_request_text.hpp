#pragma once

#include "actors/http/http_engine.hpp"

#include <string>

namespace workspace_supervisor {

/// @returns "" when `request` can be sent as it is; else what is wrong with it, without any header's value. A
/// header that could inject another one (CR, LF, NUL or another control character in its value), one that the
/// engine sets itself, and a target or method that is no single word are refused.
std::string check_request(const http_request& request);

/// Writes head and body of a request that `check_request` found right over what `text` held.
void write_request(const http_request& request, const std::string& user_agent, std::string& text);

/// @returns `text` without control characters: a User-Agent may not hold any.
std::string without_control_characters(const std::string& text);

} // namespace workspace_supervisor
