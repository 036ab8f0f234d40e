#pragma once

#include <string>
#include <sys/types.h>

namespace workspace_supervisor {

/// A listening Unix socket and the file by which it is found. Owns neither the descriptor nor the file.
struct bound_unix_socket {
  int descriptor = -1; ///< listening, non-blocking; -1: none
  std::string path;
  dev_t device = 0; ///< of the file
  ino_t inode = 0;  ///< of the file
  bool in_use = false;
  std::string error; ///< empty when it listens
};

/// Binds `path` with mode 0600 from the first moment, and listens. What a dead process has left there is
/// replaced; a socket that somebody listens on is left alone.
bound_unix_socket bind_unix_socket(const std::string& path);

/// Removes the socket's file if it is still the one that was bound.
void remove_unix_socket(const bound_unix_socket& socket);

} // namespace workspace_supervisor
