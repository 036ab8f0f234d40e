#include "app/runtime/runtime.hpp"

#include "actors/loop/loop.hpp"
#include "actors/token/token_watch.hpp"
#include "actors/workspace/restart_settings.hpp"
#include "app/runtime/tree.hpp"

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <tuple>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

/// Fills CAF's own configuration from `caf.*`, in the names of the installed version.
class framework_config : public caf::actor_system_config {
public:
  framework_config(const std::map<std::string, std::string>& given, actor_loop& loop) {
    loop.host(*this);
    for (const auto& [key, text] : given) {
      auto value = caf::config_value::parse(text);
      caf::put(content, key, value ? *value : caf::config_value{text});
    }
  }
};

/// How long the root may take for an answer.
constexpr std::chrono::seconds root_patience{5};

// Asks the root once and ends.
struct question_state {
  static inline const char* name = "root-question";
};
using question_interface = interface<void(done)>;
using question = actor_of<question_interface, question_state>;

question_interface::behavior_type ask_root_once(question* self, const supervisor_interface& root,
                                                const std::function<void()>& answered) {
  self->request(root, root_patience, are_you_there{})
      .then(
          [self, answered](done) {
            answered();
            self->quit();
          },
          [self](caf::error&) { self->quit(); });
  return {[](done) {
  }};
}

actor_loop_options loop_options(const settings& configuration, event_sink& events) {
  actor_loop_options options;
  if (const auto given = configuration.caf.find("scheduler.max-throughput"); given != configuration.caf.end())
    options.messages_per_turn = std::stoul(given->second);
  options.on_exception = [&events](const std::string& text) {
    events.emit(make_event(log_level::error, "loop.exception", {}, "a handler of a socket threw: " + text)
                    .with("error", text));
  };
  return options;
}

} // namespace

std::string product_version() {
  return WORKSPACE_SUPERVISOR_VERSION;
}

struct runtime::impl {
  process_parts process;
  actor_loop loop;
  framework_config framework;
  caf::actor_system system;
  std::optional<http_engine> http;
  std::optional<token_watch> watch;
  caf::actor watcher; ///< restarts the root; held here, for it would end with its last reference
  int ended = ::eventfd(0, EFD_CLOEXEC);
  std::atomic<bool> gave_up{false};
  std::atomic<bool> stopping{false};
  bool started = false;

  impl(settings configuration, event_sink& events)
      : loop{loop_options(configuration, events)}
      , framework{configuration.caf, loop}
      , system{framework} {
    process.configuration = std::move(configuration);
    process.system = &system;
    process.events = &events;
    process.loop = &loop;
    http_engine_options options;
    options.user_agent = "workspace-supervisor/" + product_version();
    options.ca_file = process.configuration.ca_file;
    options.connect_timeout = process.configuration.connect_timeout;
    process.http = &http.emplace(loop.context(), std::move(options));
  }

  ~impl() {
    watch.reset();
    loop.post_and_wait([this] { http.reset(); });
    watcher = nullptr;
    // A tree that gave up took nobody from his address, and an actor with a thread of its own keeps the
    // system waiting for as long as somebody holds it.
    const auto clear = [](auto, auto& place) {
      place.set({});
    };
    process.each_address(clear);
    for (const auto& workspace : process.workspaces.all())
      workspace->each_address(clear);
    ::close(ended);
  }

  void tell_ended() const {
    const std::uint64_t one = 1;
    std::ignore = ::write(ended, &one, sizeof one);
  }

  /// Starts the root and watches over it: nobody else would restart it.
  void start_root(std::vector<child_spec> more) {
    const auto policy = restart_policy_of(process.configuration);
    // The policy is an argument, not a capture: for a function without arguments CAF 0.17 makes a reference
    // of a null pointer.
    const auto watch_root = [this, more = std::move(more)](caf::event_based_actor* self,
                                                           const restart_policy& policy) {
      const auto intensity = std::make_shared<restart_intensity>();
      const auto launch = std::make_shared<std::function<void()>>();
      *launch = [this, self, more, intensity] {
        const auto root = system.spawn(supervisor, root_plan(process, more));
        intensity->started(std::chrono::steady_clock::now());
        process.root.set(root);
        process.probe_of(shared_actor::root).started();
        self->monitor(root);
        if (stopping.load())
          caf::anon_send(root, stop_supervising{});
      };
      self->set_down_handler([this, self, policy, intensity, launch](caf::down_msg& message) {
        process.root.set(supervisor_interface{});
        const auto reason = reason_text(system, message.reason);
        const bool given_up = reason.find(gave_up_prefix) != std::string::npos;
        if (stopping.load() || given_up) {
          gave_up.store(given_up && !stopping.load());
          tell_ended();
          return self->quit();
        }
        const auto delay = intensity->ended(policy, std::chrono::steady_clock::now());
        process.probe_of(shared_actor::root)
            .ended(delay ? actor_state::restarting : actor_state::failed, reason);
        process.events->emit(
            make_event(log_level::error, "actor.crashed", {}, "the root supervisor ended: " + reason)
                .with("actor", "root")
                .with("error", reason));
        if (!delay) {
          gave_up.store(true);
          tell_ended();
          return self->quit();
        }
        process.probe_of(shared_actor::root).restarted();
        self->delayed_send(self, *delay, framework::timer_due{});
      });
      (*launch)();
      return caf::behavior{[launch](framework::timer_due) {
        (*launch)();
      }};
    };
    watcher = system.spawn<caf::hidden>(watch_root, policy);
  }

  void make_watch() {
    watch.emplace([this](workspace_number number) {
      if (const auto workspace = process.workspaces.at(number))
        if (const auto token = workspace->token.get())
          caf::anon_send(token, token_file_changed{});
    });
  }

  /// What this process does itself for workspaces that come and go; the rest is the application's.
  void complete_hosting() {
    auto& hosting = process.hosting;
    hosting.make = [this](workspace_settings settings, std::string& error) {
      return make_workspace(process, std::move(settings), error);
    };
    hosting.taken_in = [this](workspace_context& workspace) {
      watch->add(workspace.number, workspace.settings.configs_dir);
    };
    hosting.let_go = [this, more = std::move(hosting.let_go)](workspace_context& workspace) {
      watch->remove(workspace.number);
      if (more)
        more(workspace);
    };
    if (!hosting.serve_socket)
      hosting.serve_socket = [](const workspace_settings&) {
        return std::string{"no control sockets are served here"};
      };
    if (!hosting.close_socket)
      hosting.close_socket = [](const std::string&) {
      };
    if (!hosting.set_log_level)
      hosting.set_log_level = [](log_level) {
      };
  }
};

runtime::runtime(settings configuration, event_sink& events, store_opener open_store)
    : impl_{std::make_unique<impl>(std::move(configuration), events)} {
  impl_->process.stored.open = std::move(open_store);
}

runtime::runtime(settings configuration, event_sink& events, std::unique_ptr<result_store> store)
    : impl_{std::make_unique<impl>(std::move(configuration), events)} {
  impl_->process.stored.store = std::move(store);
}

runtime::~runtime() {
  if (impl_->started) {
    stop();
    wait_ended(std::chrono::hours{1});
  }
}

std::string runtime::prepare() {
  return make_workspaces(impl_->process);
}

void runtime::use_launcher(agent_launcher& launcher) {
  impl_->process.launcher = &launcher;
}

void runtime::start() {
  start(std::vector<child_spec>{});
}

void runtime::start(std::vector<child_spec> more) {
  impl_->started = true;
  impl_->make_watch();
  impl_->complete_hosting();
  const auto workspaces = impl_->process.workspaces.all();
  impl_->start_root(std::move(more));
  // After the first actors have begun: with thousands of workspaces it takes a while.
  for (const auto& workspace : workspaces)
    impl_->watch->add(workspace->number, workspace->settings.configs_dir);
}

workspace_hosting& runtime::hosting() noexcept {
  return impl_->process.hosting;
}

kept_configuration& runtime::running_configuration() noexcept {
  return impl_->process.running_configuration;
}

void runtime::ask_root(std::function<void()> answered) {
  if (const auto root = impl_->process.root.get())
    impl_->system.spawn(ask_root_once, root, std::move(answered));
}

void runtime::reload() {
  impl_->process.reloads_wanted.fetch_add(1);
  if (const auto workspaces = impl_->process.workspaces_actor.get())
    caf::anon_send(workspaces, reload_wanted{});
}

void runtime::stop() {
  if (impl_->stopping.exchange(true))
    return;
  if (const auto root = impl_->process.root.get())
    caf::anon_send(root, stop_supervising{});
}

int runtime::ended_descriptor() const noexcept {
  return impl_->ended;
}

bool runtime::wait_ended(std::chrono::milliseconds timeout) const {
  pollfd ready{impl_->ended, POLLIN, 0};
  return ::poll(&ready, 1, static_cast<int>(timeout.count())) > 0;
}

bool runtime::gave_up() const noexcept {
  return impl_->gave_up.load();
}

process_context& runtime::context() noexcept {
  return impl_->process;
}

actor_loop& runtime::loop() noexcept {
  return impl_->loop;
}

} // namespace workspace_supervisor
