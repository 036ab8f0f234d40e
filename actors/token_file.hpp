#pragma once

#include "actors/results_file.hpp"

#include <string>

namespace workspace_supervisor {

/// A token as read from disk.
struct token_reading {
  std::string token; ///< empty: none
  std::string
      reason; ///< why there is none: "missing", "empty", "unreadable: ...", "too large", ...; no token text
};

/// Reads DIRECTORY/.auth_token and trims white space. A FIFO, a device or a file of more than 8 KiB is
/// refused without reading it. Blocks on the disk.
token_reading read_token(const std::string& configs_dir);

/// Replaces DIRECTORY/.auth_token atomically (temporary file of mode 0600, fsync, rename, fsync of the
/// directory). An identical token is not written. Blocks on the disk.
/// @returns "" or what failed, without the token. An empty token, one of more than 8 KiB after trimming or
/// with a control character inside is refused.
std::string save_token(const std::string& configs_dir, const std::string& token, const file_owner& owner);

} // namespace workspace_supervisor
