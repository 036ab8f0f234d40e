#include "app/configuration/configuration.hpp"
#include "app/daemon.hpp"
#include "app/dev/dev_mode.hpp"

#include <iostream>
#include <malloc.h>
#include <utility>

int main(int argument_count, char** arguments) {
  using namespace workspace_supervisor;
  // Each thread's own heap would keep what others have freed.
  ::mallopt(M_ARENA_MAX, 2);
  const auto sources = configuration_sources::of_process(argument_count, arguments);
  auto loaded = load_configuration(sources);
  if (const auto code = answer_without_running(loaded, std::cout, std::cerr))
    return *code;
  if (loaded.dev)
    return run_dev_mode(std::move(loaded.values), loaded.dev_duration);
  return run_daemon(std::move(loaded), sources);
}
