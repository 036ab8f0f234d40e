#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace workspace_supervisor::sqlite_fault {

/// What SQLite asks of the file system, counted as one operation each.
enum class operation { open, remove, access, read, write, truncate, sync, size, lock };

/// What the operation that is hit answers.
enum class kind {
  io_error,  ///< the SQLITE_IOERR_* of the operation; SQLITE_CANTOPEN for an open
  disk_full, ///< SQLITE_FULL; only of writes, and only these are counted
  die,       ///< the process ends before the operation, as by kill -9
  die_torn   ///< it ends in the middle of a write; only writes are counted
};

/// Makes the shim the default VFS of the process, above the one that was it. May be called again.
void install();

/// The `at`-th operation from now (1: the next) is hit, and all after it if `lasting`.
void arm(kind what, std::int64_t at, bool lasting);
void disarm();
/// Operations counted since `arm`.
std::int64_t counted();
/// Whether one was hit since `arm`.
bool hit();

} // namespace workspace_supervisor::sqlite_fault
