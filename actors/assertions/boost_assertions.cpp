// What becomes of an assertion of Boost's, in builds that check them: the process ends, but for one that is
// known to be wrong.

#include <boost/assert.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace boost {

namespace {

/// Beast 1.81 expects the end of a chunked body to have come with five bytes when it looks at it a second
/// time; one whose "0", CR and LF are followed by a single byte has four, and is read rightly.
/// https://github.com/boostorg/beast, basic_parser::parse_chunk_header.
bool is_known_to_be_wrong(std::string_view expression, std::string_view file) {
  return expression == "n >= 5" && file.ends_with("beast/http/impl/basic_parser.ipp");
}

} // namespace

void assertion_failed_msg(char const* expression, char const* message, char const* function, char const* file,
                          long line) {
  if (is_known_to_be_wrong(expression, file))
    return;
  std::fprintf(stderr, "%s:%ld: %s: assertion failed: %s %s\n", file, line, function, expression, message);
  std::abort();
}

void assertion_failed(char const* expression, char const* function, char const* file, long line) {
  assertion_failed_msg(expression, "", function, file, line);
}

} // namespace boost
