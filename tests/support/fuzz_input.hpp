#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utf8.h>
#include <utility>

namespace workspace_supervisor {

/// What must hold for any input: else the input is a finding.
inline void must(bool holds, const char* what, std::string_view detail = {}) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s\n%.*s\n", what, static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline bool is_utf8(std::string_view text) {
  return utf8::is_valid(text.begin(), text.end());
}

/// An input, taken from the front: decisions first, bytes last. At its end there are zeros.
class fuzz_input {
public:
  fuzz_input(const std::uint8_t* data, std::size_t size)
      : left_(reinterpret_cast<const char*>(data), size) {}

  std::uint8_t byte() {
    if (left_.empty())
      return 0;
    const auto first = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return first;
  }
  bool flag() { return byte() % 2 == 1; }
  std::size_t below(std::size_t end) { return byte() % end; }
  std::size_t number() {
    const std::size_t high = byte();
    return high * 256 + byte();
  }
  /// At most so many bytes.
  std::string_view bytes(std::size_t most) {
    const auto taken = left_.substr(0, most);
    left_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return std::exchange(left_, {}); }
  bool empty() const { return left_.empty(); }

private:
  std::string_view left_;
};

/// Sizes of the pieces in which bytes arrive, by a seed: most are short.
class piece_sizes {
public:
  explicit piece_sizes(std::uint32_t seed)
      : state_(seed * 2654435761U + 1) {}
  std::size_t next() {
    state_ = state_ * 1664525U + 1013904223U;
    const auto drawn = state_ >> 24;
    return drawn < 128 ? 1 + drawn % 4 : 1 + drawn;
  }

private:
  std::uint32_t state_;
};

/// A folder in memory, where there is one, for this process; what an earlier one has left there is gone.
inline const std::string& memory_folder() {
  // Never destroyed: it is read at the very end.
  static const auto& folder = *new const std::string([] {
    const std::filesystem::path memory = "/dev/shm";
    const auto base = ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    const auto made = base / ("supervisor-fuzz-" + std::to_string(::getpid()));
    std::filesystem::remove_all(made);
    std::filesystem::create_directory(made);
    std::atexit([] { std::filesystem::remove_all(memory_folder()); });
    return made.string();
  }());
  return folder;
}

} // namespace workspace_supervisor
