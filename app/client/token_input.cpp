#include "app/client/token_input.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <termios.h>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

termios as_it_was;

extern "C" void restore_and_end(int signal) {
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
  ::raise(signal); // takes effect after this, as by default
}

/// The terminal does not show what is typed while this exists, and does again when a signal ends the process.
class hidden_typing {
public:
  hidden_typing() {
    struct sigaction restoring {};
    restoring.sa_handler = restore_and_end;
    restoring.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
      ::sigaction(signal, &restoring, nullptr);
    auto quiet = as_it_was;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  hidden_typing(const hidden_typing&) = delete;
  hidden_typing& operator=(const hidden_typing&) = delete;
  ~hidden_typing() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &as_it_was);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
      ::signal(signal, SIG_DFL);
  }
};

} // namespace

std::string read_token() {
  const bool asks = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &as_it_was) == 0;
  std::optional<hidden_typing> hidden;
  if (asks) {
    hidden.emplace();
    std::fputs("Token: ", stderr);
  }
  std::string text;
  char buffer[1024];
  while (text.size() <= longest_token + 2) {
    const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    text.append(buffer, static_cast<std::size_t>(count));
    if (asks && text.back() == '\n')
      break;
  }
  hidden.reset();
  if (asks)
    std::fputc('\n', stderr);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

} // namespace workspace_supervisor
