#include "app/client/arguments.hpp"
#include "tests/support/fuzz_input.hpp"

using namespace workspace_supervisor;

/// Words of any bytes, a line each, are a command of workspacectl, or something is said of what is wrong with
/// them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> words(1);
  for (const auto character : std::string_view(reinterpret_cast<const char*>(data), size))
    if (character == '\n')
      words.emplace_back();
    else if (character != '\0')
      words.back() += character;
  const auto read = read_client_arguments(words);
  must(read.trouble.empty() || read.answer.empty(), "it is wrong, or answered");
  must(is_utf8(read.trouble), "what is wrong is told in UTF-8", read.trouble);
  if (!read.trouble.empty() || !read.answer.empty())
    return 0;
  must(!read.command.empty(), "what is right has a command");
  must(!read.socket.empty(), "and a socket");
  must(read.count >= 1 && read.limit >= 1 && read.after >= 0 && read.timeout.count() >= 0,
       "and numbers within their bounds");
  return 0;
}
