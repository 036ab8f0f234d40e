#include "app/client/arguments.hpp"
#include "app/client/commands.hpp"

#include <cstdio>

int main(int argument_count, char** arguments) {
  using namespace workspace_supervisor;
  const auto read = read_client_arguments({arguments + 1, arguments + argument_count});
  if (!read.trouble.empty()) {
    std::fprintf(stderr, "workspacectl: %s\nworkspacectl --help tells more.\n", read.trouble.c_str());
    return client_usage;
  }
  if (!read.answer.empty()) {
    std::fputs(read.answer.c_str(), stdout);
    return client_done;
  }
  return run_client(read);
}
