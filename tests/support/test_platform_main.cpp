// The test platform as a process of its own: it outlives the supervisors that a test kills, and scripts can
// order faults and read the record with curl, under /_admin/.

#include "app/dev_platform/platform.hpp"
#include "tests/support/certificates.hpp"

#include <cstdio>
#include <cstdlib>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>

using namespace workspace_supervisor;

namespace {

constexpr const char* usage =
    "test-platform [--port=N] [--admin-port=N] [--https-dir=DIR [--certificate=NAME]] [--prefix=/PATH]\n"
    "              [--liveness-ttl-ms=N] [--message-status=200|202] [--counting] [--die-with-parent]\n"
    "              [--workspace=ID:NAME:PARENT:TOKEN[:TOKEN-FILE]]... [--workspaces=N]\n"
    "An option's value may also follow as the next argument. A workspace without TOKEN gets a new one "
    "(written to its\n"
    "TOKEN-FILE, and seen in GET /_admin/state). --workspaces=N adds ws-0 to ws-(N-1) with tokens token-0 "
    "and so on.\n"
    "DIR gets ca.pem and certificates; NAME is good (the default), expired, wrong-host, self-signed or "
    "other-ca.\n";

struct arguments {
  platform_options options;
  std::string https_folder;
  std::string certificate = "good";
  std::vector<std::string> workspaces;
  unsigned long many = 0;
};

unsigned long number(const std::string& text) {
  std::size_t end = 0;
  auto value = std::stoul(text, &end);
  if (end != text.size())
    throw std::invalid_argument("not a number: " + text);
  return value;
}

arguments parse(int count, char** values) {
  arguments parsed;
  parsed.options.admin = true;
  for (int i = 1; i < count; ++i) {
    std::string name = values[i];
    if (name == "--counting") {
      parsed.options.recording = platform_recording::counting;
      continue;
    }
    if (name == "--die-with-parent") {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      continue;
    }
    std::string value;
    if (auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (i + 1 < count) {
      value = values[++i];
    } else {
      throw std::invalid_argument("no value for " + name);
    }
    if (name == "--port")
      parsed.options.port = static_cast<std::uint16_t>(number(value));
    else if (name == "--admin-port")
      parsed.options.admin_port = static_cast<std::uint16_t>(number(value));
    else if (name == "--https-dir")
      parsed.https_folder = value;
    else if (name == "--certificate")
      parsed.certificate = value;
    else if (name == "--prefix")
      parsed.options.prefix = value;
    else if (name == "--liveness-ttl-ms")
      parsed.options.liveness_ttl = std::chrono::milliseconds{number(value)};
    else if (name == "--message-status")
      parsed.options.message_status = static_cast<int>(number(value));
    else if (name == "--workspace")
      parsed.workspaces.push_back(value);
    else if (name == "--workspaces")
      parsed.many = number(value);
    else
      throw std::invalid_argument("no such option: " + name);
  }
  return parsed;
}

certificate_files chosen(const test_certificates& made, const std::string& name) {
  if (name == "good")
    return made.good;
  if (name == "expired")
    return made.expired;
  if (name == "wrong-host")
    return made.wrong_host;
  if (name == "self-signed")
    return made.self_signed;
  if (name == "other-ca")
    return made.other_ca;
  throw std::invalid_argument("no such certificate: " + name);
}

/// ID:NAME:PARENT:TOKEN[:TOKEN-FILE]; the file may have colons in it.
void add_workspace(platform_server& server, const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == ':' && parts.size() < 5)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  parts.resize(5);
  server.add_workspace(parts[0], parts[1].empty() ? parts[0] : parts[1], parts[2], parts[3], parts[4]);
  if (!parts[4].empty() && !server.write_token_file(parts[0]))
    throw std::runtime_error("cannot write " + parts[4]);
}

} // namespace

int main(int count, char** values) {
  // Blocked before the server's thread starts, which inherits it: they are taken by sigwait alone.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);
  try {
    auto parsed = parse(count, values);
    if (!parsed.https_folder.empty()) {
      auto files = chosen(make_certificates(parsed.https_folder), parsed.certificate);
      parsed.options.certificate_file = files.certificate;
      parsed.options.key_file = files.key;
    }
    platform_server server{parsed.options};
    for (const auto& workspace : parsed.workspaces)
      add_workspace(server, workspace);
    for (unsigned long i = 0; i < parsed.many; ++i)
      server.add_workspace("ws-" + std::to_string(i), "workspace " + std::to_string(i), "",
                           "token-" + std::to_string(i));
    std::printf("listening on %s\nadmin on %s\n", server.url().c_str(), server.admin_url().c_str());
    std::fflush(stdout);
    int taken = 0;
    sigwait(&ending, &taken);
    return EXIT_SUCCESS;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "test-platform: %s\n%s", error.what(), usage);
    return 64;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "test-platform: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
