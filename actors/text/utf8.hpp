#pragma once

#include <string>

namespace workspace_supervisor {

/// Makes valid UTF-8 of any bytes: what is invalid becomes U+FFFD.
std::string valid_utf8(std::string text);

} // namespace workspace_supervisor
