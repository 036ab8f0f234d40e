#pragma once

#include <sys/types.h>

namespace workspace_supervisor {

/// Who else may own a file that the agent shares with us, and is given it when it is created.
struct file_owner {
  bool given = false; ///< false: it is ours
  uid_t user = 0;
  gid_t group = 0;
};

} // namespace workspace_supervisor
