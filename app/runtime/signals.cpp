#include "app/runtime/signals.hpp"

#include <pthread.h>

namespace workspace_supervisor {

caught_signals catch_signals(const std::vector<int>& numbers) {
  caught_signals result;
  sigemptyset(&result.set);
  for (const int number : numbers)
    sigaddset(&result.set, number);
  ::pthread_sigmask(SIG_BLOCK, &result.set, &result.mask_before);
  for (const int number : {SIGPIPE, SIGXFSZ})
    if (std::signal(number, SIG_IGN) != SIG_IGN)
      result.ignored_now.push_back(number);
  return result;
}

} // namespace workspace_supervisor
