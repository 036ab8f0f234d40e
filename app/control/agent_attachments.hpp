#pragma once

#include "actors/workspace/context.hpp"
#include "app/control_server/http_server.hpp"

#include <memory>

namespace workspace_supervisor {

class actor_loop;

/// `GET …/attach` and `POST …/detach`: the connections by which agents say that they are there, and their
/// processes, whose end ends them even where a child of theirs still holds the connection. Writes down in
/// `agent_facts` what it finds and has the agent actor look. On the loop's thread alone; cleared there when
/// the server has stopped.
class agent_attachments {
public:
  explicit agent_attachments(actor_loop& loop);
  ~agent_attachments();
  agent_attachments(const agent_attachments&) = delete;
  agent_attachments& operator=(const agent_attachments&) = delete;

  /// Makes an attachment of the exchange, or refuses it.
  void attach(control_exchange& exchange, workspace_context& workspace);
  /// Ends those of the calling process, as a goodbye, and answers.
  void detach(control_exchange& exchange, workspace_context& workspace);
  /// Ends those of a workspace that is no more.
  void let_go(const workspace_context& workspace);
  /// Forgets all.
  void clear();

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace workspace_supervisor
