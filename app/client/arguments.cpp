#include "app/client/arguments.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace workspace_supervisor {

namespace {

constexpr std::int64_t most_told = 1000000000; ///< of the control API
constexpr std::int64_t most_results = 1000;    ///< of the control API

struct command {
  const char* name;
  std::size_t least; ///< operands
  std::size_t most;
  const char* options; ///< those of its own, each between spaces
};

constexpr std::array commands{
    command{"status", 0, 0, " --watch "},
    command{"task", 0, 1, " --done --active "},
    command{"outcome", 0, 0, " --error --success --count "},
    command{"wedge", 1, 1, " "},
    command{"unwedge", 0, 0, " "},
    command{"beat", 0, 0, " "},
    command{"results", 0, 0, " --after --limit "},
    command{"token", 1, 1, " "},
    command{"events", 0, 0, " "},
    command{"crash", 1, 1, " "},
};
constexpr const char* common_options = " --json --workspace --socket --timeout --help --version ";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string default_socket() {
  if (auto path = environment("WORKSPACE_SUPERVISOR_SOCKET"); !path.empty())
    return path;
  auto folder = environment("CONFIGS_DIR");
  return (folder.empty() ? "/configs" : folder) + "/.supervisor/control.sock";
}

const command* find_command(const std::string& name) {
  const auto* found = std::find_if(commands.begin(), commands.end(),
                                   [&](const command& entry) { return name == entry.name; });
  return found == commands.end() ? nullptr : found;
}

class reader {
public:
  reader(const std::vector<std::string>& words, client_arguments& into)
      : words_{words}
      , into_{into} {}

  void read() {
    bool only_operands = false;
    for (; next_ < words_.size() && into_.trouble.empty(); ++next_) {
      const auto& word = words_[next_];
      if (!only_operands && word == "--")
        only_operands = true;
      else if (!only_operands && word.size() > 1 && word.front() == '-')
        read_option(word);
      else if (into_.command.empty())
        into_.command = word;
      else
        into_.operands.push_back(word);
    }
  }

private:
  void read_option(const std::string& word) {
    const auto equals = word.find('=');
    auto name = word.substr(0, equals);
    if (name == "-h")
      name = "--help";
    given_.push_back(name);
    inline_value_.reset();
    if (equals != std::string::npos)
      inline_value_ = word.substr(equals + 1);
    if (name == "--json")
      into_.json = flag(name);
    else if (name == "--help")
      into_.help = flag(name);
    else if (name == "--version")
      into_.version = flag(name);
    else if (name == "--done")
      into_.done = flag(name);
    else if (name == "--success")
      into_.success = flag(name);
    else if (name == "--socket")
      into_.socket = value(name);
    else if (name == "--workspace")
      into_.workspace = value(name);
    else if (name == "--error")
      into_.error = value(name, true);
    else if (name == "--active")
      into_.tasks = number(name, 0, most_told);
    else if (name == "--count")
      into_.count = number(name, 1, most_told);
    else if (name == "--after")
      into_.after = number(name, 0, INT64_MAX);
    else if (name == "--limit")
      into_.limit = number(name, 1, most_results);
    else if (name == "--timeout")
      into_.timeout = std::chrono::seconds{number(name, 1, 3600)};
    else if (name == "--watch") {
      into_.watch = true;
      if (inline_value_)
        into_.watch_interval = std::chrono::seconds{number(name, 1, 3600)};
    } else
      refuse("there is no option " + name);
  }

  bool flag(const std::string& name) {
    if (inline_value_)
      refuse(name + " takes no value");
    return true;
  }

  std::string value(const std::string& name, bool may_be_empty = false) {
    std::string result;
    if (inline_value_)
      result = *inline_value_;
    else if (next_ + 1 < words_.size())
      result = words_[++next_];
    else
      refuse(name + " needs a value");
    if (result.empty() && !may_be_empty)
      refuse(name + " needs a value that is not empty");
    return result;
  }

  std::int64_t number(const std::string& name, std::int64_t least, std::int64_t most) {
    const auto text = value(name);
    std::int64_t result = least;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (error == std::errc{} && rest == text.data() + text.size() && result >= least && result <= most)
      return result;
    refuse(name + ": expected an integer from " + std::to_string(least) + " to " + std::to_string(most) +
           ", found \"" + text + '"');
    return least;
  }

  void refuse(const std::string& why) {
    if (into_.trouble.empty())
      into_.trouble = why;
  }

public:
  /// Whether the words make sense together.
  void check() {
    if (into_.help || into_.version || !into_.trouble.empty())
      return;
    if (into_.command.empty())
      return refuse("which command?");
    const auto* chosen = find_command(into_.command);
    if (!chosen)
      return refuse("there is no command \"" + into_.command + '"');
    for (const auto& name : given_)
      if (const auto sought = ' ' + name + ' ';
          std::string{common_options}.find(sought) == std::string::npos &&
          std::string{chosen->options}.find(sought) == std::string::npos)
        return refuse(name + " is no option of \"" + into_.command + '"');
    if (into_.operands.size() < chosen->least)
      return refuse('"' + into_.command + "\" needs " +
                    (into_.command == "wedge"   ? "a reason"
                     : into_.command == "crash" ? "an actor's name"
                                                : "\"set\""));
    if (into_.operands.size() > chosen->most)
      return refuse("\"" + into_.operands[chosen->most] +
                    "\" is too much here; a text of several words stands in quotes");
    check_command();
  }

private:
  void check_command() {
    if (into_.command == "task" && into_.done == !into_.operands.empty())
      refuse(into_.done ? "either a text or --done" : "\"task\" needs the task's text, or --done");
    else if (into_.command == "task" && into_.done && into_.tasks)
      refuse("either --active or --done");
    else if (into_.command == "outcome" && into_.success == into_.error.has_value())
      refuse("\"outcome\" needs either --success or --error TEXT");
    else if (into_.command == "token" && into_.operands.front() != "set")
      refuse("\"token\" knows \"set\" alone, and reads the token from standard input");
  }

  const std::vector<std::string>& words_;
  client_arguments& into_;
  std::size_t next_ = 0;
  std::vector<std::string> given_;
  std::optional<std::string> inline_value_;
};

} // namespace

client_arguments read_client_arguments(const std::vector<std::string>& words) {
  client_arguments result;
  result.socket = default_socket();
  result.environment_workspace = environment("WORKSPACE_ID");
  reader input{words, result};
  input.read();
  input.check();
  return result;
}

const char* client_help() {
  return R"(workspacectl COMMAND [OPTION]...

Talks to a running workspace-supervisor over its control socket.

Commands
  status [--watch[=SECONDS]]   what the supervisor and its workspaces are doing; --watch redraws it
  task TEXT [--active=N]       the agent works on this now, with N active tasks (1)
  task --done                  the agent is idle
  outcome --success [--count=N]     a request to the agent went well (N did)
  outcome --error TEXT [--count=N]  one failed, with this text
  wedge REASON                 report the runtime as stuck, until "unwedge"
  unwedge
  beat                         a heartbeat and a poll for results now; waits for both
  results [--after=SEQ] [--limit=N]  results of delegations, oldest first (the first 100)
  token set                    read a new token from standard input, save it and use it
  events                       what happens, as it happens, until interrupted
  crash ACTOR                  let an actor crash (needs supervisor.fault-injection = true)

Options of every command
  --workspace ID   default: WORKSPACE_ID, else the only one there is; "status" and "events" show all
  --socket PATH    default: WORKSPACE_SUPERVISOR_SOCKET, else .supervisor/control.sock in CONFIGS_DIR or /configs
  --json           print the supervisor's answer as it came
  --timeout SECONDS  how long an answer is waited for (15; for "beat" 90)
  --help, --version

Exit codes
  0   done; for "status": everything shown is online; for "beat": both were delivered
  1   the supervisor refused it, and the message says why
  2   the command line is wrong
  3   "status": a workspace is not online; "beat": the beat or the poll failed; "events": the stream ended
  69  no supervisor was reached, or it gave no answer in time
)";
}

} // namespace workspace_supervisor
