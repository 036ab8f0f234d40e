#include "app/configuration/configuration.hpp"
#include "app/configuration/exit_code.hpp"
#include "app/daemon.hpp"
#include "app/dev/dev_mode.hpp"

#include <exception>
#include <iostream>
#include <malloc.h>
#include <utility>

namespace workspace_supervisor {
namespace {

int run(int argument_count, char** arguments) {
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

} // namespace
} // namespace workspace_supervisor

int main(int argument_count, char** arguments) {
  try {
    return workspace_supervisor::run(argument_count, arguments);
  } catch (const std::exception& problem) {
    std::cerr << "workspace-supervisor: cannot start: " << problem.what() << std::endl;
    return workspace_supervisor::exit_gave_up;
  }
}
