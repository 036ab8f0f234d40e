#include "tests/crash/actor_crash.hpp"

#include "actors/store/result_store.hpp"
#include "actors/store/state_directory.hpp"
#include "app/dev_platform/platform.hpp"
#include "app/runtime/runtime.hpp"
#include "app/runtime/tree.hpp"

#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

constexpr int results_in_all = 20;
constexpr int results_at_once = 5;

/// Keeps what would be logged, to be shown should the run fail.
class warnings final : public event_sink {
public:
  bool wants(log_level level) const noexcept override { return level <= log_level::warning; }
  void emit(event happened) override {
    if (!wants(static_cast<log_level>(happened.level)))
      return;
    const std::lock_guard lock{mutex_};
    lines_.push_back(happened.name + ": " + happened.text);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock{mutex_};
    return lines_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

settings short_intervals(const platform_server& server, const std::string& workspace,
                         const std::string& folder) {
  settings result;
  workspace_settings one;
  one.id = workspace;
  one.platform_url = server.url();
  one.configs_dir = folder;
  one.results_file = folder + "/results.jsonl";
  result.workspaces.push_back(one);
  result.state_dir = folder + "/state";
  result.heartbeat.interval = result.heartbeat.retry_min = milliseconds{20};
  result.delegation.interval = milliseconds{10};
  result.notifier.cooldown = milliseconds{5};
  result.notifier.max_per_hour = 100000;
  result.supervisor.backoff_min = milliseconds{1};
  return result;
}

actor_probe* probe_named(process_context& process, const std::string& name) {
  for (std::size_t index = 0; index < shared_actor_names.size(); ++index)
    if (shared_actor_names[index] == name)
      return &process.actors[index];
  for (std::size_t index = 0; index < workspace_actor_names.size(); ++index)
    if (workspace_actor_names[index] == name)
      return &process.workspaces.first()->actors[index];
  return nullptr;
}

std::string task(int number) {
  char text[16];
  std::snprintf(text, sizeof text, "task-%03d", number);
  return text;
}

void finish_delegations(platform_server& server, const std::string& workspace, int first) {
  for (int number = first; number < first + results_at_once; ++number) {
    platform_delegation row;
    row.delegation_id = std::to_string(1000 + number);
    row.source_id = workspace;
    row.target_id = "helper";
    row.status = number % 3 == 2 ? "failed" : "completed";
    row.summary = task(number);
    row.response_preview = "a preview";
    server.add_delegation(workspace, row);
  }
}

bool is_told(const platform_view& view, const std::string& workspace, int number) {
  const auto name = task(number);
  const auto has = [&](const auto& entry, const std::string& text) {
    return entry.workspace == workspace && text.find(name) != std::string::npos;
  };
  return std::any_of(view.notifications().begin(), view.notifications().end(),
                     [&](const auto& entry) { return has(entry, entry.message); }) &&
         std::any_of(view.messages().begin(), view.messages().end(),
                     [&](const auto& entry) { return has(entry, entry.text); });
}

/// Says it until it has been heard: whoever is to hear it may crash over it. @returns whether it was.
template <class Interface, class Message>
bool say(const process_context& process, const address<Interface>& to, const Message& message) {
  caf::scoped_actor self{*process.system};
  constexpr std::chrono::seconds generous{30};
  const auto give_up = std::chrono::steady_clock::now() + generous;
  bool heard = false;
  while (!heard && std::chrono::steady_clock::now() < give_up) {
    if (const auto handle = to.get())
      self->request(handle, generous, message).receive([&heard](done) { heard = true; }, [](caf::error&) {});
    else
      std::this_thread::yield();
  }
  return heard;
}

/// The agent attaches, as the control server writes it down.
void attach_agent(workspace_context& workspace) {
  workspace.agent_facts.update([](agent_facts& facts) {
    return facts.attach({1, ::getpid(), 0}, std::chrono::steady_clock::now());
  });
}

/// What it says of one portion. @returns whether it was heard.
bool agent_says(workspace_context& workspace, int portion) {
  const auto text = "portion " + std::to_string(portion);
  set_activity activity;
  activity.has_active_tasks = activity.has_current_task = true;
  activity.active_tasks = portion + 1;
  activity.current_task = text;
  record_outcomes outcomes{1, 1, true, "error of " + text};
  if (const auto agent = workspace.agent.get())
    caf::anon_send(agent, agent_facts_changed{});
  const auto& process = *workspace.process;
  return say(process, workspace.activity, outcomes) && say(process, workspace.activity, activity);
}

/// Whether beats tell what the agent said of this portion, and that it can work.
bool is_heard(const platform_view& view, const std::string& workspace, int portion) {
  const auto text = "portion " + std::to_string(portion);
  bool error_told = false;
  const platform_beat* last = nullptr;
  for (const auto& beat : view.beats())
    if (beat.workspace == workspace) {
      error_told = error_told || beat.sample_error == "error of " + text;
      last = &beat;
    }
  return error_told && last && last->current_task == text && last->active_tasks == portion + 1 &&
         last->runtime_state.empty();
}

bool are_told(const platform_view& view, const std::string& workspace, int count) {
  for (int number = 0; number < count; ++number)
    if (!is_told(view, workspace, number))
      return false;
  return true;
}

std::uint64_t beats_of(const platform_view& view, const std::string& workspace) {
  const auto* known = view.workspace(workspace);
  return known != nullptr ? known->beats : 0;
}

int occurrences(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

void count_told(crash_run& run, const platform_server& server, const std::string& workspace,
                const std::string& results_file) {
  std::ifstream file{results_file};
  const std::string filed{std::istreambuf_iterator<char>{file}, {}};
  const auto messages = server.messages(workspace);
  const auto notifications = server.notifications(workspace);
  std::set<std::string> ids;
  for (const auto& message : messages)
    ids.insert(message.message_id);
  run.messages_twice = static_cast<int>(messages.size() - ids.size());
  for (int number = 0; number < results_in_all; ++number) {
    const auto name = task(number);
    run.filed.push_back(occurrences(filed, '"' + name + '"'));
    std::set<std::string> in;
    for (const auto& message : messages)
      if (message.text.find(name) != std::string::npos)
        in.insert(message.message_id);
    run.woken.push_back(static_cast<int>(in.size()));
    run.notified.push_back(
        static_cast<int>(std::count_if(notifications.begin(), notifications.end(), [&](const auto& entry) {
          return entry.message.find(name) != std::string::npos;
        })));
  }
}

} // namespace

std::vector<std::string> crashable_actors() {
  std::vector<std::string> names;
  for (const auto name : shared_actor_names)
    if (name != "control") // serves people, and is not among what this test starts
      names.emplace_back(name);
  for (const auto name : workspace_actor_names)
    names.emplace_back(name);
  return names;
}

crash_run run_with_crash(platform_server& server, const std::string& workspace, const std::string& actor,
                         std::uint64_t number, const std::string& folder, bool durable) {
  crash_run run;
  warnings log;
  server.add_open_workspace(workspace, workspace);
  const auto configuration = short_intervals(server, workspace, folder);
  const auto results_file = configuration.workspaces.front().results_file;
  std::unique_ptr<state_directory> directory;
  if (durable) {
    auto attempt = state_directory::open(configuration.state_dir);
    run.trouble = attempt.error;
    directory = std::move(attempt.directory);
  }
  std::atomic<bool> is_over{false};
  {
    runtime running{configuration, log,
                    durable ? make_durable_store(configuration.state_dir) : make_memory_store()};
    if (const auto error = running.prepare(); !error.empty())
      run.trouble = error;
    auto* probe = probe_named(running.context(), actor);
    if (probe == nullptr || !run.trouble.empty())
      return run;
    const bool is_supervisor = actor == "root" || actor == "supervisor";
    if (!is_supervisor)
      probe->crash_at(number);
    running.start();
    // Nobody says anything to a supervisor here but its children by ending. It crashes when the platform has
    // been asked so many things.
    std::thread crasher;
    std::atomic<bool> supervisor_crashed{false};
    if (is_supervisor && number > 0)
      crasher = std::thread{[&] {
        const auto asked = server.wait_until(
            [&](const auto& view) { return is_over.load() || view.requests().size() >= number; });
        if (!asked || is_over.load())
          return;
        const auto& process = running.context();
        const auto& place = actor == "root" ? process.root : process.workspaces.first()->supervisor;
        while (!is_over.load() && !supervisor_crashed.load())
          if (const auto handle = place.get()) {
            crash_actor(handle, "injected after " + std::to_string(number) + " requests");
            supervisor_crashed.store(true);
          }
      }};
    int listed = 0;
    auto& context = *running.context().workspaces.first();
    attach_agent(context);
    bool heard = true;
    do {
      heard = agent_says(context, listed / results_at_once) && heard;
      finish_delegations(server, workspace, listed);
      listed += results_at_once;
      // The first portions overlap, the last one comes when all is quiet.
      const int awaited = listed == results_in_all ? listed : listed - results_at_once;
      run.told = server.wait_until([&](const auto& view) { return are_told(view, workspace, awaited); });
    } while (run.told && listed < results_in_all);
    const auto beats = server.workspace(workspace).beats;
    run.beats_on =
        server.wait_until([&](const auto& view) { return beats_of(view, workspace) >= beats + 2; });
    constexpr int last_portion = results_in_all / results_at_once - 1;
    run.agent_heard =
        heard && server.wait_until([&](const auto& view) { return is_heard(view, workspace, last_portion); });
    run.messages = probe->messages();
    run.crashed = number > 0 && run.messages >= number;
    if (is_supervisor) {
      is_over.store(true);
      crasher.join();
      run.crashed = supervisor_crashed.load();
    }
    running.stop();
    if (!running.wait_ended(std::chrono::seconds{30}))
      run.trouble = "it does not stop";
  }
  count_told(run, server, workspace, results_file);
  run.logs = log.lines();
  server.remove_workspace(workspace);
  server.forget_records();
  return run;
}

} // namespace workspace_supervisor
