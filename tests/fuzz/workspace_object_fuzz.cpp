#include "actors/parent_name/workspace_object.hpp"
#include "tests/support/fuzz_input.hpp"

using namespace workspace_supervisor;

/// A workspace of any bytes is read or refused, and what is read of it is text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  workspace_object object;
  std::string error;
  const bool read = parse_workspace_object(body, object, error);
  must(read == error.empty(), "what cannot be read says why", error);
  must(is_utf8(error), "a reason is UTF-8", error);
  must(is_utf8(object.parent_id) && is_utf8(object.name), "what is read is UTF-8", object.name);
  return 0;
}
