#pragma once

// The room of the control API: its calls, what their bodies may say, their answers, the event streams and the
// status page.

#include "actors/supervision/supervisor.hpp"
#include "app/control/page.hpp"
#include "app/control_server/http_server.hpp"

#include <memory>

namespace workspace_supervisor {

struct process_context;
struct workspace_context;
struct workspace_settings;
class event_log;

/// The control API, wired: the server, its listeners by the configuration, and the actor that answers. Made
/// before the actors start and destroyed after `stop`; functions are called by one thread.
class control {
public:
  struct choices {
    control_answer (*page)() = status_page; ///< answers GET /; null: there is no page
    http_limits limits;
  };

  /// Both live longer.
  control(process_context& process, event_log& log);
  control(process_context& process, event_log& log, choices chosen);
  control(const control&) = delete;
  control& operator=(const control&) = delete;
  ~control();

  /// Binds the Unix sockets of the configuration (an empty `control.socket`: none), all or none. In use: exit
  /// code 75; any other error: 78.
  http_listen_result listen();
  /// The actor that answers, for `root_plan`.
  child_spec child();
  /// Serves the workspace's own socket from now on. @returns "" or why not. Any thread but the loop's.
  std::string serve_socket(const workspace_settings& workspace);
  /// Serves that socket no more. Any thread but the loop's.
  void close_socket(const std::string& workspace);
  /// The workspace is no more: ends its connections. Any thread but the loop's.
  void let_go(const workspace_context& workspace);
  /// Serves from now on, in a process whose actors run.
  void start();
  /// Ends all connections and removes the sockets. Before the actor system goes.
  void stop();
  http_server& server() noexcept;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace workspace_supervisor
