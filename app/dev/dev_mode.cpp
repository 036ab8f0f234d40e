#include "app/dev/dev_mode.hpp"

#include "actors/store/result_store.hpp"
#include "actors/store/state_directory.hpp"
#include "app/configuration/exit_code.hpp"
#include "app/control/control.hpp"
#include "app/dev/dev_screen.hpp"
#include "app/dev_platform/platform.hpp"
#include "app/runtime/runtime.hpp"
#include "app/runtime/signals.hpp"
#include "app/runtime/tree.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

using clock = std::chrono::steady_clock;
using source = dev_screen::source;
using mood = dev_screen::mood;

const std::string workspace_id = "dev-workspace";
const std::string parent_id = "dev-parent";

/// A folder that goes with the process.
class temporary_folder {
public:
  temporary_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "workspace-supervisor-dev-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("cannot make a temporary folder: " + pattern);
    path_ = pattern;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// What must have gone through at least once.
struct achievements {
  std::atomic<int> beats{0};
  std::atomic<int> rotations{0};
  std::atomic<int> beats_after_rotation{0};
  std::atomic<int> delegations{0};
  std::atomic<int> filed{0};
  std::atomic<int> messages{0};
  std::atomic<int> notifications{0};
  std::atomic<int> crashes{0};
  std::atomic<int> restarts{0};
};

/// A workspace in intervals of a second or two, in temporary places.
settings dev_settings(settings configuration, const std::string& folder, const std::string& platform_url) {
  workspace_settings workspace;
  workspace.id = workspace_id;
  workspace.platform_url = platform_url;
  workspace.configs_dir = folder + "/configs";
  workspace.results_file = folder + "/delegation_results.jsonl";
  configuration.workspaces = {workspace};
  configuration.state_dir = folder + "/state";
  configuration.control.socket = folder + "/state/control.sock";
  configuration.control.http = "127.0.0.1:0";
  configuration.heartbeat.interval = milliseconds{2000};
  configuration.heartbeat.timeout = milliseconds{2000};
  configuration.heartbeat.retry_min = milliseconds{250};
  configuration.heartbeat.liveness_ttl = milliseconds{6000};
  configuration.delegation.interval = milliseconds{1000};
  configuration.delegation.timeout = milliseconds{2000};
  configuration.notifier.cooldown = milliseconds{3000};
  configuration.notifier.timeout = milliseconds{5000};
  configuration.notifier.max_per_hour = 100000;
  configuration.supervisor.fault_injection = true;
  configuration.level = log_level::debug;
  return configuration;
}

/// The things that happen to a workspace, one after the other, again and again.
class scenario {
public:
  scenario(platform_server& platform, process_context& process, dev_screen& screen, achievements& done,
           const std::string& results_file)
      : platform_{platform}
      , workspace_{*process.workspaces.first()}
      , screen_{screen}
      , done_{done}
      , results_file_{results_file} {}

  /// Does what is due `second` seconds after the start.
  void step(int second) {
    consume_results();
    switch (second % 16) {
    case 1:
      return delegate("completed", "Summarise the quarterly numbers", "Revenue is up 12 %.", "");
    case 3:
      return work(1, "Reading the summary");
    case 5:
      return rotate();
    case 7:
      return delegate("failed", "Book a room for Friday", "", "no room is free");
    case 9:
      return refuse_beats();
    case 11:
      return work(0, "");
    case 12:
      return crash();
    case 14:
      return delegate("completed", "Translate the minutes", "Voici le procès-verbal.", "");
    default:
      return;
    }
  }

  /// Takes the results file away as an agent does: rename, read, delete.
  void consume_results() {
    const auto taken = results_file_ + ".taken";
    if (std::rename(results_file_.c_str(), taken.c_str()) != 0)
      return;
    std::ifstream file{taken};
    int lines = 0;
    for (std::string line; std::getline(file, line);)
      ++lines;
    std::remove(taken.c_str());
    screen_.line(source::agent, mood::plain, "results read",
                 std::to_string(lines) + (lines == 1 ? " line" : " lines") + " of the results file");
  }

private:
  void delegate(const std::string& status, const std::string& summary, const std::string& preview,
                const std::string& error) {
    platform_delegation row;
    char id[40];
    ++delegations_;
    std::snprintf(id, sizeof id, "%08x-dev-%d", 0xd1e60000U + static_cast<unsigned>(delegations_),
                  delegations_);
    row.delegation_id = id;
    row.source_id = workspace_id;
    row.target_id = "dev-helper";
    row.summary = summary;
    row.status = status;
    row.error = error;
    row.response_preview = preview;
    platform_.add_delegation(workspace_id, row);
    screen_.line(source::platform, mood::plain, "delegation " + status, summary);
  }

  void work(std::int64_t tasks, const std::string& task) {
    screen_.line(source::agent, mood::plain, tasks > 0 ? "starts a task" : "is idle", task);
    set_activity change;
    change.has_active_tasks = change.has_current_task = true;
    change.active_tasks = tasks;
    change.current_task = task;
    if (const auto activity = workspace_.activity.get())
      caf::anon_send(activity, change);
  }

  void rotate() {
    screen_.line(source::platform, mood::plain, "rotates the token", "the old one is refused from now on");
    platform_.rotate_token(workspace_id);
    ++done_.rotations;
  }

  void refuse_beats() {
    screen_.line(source::platform, mood::plain, "has a bad moment",
                 "the next two beats are answered with 503");
    platform_fault fault;
    fault.kind = request_class::beat;
    fault.status = 503;
    fault.times = 2;
    platform_.order(fault);
  }

  void crash() {
    screen_.line(source::supervisor, mood::plain, "fault injected",
                 "the notifier throws at its next message");
    ++done_.crashes;
    if (const auto notifier = workspace_.notifier.get())
      crash_actor(notifier, "injected by the dev mode");
  }

  platform_server& platform_;
  workspace_context& workspace_;
  dev_screen& screen_;
  achievements& done_;
  std::string results_file_;
  int delegations_ = 0;
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n')).substr(0, 100);
}

/// Tells what the platform sees, and counts what went through.
void take(const platform_event& happened, dev_screen& screen, achievements& done) {
  const bool accepted = happened.status >= 200 && happened.status < 300;
  switch (happened.what) {
  case platform_event::kind::online:
    return screen.line(source::platform, mood::good, "workspace online", happened.workspace);
  case platform_event::kind::offline:
    return screen.line(source::platform, mood::bad, "workspace offline", happened.workspace);
  case platform_event::kind::request:
    break;
  default:
    return;
  }
  if (!accepted)
    return;
  if (happened.request == request_class::beat) {
    ++done.beats;
    if (done.rotations.load() > 0)
      ++done.beats_after_rotation;
  } else if (happened.request == request_class::a2a) {
    ++done.messages;
    screen.line(source::agent, mood::good, "is woken", first_line(happened.text));
  } else if (happened.request == request_class::notify) {
    ++done.notifications;
    screen.line(source::platform, mood::good, "tells the user", first_line(happened.text));
  }
}

std::string glance(const workspace_context& workspace) {
  static constexpr std::array<const char*, 5> names{"starting", "online", "unreachable", "unauthorized",
                                                    "failed"};
  const auto& probe = workspace.probe;
  std::size_t running = 0;
  std::uint64_t restarts = 0;
  for (const auto& actor : workspace.actors) {
    running += actor.state() == actor_state::running ? 1 : 0;
    restarts += actor.restarts();
  }
  std::ostringstream text;
  text << "── " << workspace.settings.id << "  " << names.at(static_cast<std::size_t>(probe.status.load()))
       << "  beats " << probe.beats_sent.load() << " (" << probe.beats_failed.load() << " failed), last "
       << std::fixed << std::setprecision(1)
       << (probe.last_delivered.load() > 0 ? wall_clock_now() - probe.last_delivered.load() : 0) << " s ago"
       << "  token " << (probe.token_present.load() ? "present" : "absent") << "  actors " << running << '/'
       << workspace.actors.size() << ", " << restarts << " restarts ──";
  return text.str();
}

/// One line of the summary. @returns whether it went through.
bool told(dev_screen& screen, const char* what, int count) {
  std::ostringstream line;
  line << "  " << (count > 0 ? "ok      " : "MISSING ") << std::left << std::setw(44) << what << count;
  screen.say(line.str());
  return count > 0;
}

bool summarise(dev_screen& screen, const achievements& done) {
  screen.say("");
  screen.say("Summary");
  bool all = told(screen, "beats delivered", done.beats.load());
  all &= told(screen, "token rotations", done.rotations.load());
  all &= told(screen, "beats with a rotated token", done.beats_after_rotation.load());
  all &= told(screen, "results of delegations recorded", done.delegations.load());
  all &= told(screen, "results filed for the agent", done.filed.load());
  all &= told(screen, "self-messages delivered", done.messages.load());
  all &= told(screen, "notifications of the user delivered", done.notifications.load());
  all &= done.crashes.load() == 0 || told(screen, "restarts of a crashed actor", done.restarts.load());
  screen.say(all ? "Everything went through." : "Not everything went through.");
  return all;
}

} // namespace

int run_dev_mode(settings configuration, std::optional<milliseconds> duration) {
  const auto end_signals = catch_signals({SIGTERM, SIGINT}).set;
  temporary_folder folder;
  std::filesystem::create_directory(folder.path() + "/configs");
  achievements done;
  std::atomic<const workspace_context*> shown{nullptr}; // the log's thread draws too
  dev_screen screen{[&shown] {
    const auto* const workspace = shown.load();
    return workspace != nullptr ? glance(*workspace) : std::string{};
  }};

  platform_options options;
  options.liveness_ttl = milliseconds{6000};
  options.on_event = [&](const platform_event& happened) {
    take(happened, screen, done);
  };
  platform_server platform{options};
  platform.add_workspace(parent_id, "Mission control");
  platform.add_workspace(workspace_id, "The dev workspace", parent_id, "",
                         folder.path() + "/configs/.auth_token");
  platform.write_token_file(workspace_id);

  configuration = dev_settings(std::move(configuration), folder.path(), platform.url());
  // Nothing goes to stderr: the screen shows what the log would.
  event_log log{log_level::error, log_format::text, -1};
  const auto subscription = log.subscribe(log_level::debug, [&](const event& happened) {
    if (happened.name == "delegation.new")
      ++done.delegations;
    else if (happened.name == "results.filed")
      ++done.filed;
    else if (happened.name == "actor.restarted")
      ++done.restarts;
    screen.show(happened);
    if (happened.name == "control.listening")
      for (const auto& field : happened.fields)
        if (field.key == "address")
          screen.say("The status page: http://" + field.value + "/");
  });

  bool all = false;
  {
    auto state = state_directory::open(configuration.state_dir);
    runtime running{configuration, log, [directory = configuration.state_dir] {
                      return make_durable_store(directory);
                    }};
    if (const auto error = running.prepare(); !error.empty()) {
      screen.say(error);
      return exit_configuration;
    }
    shown = running.context().workspaces.first().get();
    screen.say("A platform of this machine's own: " + platform.url());
    screen.say("Everything of this run lies in:   " + folder.path());
    control api{running.context(), log};
    if (const auto listening = api.listen(); !listening.error.empty())
      screen.say(listening.error);
    running.start({api.child()});
    api.start();

    scenario play{platform, running.context(), screen, done, configuration.workspaces.front().results_file};
    const auto start = clock::now();
    int played = 0;
    for (;;) {
      const timespec pause{0, 100'000'000};
      if (::sigtimedwait(&end_signals, nullptr, &pause) > 0)
        break;
      const auto elapsed = clock::now() - start;
      if (duration && elapsed >= *duration)
        break;
      for (const auto second = static_cast<int>(std::chrono::duration_cast<seconds>(elapsed).count());
           played < second;)
        play.step(++played);
      screen.refresh();
    }
    play.consume_results();
    api.stop();
    running.stop();
    running.wait_ended(milliseconds{4000});
    shown = nullptr;
    log.unsubscribe(subscription);
    all = summarise(screen, done);
  }
  return all || !duration ? 0 : 1;
}

} // namespace workspace_supervisor
