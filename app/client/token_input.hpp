#pragma once

#include <cstddef>
#include <string>

namespace workspace_supervisor {

constexpr std::size_t longest_token = 8192;

/// A token from standard input without the line's end; typed at a terminal, it is not shown. Of one that is
/// too long, more than longest_token bytes.
std::string read_token();

} // namespace workspace_supervisor
