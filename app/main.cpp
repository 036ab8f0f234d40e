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
  auto loaded = load_configuration(configuration_sources::of_process(argument_count, arguments));
  if (const auto code = answer_without_running(loaded, std::cout, std::cerr))
    return *code;
  loaded.effective = {}; // with thousands of workspaces it is long, and nobody asks for it any more
  if (loaded.dev)
    return run_dev_mode(std::move(loaded.values), loaded.dev_duration);
  return run_daemon(std::move(loaded.values), loaded.warnings);
}
