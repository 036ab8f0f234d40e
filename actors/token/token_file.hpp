#pragma once

#include "actors/workspace/file_owner.hpp"

#include <string>

namespace workspace_supervisor {

/// A token as read from disk.
struct token_reading {
  std::string token; ///< empty: none
  /// Why there is none, without text of the file: "missing", "empty", "unreadable: ...", "too large: ...",
  /// "not a regular file", "has a control character inside".
  std::string reason;
};

/// Reads DIRECTORY/.auth_token, or what it links to, and trims ASCII white space. A FIFO, a device or a file
/// of more than 8 KiB is refused. Blocks on the disk.
token_reading read_token(const std::string& configs_dir);

/// Replaces DIRECTORY/.auth_token atomically (temporary file of mode 0600 beside it, fsync, rename, fsync of
/// the directory). Where it is a symbolic link, the file that it names is replaced and the link stays. An
/// identical token is not written. Blocks on the disk. One call at a time for a directory.
/// @returns "" or what failed, without the token. An empty token, one of more than 8 KiB after trimming or
/// with a control character inside is refused.
std::string save_token(const std::string& configs_dir, const std::string& token, const file_owner& owner);

} // namespace workspace_supervisor
