#include "app/documents/documented_program.hpp"

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace workspace_supervisor {
namespace {

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::binary};
  file << text;
  file.close();
  if (!file)
    throw std::runtime_error("cannot write " + path.string());
}

void write_all(const std::filesystem::path& folder) {
  for (const auto& program : {describe_supervisor(), describe_client()}) {
    write(folder / "man" / (program.name + ".1"), program_manual(program));
    write(folder / "bash" / program.name, bash_completion(program));
    write(folder / "zsh" / ("_" + program.name), zsh_completion(program));
    write(folder / "fish" / (program.name + ".fish"), fish_completion(program));
  }
  write(folder / "man/caf-application.conf.5", configuration_manual());
}

} // namespace
} // namespace workspace_supervisor

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: make-documents FOLDER\n";
    return 2;
  }
  try {
    workspace_supervisor::write_all(arguments[1]);
    return 0;
  } catch (const std::exception& problem) {
    std::cerr << "make-documents: " << problem.what() << '\n';
    return 1;
  }
}
