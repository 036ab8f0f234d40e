#pragma once

#include <memory>
#include <string>

namespace workspace_supervisor {

/// The lock on a state directory, held while it exists.
class state_directory {
public:
  struct attempt {
    std::unique_ptr<state_directory> directory; ///< null when not usable
    bool locked_by_other = false;               ///< another supervisor holds it: exit code 75
    std::string error;                          ///< what failed, and what to do
  };
  /// Creates the directory when missing and locks it. Nobody else can look into it (0700); `others_pass`: who
  /// knows the name of something in it can go there (0711), as an agent of another user to the control
  /// socket.
  static attempt open(const std::string& path, bool others_pass = false);
  ~state_directory();
  state_directory(const state_directory&) = delete;
  state_directory& operator=(const state_directory&) = delete;

private:
  explicit state_directory(int descriptor)
      : descriptor_(descriptor) {}
  int descriptor_;
};

} // namespace workspace_supervisor
