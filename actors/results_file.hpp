#pragma once

#include "messages/delegation.hpp"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace workspace_supervisor {

/// The line that a result leaves in the results file, with its newline. `timestamp`: seconds since the epoch.
std::string results_file_line(const delegation_result& result, double timestamp);

/// The system calls that the results file is written with, so that a test can make each of them fail.
class file_operations {
public:
  virtual ~file_operations() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual int fstat(int descriptor, struct ::stat* status);
  virtual int stat(const char* path, struct ::stat* status); ///< does not follow a last symbolic link
  virtual ssize_t write(int descriptor, const void* data, std::size_t size);
  virtual int ftruncate(int descriptor, off_t size);
  virtual int fdatasync(int descriptor);
  virtual int fchown(int descriptor, uid_t user, gid_t group);
  virtual int close(int descriptor);
};

/// Who else may own the results file, and is given it when it is created.
struct file_owner {
  bool given = false; ///< false: ours alone
  uid_t user = 0;
  gid_t group = 0;
};

/// Appends whole lines to the results file, creating it 0600, in one write, and syncs. The agent may rename
/// the file away at any moment: before closing it is made sure that the descriptor is still the file at
/// `path`, else the lines are written again. A short write is cut back. Blocks on the disk.
/// @returns "" or what failed, with the path; then the file has no part of `lines` that could be cut back.
std::string append_results(const std::string& path, const std::string& lines, const file_owner& owner,
                           file_operations& system);

} // namespace workspace_supervisor
