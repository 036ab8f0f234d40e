#include "app/control/control.hpp"

#include "actors/loop/loop.hpp"
#include "app/control/agent_attachments.hpp"
#include "app/control/answers.hpp"
#include "app/control/call.hpp"
#include "app/control/event_streams.hpp"
#include "app/stats/beat_history.hpp"

#include <unistd.h>
#include <utility>

namespace workspace_supervisor {

namespace {

/// How long the root may take to answer.
constexpr std::chrono::milliseconds health_patience{1000};
/// How long a call waits for a control actor that is down.
constexpr std::chrono::milliseconds restart_patience{5000};
constexpr std::chrono::milliseconds restart_pause{20};

// An asker is an actor that lives for one call, so that one that gets no answer holds up no other.

struct asker_state {
  static inline const char* name = "control-call";
};
using asker_interface = interface<void(done)>;
using asker = actor_of<asker_interface, asker_state>;
using exchange_pointer = std::shared_ptr<control_exchange>;

asker_interface::behavior_type ask_root(asker* self, process_context* process, exchange_pointer exchange) {
  const auto root = process->root.get();
  if (!root) {
    exchange->answer(error_answer(503, "the root supervisor is down"));
    self->quit();
  } else {
    self->request(root, health_patience, are_you_there{})
        .then(
            [self, exchange](done) {
              exchange->answer({200, "application/json", "{\"healthy\":true}\n", {}});
              self->quit();
            },
            [self, exchange](caf::error&) {
              exchange->answer(error_answer(503, "the root supervisor has ended"));
              self->quit();
            });
  }
  return {[](done) {
  }};
}

void ask_control(asker* self, process_context* process, const exchange_pointer& exchange,
                 std::chrono::steady_clock::time_point give_up) {
  const auto again = [self, process, exchange, give_up] {
    if (!exchange->waits() || std::chrono::steady_clock::now() > give_up) {
      exchange->answer(error_answer(503, "the control actor is down; ask again"));
      return self->quit();
    }
    // Nobody else holds the asker while it waits: a timer alone would not keep it.
    self->after(restart_pause,
                [=, held = asker_interface{self}] { ask_control(self, process, exchange, give_up); });
  };
  const auto control = process->control.get();
  if (!control)
    return again();
  self->request(control, patience_for(exchange->request(), process->configuration), exchange->request())
      .then(
          [self, exchange](control_answer& answer) {
            exchange->answer(std::move(answer));
            self->quit();
          },
          [self, exchange, again](caf::error&) {
            if (repeatable(exchange->request()))
              return again();
            // Whether it was counted is not known, and to count it twice would be wrong.
            exchange->answer(error_answer(503, "the control actor ended during this call; it may have had "
                                               "its effect"));
            self->quit();
          });
}

asker_interface::behavior_type ask_for_answer(asker* self, process_context* process,
                                              exchange_pointer exchange) {
  ask_control(self, process, exchange, std::chrono::steady_clock::now() + restart_patience);
  return {[](done) {
  }};
}

std::vector<http_unix_listener> sockets_of(const process_context& process) {
  std::vector<http_unix_listener> sockets;
  if (const auto& socket = process.configuration.control.socket; !socket.empty())
    sockets.push_back({socket, {}});
  for (const auto& workspace : process.workspaces.all())
    if (const auto& settings = workspace->settings; !settings.socket.empty())
      sockets.push_back({settings.socket, settings.id});
  return sockets;
}

} // namespace

struct control::impl {
  process_context& process;
  choices chosen;
  beat_history history;
  event_streams streams;
  agent_attachments attachments;
  bool stopped = false;
  http_server server;

  impl(process_context& process, event_log& log, choices chosen)
      : process{process}
      , chosen{chosen}
      , streams{log}
      , attachments{*process.loop}
      , server{*process.loop, server_options(log)} {}

  http_server_options server_options(event_log& log) {
    const auto& configuration = process.configuration;
    http_server_options options;
    options.sockets = sockets_of(process);
    options.users = {::geteuid(), ::getuid()};
    if (const auto& user = configuration.agent.user; user.given) {
      options.users.push_back(user.user);
      options.change_owner = ::geteuid() == 0;
      options.owner = user.user;
      options.group = user.group;
    }
    options.http = configuration.control.http;
    options.http_hosts = configuration.control.http_hosts;
    options.limits = chosen.limits;
    options.events = &log;
    options.handle = [this](exchange_pointer exchange) {
      handle(std::move(exchange));
    };
    return options;
  }

  void take_presence(control_exchange& exchange, const control_target& target) {
    const auto& own = exchange.request().workspace;
    const auto workspace = process.workspaces.find(target.workspace);
    if (!workspace || (!own.empty() && own != target.workspace))
      return exchange.answer(error_answer(404, "there is no such workspace"));
    if (target.call == control_call::attach)
      attachments.attach(exchange, *workspace);
    else
      attachments.detach(exchange, *workspace);
  }

  void handle(exchange_pointer exchange) {
    const auto& request = exchange->request();
    const auto target = parse_target(request);
    const auto call = target ? target->call : control_call::unknown;
    const bool of_presence = call == control_call::attach || call == control_call::detach;
    if (call == control_call::healthz || call == control_call::events || of_presence) {
      if (auto refusal = refuse(request, *target))
        return exchange->answer(std::move(*refusal));
      if (call == control_call::events)
        return streams.open(*exchange);
      if (of_presence)
        return take_presence(*exchange, *target);
      exchange->answer_after(health_patience,
                             error_answer(503, "the root supervisor did not answer within 1 s"));
      process.system->spawn(ask_root, &process, std::move(exchange));
      return;
    }
    exchange->answer_after(patience_for(request, process.configuration),
                           error_answer(503, "there was no answer in time"));
    process.system->spawn(ask_for_answer, &process, std::move(exchange));
  }
};

control::control(process_context& process, event_log& log)
    : control{process, log, choices{}} {}

control::control(process_context& process, event_log& log, choices chosen)
    : impl_{std::make_unique<impl>(process, log, chosen)} {}

control::~control() {
  stop();
}

http_listen_result control::listen() {
  return impl_->server.listen();
}

std::string control::serve_socket(const workspace_settings& workspace) {
  return impl_->server.add_socket({workspace.socket, workspace.id}).error;
}

void control::close_socket(const std::string& workspace) {
  impl_->server.remove_sockets(workspace);
}

void control::let_go(const workspace_context& workspace) {
  impl_->process.loop->post_and_wait([&] { impl_->attachments.let_go(workspace); });
  close_socket(workspace.settings.id);
}

child_spec control::child() {
  return control_child(impl_->process, impl_->chosen.page, &impl_->history);
}

void control::start() {
  impl_->server.start();
}

void control::stop() {
  if (std::exchange(impl_->stopped, true))
    return;
  impl_->server.stop();
  impl_->process.loop->post_and_wait([&attachments = impl_->attachments] { attachments.clear(); });
}

http_server& control::server() noexcept {
  return impl_->server;
}

} // namespace workspace_supervisor
