#pragma once

#include "tests/actors/store/result_store_scenario.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <fstream>

namespace workspace_supervisor {

/// A durable store in a folder of its own, whose database is also reached behind its back.
class store_in_a_folder : public testing::Test {
protected:
  std::unique_ptr<result_store> open() { return make_durable_store(folder_.path()); }

  std::string database() const { return folder_ / "results.db"; }

  void execute(const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(handle);
    sqlite3_close(handle);
  }

  int count(const std::string& table) {
    int rows = -1;
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(database().c_str(), &handle), SQLITE_OK);
    sqlite3_exec(
        handle, ("select count(*) from " + table).c_str(),
        [](void* into, int, char** values, char**) {
          *static_cast<int*>(into) = std::stoi(values[0]);
          return 0;
        },
        &rows, nullptr);
    sqlite3_close(handle);
    return rows;
  }

  /// Databases, without the logs that went with them.
  std::vector<std::string> moved_aside() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator{folder_.path()}) {
      auto name = entry.path().filename().string();
      if (name.starts_with("results.db.corrupt-") && !name.ends_with("-wal"))
        names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static std::string contents(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  void write(const std::string& text) { std::ofstream{database(), std::ios::binary} << text; }

  temporary_folder folder_;
};

} // namespace workspace_supervisor
