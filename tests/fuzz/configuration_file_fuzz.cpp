#include "app/configuration/configuration_file.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace workspace_supervisor;

// Reading never crashes; and what was read without errors, printed and read again, is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = parse_configuration(text);
  std::string error;
  const auto value = parse_configuration_value(text, error);
  if (value.has_value() != error.empty())
    std::abort();
  if (value && parse_configuration_value(print_configuration_value(*value), error) != value)
    std::abort();
  const auto key = parse_configuration_key(text, error);
  if (!key.empty() && parse_configuration_key(print_configuration_key(key), error) != key)
    std::abort();
  // With errors the rest must still be well-formed.
  const auto printed = print_configuration(document.root);
  const auto again = parse_configuration(printed);
  if (!again.errors.empty() || !again.root.same_content(document.root)) {
    std::fprintf(stderr, "read:\n%s\nerror: %s\n", printed.c_str(),
                 again.errors.empty() ? "other content" : again.errors.front().message.c_str());
    std::abort();
  }
  return 0;
}
