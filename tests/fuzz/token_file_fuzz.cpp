#include "actors/token/token_file.hpp"
#include "tests/support/fuzz_input.hpp"

#include <algorithm>
#include <fcntl.h>

using namespace workspace_supervisor;

namespace {

void write_file(const std::string& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  must(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
       "the file is written");
  ::close(file);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char character) {
    return static_cast<unsigned char>(character) < 32 || character == 127;
  });
}

} // namespace

/// A file of any bytes is a token or none; what is a token can be saved, and is the same then.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // Long ones are rare otherwise: a first byte of 255 makes one.
  if (size > 2 && data[0] == 255)
    bytes.insert(1, 8190 - size + data[1], 'x');
  const auto& folder = memory_folder();
  write_file(folder + "/.auth_token", bytes);
  const auto reading = read_token(folder);
  must(reading.token.empty() != reading.reason.empty(), "a token, or why there is none", reading.reason);
  if (reading.token.empty()) {
    must(reading.reason == "empty" || reading.reason.starts_with("too large") ||
             reading.reason == "has a control character inside",
         "the reason has no text of the file", reading.reason);
    // One that is too large may be so by the white space round it.
    must(reading.reason.starts_with("too large") || !save_token(folder, bytes, {}).empty(),
         "what is none is not saved");
    return 0;
  }
  must(!has_control(reading.token), "no control character is in a token", reading.token);
  must(reading.token.size() <= 8192, "a token has its bounds");
  must(bytes.find(reading.token) != std::string::npos, "a token stands in its file");
  must(save_token(folder, reading.token + "2", {}).empty() || reading.token.size() == 8192,
       "another token is saved");
  const auto trouble = save_token(folder, bytes, {});
  must(trouble.empty() || bytes.size() > 8192, "a token is saved", trouble);
  if (trouble.empty())
    must(read_token(folder).token == reading.token, "it is the same then");
  return 0;
}
