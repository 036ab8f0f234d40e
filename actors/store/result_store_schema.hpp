#pragma once

#include "actors/store/sqlite_database.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace workspace_supervisor {

/// The store's database file, opened.
struct result_file {
  /// How opening went.
  enum class outcome { opened, failed, corrupt, foreign, newer };

  std::unique_ptr<sqlite_database> database; ///< null unless opened
  outcome how = outcome::failed;
  sqlite_error error;        ///< when failed or corrupt
  std::int64_t version = 0;  ///< of a newer one
  std::int64_t identity = 0; ///< drawn when the file was created: tells whether it is still the same database
};

/// Opens or creates the file, checks it and brings its tables to the newest version. What is not ours or not
/// sound is left as it is.
result_file open_result_file(const std::string& path);

/// The newest version of the tables that is known here.
std::int64_t newest_schema();

} // namespace workspace_supervisor
