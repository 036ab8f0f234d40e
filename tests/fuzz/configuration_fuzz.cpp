#include "app/configuration/configuration.hpp"
#include "tests/support/fuzz_input.hpp"

#include <fstream>
#include <sstream>

using namespace workspace_supervisor;

namespace {

std::string file_of(std::string_view text) {
  auto path = memory_folder() + "/caf-application.conf";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

/// Words to a line, until an empty one.
std::vector<std::string> lines(fuzz_input& input) {
  std::vector<std::string> found(1);
  while (!input.empty()) {
    const auto character = static_cast<char>(input.byte());
    if (character == '\0')
      continue; // no argument of a process holds it, nor its environment
    if (character != '\n')
      found.back() += character;
    else if (found.back().empty())
      break;
    else
      found.emplace_back();
  }
  if (found.back().empty())
    found.pop_back();
  return found;
}

void check(const configuration_result& result) {
  for (const auto& error : result.errors) {
    must(!error.place.empty() && !error.message.empty(), "an error names its place and what was expected",
         error.text());
    must(is_utf8(error.text()), "an error is UTF-8", error.text());
    must(error.text().find('\n') == std::string::npos, "an error is one line", error.text());
  }
  for (const auto& warning : result.warnings)
    must(is_utf8(warning), "a warning is UTF-8", warning);
  std::ostringstream output, errors;
  const auto code = answer_without_running(result, output, errors);
  must(!code || *code == 0 || *code == 78, "it ends with 0 or 78, or runs");
  must(code || result.errors.empty(), "it does not run with errors");
}

} // namespace

/// Arguments, a line each, an empty line, the environment, an empty line, the file: it is read, or every
/// error has its place. What
/// --check-config prints is a configuration file with the same meaning.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  configuration_sources sources;
  for (auto& argument : lines(input))
    // Files besides the one here may be anything, a terminal too.
    if (argument.find("config-file") == std::string::npos)
      sources.arguments.push_back(std::move(argument));
  for (const auto& line : lines(input))
    if (const auto equals = line.find('='); equals != std::string::npos)
      sources.environment[line.substr(0, equals)] = line.substr(equals + 1);
  sources.default_file = file_of(input.rest());
  const auto result = load_configuration(sources);
  check(result);
  if (!result.errors.empty() || result.help || result.version || result.dev)
    return 0;
  const auto printed = effective_configuration_text(result);
  configuration_sources again;
  again.default_file = file_of(printed);
  const auto same = load_configuration(again);
  must(same.errors.empty(), "what is printed can be read",
       same.errors.empty() ? "" : same.errors.front().text());
  must(same.effective.size() == result.effective.size(), "and has the same keys", printed);
  for (std::size_t index = 0; index < same.effective.size(); ++index)
    must(same.effective[index].key == result.effective[index].key &&
             same.effective[index].value == result.effective[index].value,
         "and the same values", printed);
  return 0;
}
