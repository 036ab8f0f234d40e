#pragma once

#include "actors/results_file/results_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace workspace_supervisor {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The real calls, with one failure or one event to order. Every call counts as a step.
class failing_operations : public file_operations {
public:
  int fail_at = -1;         ///< the step that fails with `code`; -1: none
  int fail_every_from = -1; ///< every step from this one on fails
  int code = EIO;
  ssize_t short_write = -1; ///< a write takes only this many bytes, once
  std::function<void()> before_write;
  std::function<void()> before_sync;
  std::function<void()> before_check; ///< before each look at the path
  int steps = 0;
  int writes = 0;
  int truncations = 0;
  bool cut_back_failed = false;
  std::string failed_call;

  int open(const char* path, int flags, mode_t mode) override {
    return fails("open") ? -1 : file_operations::open(path, flags, mode);
  }
  int fstat(int descriptor, struct ::stat* status) override {
    return fails("fstat") ? -1 : file_operations::fstat(descriptor, status);
  }
  int stat(const char* path, struct ::stat* status) override {
    if (before_check) {
      before_check();
    }
    return fails("stat") ? -1 : file_operations::stat(path, status);
  }
  ssize_t pread(int descriptor, void* data, std::size_t size, off_t offset) override {
    return fails("pread") ? -1 : file_operations::pread(descriptor, data, size, offset);
  }
  ssize_t write(int descriptor, const void* data, std::size_t size) override {
    ++writes;
    if (before_write) {
      before_write();
    }
    if (fails("write")) {
      return -1;
    }
    if (short_write >= 0 && static_cast<std::size_t>(short_write) < size) {
      size = static_cast<std::size_t>(short_write);
      short_write = -1;
      return size == 0 ? 0 : file_operations::write(descriptor, data, size);
    }
    return file_operations::write(descriptor, data, size);
  }
  int ftruncate(int descriptor, off_t size) override {
    ++truncations;
    if (fails("ftruncate")) {
      cut_back_failed = true;
      return -1;
    }
    return file_operations::ftruncate(descriptor, size);
  }
  int fdatasync(int descriptor) override {
    if (before_sync) {
      before_sync();
    }
    return fails("fdatasync") ? -1 : file_operations::fdatasync(descriptor);
  }
  int fchmod(int descriptor, mode_t mode) override {
    return fails("fchmod") ? -1 : file_operations::fchmod(descriptor, mode);
  }
  int fchown(int descriptor, uid_t user, gid_t group) override {
    return fails("fchown") ? -1 : file_operations::fchown(descriptor, user, group);
  }
  int close(int descriptor) override {
    // As the kernel does: the descriptor is gone even if closing it failed.
    const int result = file_operations::close(descriptor);
    return fails("close") ? -1 : result;
  }

private:
  bool fails(const char* call) {
    const int step = steps++;
    if (step != fail_at && (fail_every_from < 0 || step < fail_every_from)) {
      return false;
    }
    failed_call = call;
    errno = code;
    return true;
  }
};

class append_results_test : public testing::Test {
protected:
  std::string append(const std::string& lines) { return append_results(path, lines, owner, system); }

  temporary_directory directory;
  std::string path = directory.file("results.jsonl");
  file_owner owner;
  failing_operations system;
};

} // namespace workspace_supervisor
