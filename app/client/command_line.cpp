#include "app/client/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>

namespace workspace_supervisor {

namespace {

constexpr std::int64_t most_told = 1000000000; ///< of the control API
constexpr std::int64_t most_results = 1000;    ///< of the control API
constexpr std::int64_t longest_wait = 3600;    ///< seconds

/// Ends words that CLI11 would misread: no argument of a process holds it.
constexpr char mark = '\0';

CLI::Validator plain() {
  return {[](std::string& value) {
            value = written_word(std::move(value));
            return std::string{};
          },
          ""};
}

CLI::Validator not_empty() {
  return {[](std::string& value) { return std::string{value.empty() ? "expected a value, found none" : ""}; },
          ""};
}

CLI::Validator whole_number(std::int64_t least, std::int64_t most) {
  return {[=](std::string& value) {
            value = written_word(std::move(value));
            std::int64_t number = 0;
            const auto* end = value.data() + value.size();
            const auto [rest, error] = std::from_chars(value.data(), end, number);
            if (error != std::errc{} || rest != end || number < least || number > most)
              return "expected an integer from " + std::to_string(least) + " to " + std::to_string(most) +
                     ", found \"" + value + '"';
            value = std::to_string(number); // CLI11 would read 010 as 8
            return std::string{};
          },
          ""};
}

CLI::Option* add_flag(CLI::App& command, const char* name, bool& into, const char* description) {
  return command.add_flag(name, into, description)->check([](const std::string& value) {
    return value == "true" ? "" : "takes no value";
  });
}

template <class Value>
CLI::Option* add_value(CLI::App& command, const char* name, Value& into, const char* kind,
                       const char* description) {
  return command.add_option(name, into, description)->type_name(kind)->transform(plain());
}

CLI::Option* add_operand(CLI::App& command, client_arguments& into, const char* name,
                         const char* description) {
  const auto take = [&into](const std::string& value) {
    into.operands.push_back(value);
  };
  return command.add_option_function<std::string>(name, take, description)->transform(plain());
}

void add_seconds(CLI::Option* option, std::chrono::milliseconds& into) {
  option->transform(whole_number(1, longest_wait))->each([&into](const std::string& value) {
    into = std::chrono::seconds{std::stoll(value)};
  });
}

void add_common_options(CLI::App& program, client_arguments& into) {
  program.set_help_flag("-h,--help", "say what there is, of all or of one command");
  program.set_version_flag("--version", "workspacectl " WORKSPACE_SUPERVISOR_VERSION,
                           "say which version this is");
  add_value(program, "--workspace", into.workspace, "ID",
            "which one; else WORKSPACE_ID, else the only one there is; \"status\" and \"events\" show all")
      ->check(not_empty());
  add_value(program, "--socket", into.socket, "PATH",
            "the control socket; else WORKSPACE_SUPERVISOR_SOCKET, else .supervisor/control.sock in "
            "CONFIGS_DIR or /configs")
      ->envname("WORKSPACE_SUPERVISOR_SOCKET")
      ->check(not_empty());
  add_flag(program, "--json", into.json, "print the supervisor's answer as it came");
  add_seconds(
      program
          .add_option("--timeout", CLI::callback_t{},
                      "how long an answer is waited for (15; \"health\" 5, \"beat\" and \"agent\" 90, "
                      "\"workspace\" and \"reload\" 300)")
          ->type_name("SECONDS")
          ->transform(plain()),
      into.timeout);
}

void add_status(CLI::App& program, client_arguments& into) {
  auto* status = program.add_subcommand("status", "what the supervisor and its workspaces are doing");
  const std::string redraw = "redraw it every so many seconds (1), also while the supervisor restarts";
  auto* watch = status->add_flag("--watch{1}", redraw)->option_text("[=SECONDS]");
  watch->each([&into](const std::string&) { into.watch = true; });
  add_seconds(watch, into.watch_interval);
}

void add_health(CLI::App& program, client_arguments& into) {
  auto* health =
      program.add_subcommand("health", "whether the supervisor works: for a container's health check");
  add_flag(*health, "--ready", into.ready,
           "whether its workspaces are online and results are saved, which a restart does not mend");
}

void add_task(CLI::App& program, client_arguments& into) {
  auto* task = program.add_subcommand("task", "the agent works on this now, or on nothing");
  auto* text =
      add_operand(*task, into, "TEXT", "what it works on; one that looks like an option goes after --");
  auto* active = add_value(*task, "--active", into.tasks, "N", "with how many active tasks (1)")
                     ->transform(whole_number(0, most_told));
  add_flag(*task, "--done", into.done, "the agent is idle")->excludes(text)->excludes(active);
  task->final_callback([&into] {
    if (!into.done && into.operands.empty())
      throw CLI::ValidationError(R"("task" needs the task's text, or --done)");
  });
}

void add_outcome(CLI::App& program, client_arguments& into) {
  auto* outcome = program.add_subcommand("outcome", "a request to the agent went well or failed");
  auto* success = add_flag(*outcome, "--success", into.success, "it went well");
  add_value(*outcome, "--error", into.error, "TEXT", "it failed with this text")->excludes(success);
  add_value(*outcome, "--count", into.count, "N", "so many did (1)")->transform(whole_number(1, most_told));
  outcome->final_callback([&into] {
    if (!into.success && !into.error)
      throw CLI::ValidationError(R"("outcome" needs either --success or --error TEXT)");
  });
}

void add_agent(CLI::App& program, client_arguments& into) {
  auto* agent = program.add_subcommand("agent", "the process of an agent that the supervisor launches");
  agent->require_subcommand(1);
  const auto add = [agent, &into](const char* name, const char* description) {
    agent->add_subcommand(name, description)->final_callback([&into, name] { into.operands = {name}; });
  };
  add("restart", "end it and start it again");
  add("stop", "end it, and do not start it again until \"agent start\"");
  add("start", "start it, if it does not run");
}

void add_workspace(CLI::App& program, client_arguments& into) {
  auto* workspace = program.add_subcommand("workspace", "the workspaces that the supervisor keeps alive");
  workspace->require_subcommand(1);
  const auto add = [workspace, &into](const char* name, const char* description) {
    auto* command = workspace->add_subcommand(name, description);
    add_operand(*command, into, "ID", "its id, as the platform knows it")->required();
    command->final_callback([&into, name] { into.operands.insert(into.operands.begin(), name); });
    return command;
  };
  auto* added = add("add", "keep a further one alive, from now on and after restarts");
  add_value(*added, "--configs-dir", into.configs_dir, "PATH", "the folder that holds its token")->required();
  add_value(*added, "--results-file", into.results_file, "PATH",
            "where its results are left (delegation_results.jsonl in that folder)");
  add_value(*added, "--platform-url", into.platform_url, "URL",
            "its platform's base URL (the one that is configured)");
  add_value(*added, "--own-socket", into.own_socket, "PATH", "a control socket that serves it alone (none)");
  add("remove", "let go of one that was added so, and forget what is kept of it; its files stay");
}

void add_results(CLI::App& program, client_arguments& into) {
  auto* results = program.add_subcommand("results", "results of delegations, oldest first");
  add_value(*results, "--after", into.after, "SEQ", "those after this one (0)")
      ->transform(whole_number(0, INT64_MAX));
  add_value(*results, "--limit", into.limit, "N", "at most so many (100), up to 1000")
      ->transform(whole_number(1, most_results));
}

} // namespace

std::shared_ptr<CLI::App> client_command_line(client_arguments& into) {
  auto program = std::make_shared<CLI::App>(
      "Talks to a running workspace-supervisor over its control socket.", "workspacectl");
  program->option_defaults()->take_last();
  program->fallthrough()->require_subcommand(1);
  program->formatter_fn([](const CLI::App* shown, const std::string&, CLI::AppFormatMode) {
    return command_line_help(*shown);
  });
  add_common_options(*program, into);

  add_status(*program, into);
  add_health(*program, into);
  add_task(*program, into);
  add_outcome(*program, into);
  auto* wedge = program->add_subcommand("wedge", "report the runtime as stuck, until \"unwedge\"");
  add_operand(*wedge, into, "REASON", "why it is stuck")->required();
  program->add_subcommand("unwedge", "report the runtime as healthy");
  auto* progress = program->add_subcommand("progress", "the agent's task goes on, however long it takes");
  add_operand(*progress, into, "NOTE", "how far it is");
  add_agent(*program, into);
  program->add_subcommand("beat", "a heartbeat and a poll for results now; waits for both");
  add_results(*program, into);
  auto* token = program->add_subcommand("token", "the token of the workspace")->require_subcommand(1);
  token->add_subcommand("set", "read a new token from standard input, save it and use it");
  add_workspace(*program, into);
  program->add_subcommand("reload", "have the configuration read again, and say what was taken up");
  program->add_subcommand("events", "what happens, as it happens, until interrupted");
  auto* crash =
      program->add_subcommand("crash", "let an actor crash (needs supervisor.fault-injection = true)");
  add_operand(*crash, into, "ACTOR", "its name, as \"status\" has it")->required();

  program->footer(R"(Exit codes
  0   done; for "status": everything shown is online; for "health": it is well;
      for "beat": both were delivered
  1   the supervisor refused it, and the message says why
  2   the command line is wrong
  3   "status": a workspace is not online; "health": it is not well;
      "beat": the beat or the poll failed; "events": the stream ended
  69  no supervisor was reached, or it gave no answer in time
)");
  return program;
}

void read_command_line(CLI::App& description, const std::vector<std::string>& words) {
  std::vector<std::string> backwards{words.rbegin(), words.rend()};
  // CLI11 would take the next word for the value of `--name=`, and "++" for the end of a command.
  for (auto& word : backwards)
    if (word == "++" || (word.starts_with("--") && word.find('=') == word.size() - 1))
      word += mark;
  description.parse(backwards);
}

std::string written_word(std::string word) {
  if (!word.empty() && word.back() == mark)
    word.pop_back();
  return word;
}

} // namespace workspace_supervisor
