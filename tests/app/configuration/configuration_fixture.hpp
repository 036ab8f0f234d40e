#pragma once

#include "app/configuration/configuration.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdlib.h>
#include <string>

namespace workspace_supervisor {

/// A folder of its own, and a loader that sees nothing of the machine but what the test gives it.
class configuration_fixture : public testing::Test {
protected:
  configuration_fixture() {
    std::string name = (std::filesystem::temp_directory_path() / "configuration-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    sources.default_file = folder + "/caf-application.conf";
    // What every configuration needs.
    sources.environment = {{"WORKSPACE_ID", "ws-a"}, {"PLATFORM_URL", "https://platform.example"}};
  }
  ~configuration_fixture() override {
    std::error_code code;
    std::filesystem::remove_all(folder, code);
  }

  void write(const std::string& text) { std::ofstream(sources.default_file, std::ios::binary) << text; }

  configuration_result load(std::vector<std::string> arguments = {}) {
    sources.arguments = std::move(arguments);
    return load_configuration(sources);
  }
  configuration_result load_file(const std::string& text, std::vector<std::string> arguments = {}) {
    write(text);
    return load(std::move(arguments));
  }

  static std::string errors_of(const configuration_result& result) {
    std::string text;
    for (const auto& error : result.errors)
      text += error.text() + '\n';
    return text;
  }
  /// The only error; fails when there are none or more.
  static std::string only_error(const configuration_result& result) {
    EXPECT_EQ(result.errors.size(), 1u) << errors_of(result);
    return result.errors.empty() ? std::string() : result.errors.front().text();
  }

  std::string folder;
  configuration_sources sources;
};

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

#define EXPECT_CONTAINS(text, part)                                                                          \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "no \"" << (part) << "\" in:\n" << (text)
#define EXPECT_LACKS(text, part) EXPECT_EQ(std::string(text).find(part), std::string::npos) << (text)

} // namespace workspace_supervisor
