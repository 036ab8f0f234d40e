#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace workspace_supervisor {

/// A directory of a test's own, removed with all it holds.
class temporary_directory {
public:
  explicit temporary_directory(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string pattern = (parent / "supervisor-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::filesystem::filesystem_error("mkdtemp", std::error_code(errno, std::generic_category()));
    }
    path_ = pattern;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + '/' + name; }

private:
  std::string path_;
};

/// Without root's rights while it exists, so that permissions count in a test that root runs.
class without_root {
public:
  without_root() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  without_root(const without_root&) = delete;
  without_root& operator=(const without_root&) = delete;
  ~without_root() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }

private:
  bool was_root_ = ::geteuid() == 0;
};

/// Sets the umask while it exists.
class with_umask {
public:
  explicit with_umask(mode_t mask)
      : before_(::umask(mask)) {}
  with_umask(const with_umask&) = delete;
  with_umask& operator=(const with_umask&) = delete;
  ~with_umask() { ::umask(before_); }

private:
  mode_t before_;
};

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_content(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline mode_t mode_of(const std::string& path) {
  struct ::stat status = {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

inline std::size_t files_in(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

} // namespace workspace_supervisor
