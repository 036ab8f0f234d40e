#include "app/configuration/configuration_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace workspace_supervisor {

std::optional<std::string> read_configuration_bytes(const std::string& path, std::string& error,
                                                    bool& missing) {
  missing = false;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    missing = errno == ENOENT || errno == ENOTDIR;
    error = std::strerror(errno);
    return std::nullopt;
  }
  std::string bytes;
  char buffer[65536];
  while (true) {
    const auto count = ::read(descriptor, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0) {
      error = std::strerror(errno);
      ::close(descriptor);
      return std::nullopt;
    }
    if (count == 0)
      break;
    bytes.append(buffer, static_cast<std::size_t>(count));
    if (bytes.size() > configuration_bounds::bytes) {
      error = "larger than " + std::to_string(configuration_bounds::bytes) + " bytes";
      ::close(descriptor);
      return std::nullopt;
    }
  }
  ::close(descriptor);
  return bytes;
}

} // namespace workspace_supervisor
