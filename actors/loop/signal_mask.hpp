#pragma once

#include <csignal>
#include <pthread.h>

namespace workspace_supervisor {

/// Blocks signals on this thread while it lives: a thread started meanwhile keeps them blocked, so that they
/// go to the thread that waits for them, and SIGPIPE to none. Those that report a fault of the thread stay.
class all_signals_blocked {
public:
  all_signals_blocked() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
      sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  all_signals_blocked(const all_signals_blocked&) = delete;
  all_signals_blocked& operator=(const all_signals_blocked&) = delete;
  ~all_signals_blocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_{};
};

} // namespace workspace_supervisor
