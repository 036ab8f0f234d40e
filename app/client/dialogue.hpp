#pragma once

#include "app/client/arguments.hpp"
#include "app/client/control_client.hpp"

#include <boost/json/fwd.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace workspace_supervisor {

/// To standard output, at once.
void print(const std::string& text);
/// As it came, with a line end.
void print_raw(const std::string& body);
/// To standard error.
void complain(const std::string& text);

/// The calls of one command. What keeps one from its answer is told to the user; `exit_code` says then how to
/// end.
class dialogue {
public:
  explicit dialogue(const client_arguments& arguments);

  /// Makes a call. @returns its answer, or nothing after it has been told why there is none.
  std::optional<control_reply> call(const std::string& method, const std::string& target,
                                    const std::string& body = {},
                                    std::optional<std::chrono::milliseconds> usual = {});
  /// A `GET` of whether something is well: 503 is an answer, too.
  std::optional<control_reply> look(const std::string& target, std::chrono::milliseconds usual);
  /// A call about the workspace; `what` follows its path.
  std::optional<control_reply> call_workspace(const std::string& method, const std::string& what,
                                              const std::string& body = {},
                                              std::optional<std::chrono::milliseconds> usual = {});
  /// A call, whatever comes of it; tells nothing.
  control_result try_call(const std::string& method, const std::string& target) const;
  /// Follows a stream until it ends or `take` wants no more.
  bool follow(const std::string& target, const std::function<bool(const std::string& line)>& take);

  /// The workspace that is meant; nothing after it has been told that none is.
  std::optional<std::string> workspace_id();

  void refused(const control_reply& reply);
  int exit_code() const noexcept { return exit_code_; }
  const std::string& socket() const noexcept { return connection_.path(); }

private:
  std::optional<control_reply> answer_of(control_result result, int also_answers = 0);
  std::chrono::milliseconds patience(std::chrono::milliseconds usual) const;

  const client_arguments& arguments_;
  control_client connection_;
  int exit_code_ = client_done;
};

} // namespace workspace_supervisor
