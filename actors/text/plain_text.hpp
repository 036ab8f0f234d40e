#pragma once

// The room of text: what several actors need to read and to write text that is not ours.

#include <cstddef>
#include <string>
#include <string_view>

namespace workspace_supervisor {

/// Makes one line of a text that is not ours: control characters, U+2028, U+2029 and bidirectional marks
/// become one space (runs of white space too), invalid UTF-8 becomes U+FFFD.
std::string flatten(std::string_view text);

/// Cuts to at most `characters` code points (never inside one).
std::string cut(std::string_view text, std::size_t characters);

/// Puts flattened text in double quotes, inner quotes and backslashes escaped by a backslash.
std::string quote(std::string_view flattened);

} // namespace workspace_supervisor
