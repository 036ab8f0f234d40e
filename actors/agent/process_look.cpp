#include "actors/agent/process_look.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

/// Of what follows the name in /proc/PID/stat, the state is the first field and the start the twentieth.
constexpr int fields_to_start = 19;

} // namespace

process_look look_at_process(pid_t process) {
  process_look look;
  look.there = ::kill(process, 0) == 0 || errno == EPERM;
  if (!look.there)
    return look;
  const auto path = "/proc/" + std::to_string(process) + "/stat";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return look;
  std::array<char, 1024> text{};
  const auto size = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  // The name may have anything in it, parentheses too.
  const char* at = size > 0 ? std::strrchr(text.data(), ')') : nullptr;
  if (!at || at[1] != ' ')
    return look;
  at += 2;
  const char state = *at;
  look.there = state != 'Z' && state != 'X';
  look.stopped = state == 'T' || state == 't';
  for (int field = 0; field < fields_to_start && at; ++field) {
    at = std::strchr(at, ' ');
    at = at ? at + 1 : nullptr;
  }
  if (at)
    look.born = std::strtoull(at, nullptr, 10);
  return look;
}

} // namespace workspace_supervisor
