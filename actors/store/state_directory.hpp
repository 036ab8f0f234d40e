#pragma once

#include <memory>
#include <string>

namespace workspace_supervisor {

/// The lock on a state directory, held while it exists.
class state_directory {
public:
  /// Creates the directory (0700) when missing and locks it.
  struct attempt {
    std::unique_ptr<state_directory> directory; ///< null when not usable
    bool locked_by_other = false;               ///< another supervisor holds it: exit code 75
    std::string error;                          ///< what failed, and what to do
  };
  static attempt open(const std::string& path);
  ~state_directory();
  state_directory(const state_directory&) = delete;
  state_directory& operator=(const state_directory&) = delete;

private:
  explicit state_directory(int descriptor)
      : descriptor_(descriptor) {}
  int descriptor_;
};

} // namespace workspace_supervisor
