#pragma once

#include "actors/workspace/file_owner.hpp"
#include "messages/delegation.hpp"

#include <cstddef>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>

namespace workspace_supervisor {

/// The line that a result leaves in the results file, with its newline: JSON in ASCII. `timestamp`: seconds
/// since the epoch.
std::string results_file_line(const delegation_result& result, double timestamp);

/// The system calls that the results file is written with, so that a test can make each of them fail.
class file_operations {
public:
  virtual ~file_operations() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual int fstat(int descriptor, struct ::stat* status);
  virtual int stat(const char* path, struct ::stat* status); ///< does not follow a last symbolic link
  virtual ssize_t pread(int descriptor, void* data, std::size_t size, off_t offset);
  virtual ssize_t write(int descriptor, const void* data, std::size_t size);
  virtual int ftruncate(int descriptor, off_t size);
  virtual int fdatasync(int descriptor);
  virtual int fchmod(int descriptor, mode_t mode);
  virtual int fchown(int descriptor, uid_t user, gid_t group);
  virtual int close(int descriptor);
};

/// Appends whole lines to the results file, creating it 0600, in one write, and syncs. The agent may rename
/// the file away at any moment: before closing it is made sure that the descriptor is still the file at
/// `path`, else the lines are written again: a line may be there twice, but none is lost. A short write is
/// cut back; behind a torn line that an earlier failure left, the lines begin on a line of their own. An
/// existing file's mode stays. Blocks on the disk. A limit on the file size needs SIGXFSZ ignored.
/// @param lines whole lines, each with its newline; nothing is done when empty
/// @returns "" or what failed, with the path; then the file has no part of `lines` that could be cut back,
/// and the same call is made again later.
std::string append_results(const std::string& path, const std::string& lines, const file_owner& owner,
                           file_operations& system);

} // namespace workspace_supervisor
