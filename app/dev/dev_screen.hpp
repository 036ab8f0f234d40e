#pragma once

#include "actors/supervision/event_sink.hpp"

#include <functional>
#include <mutex>
#include <string>

namespace workspace_supervisor {

/// What a person sees in the terminal: a line for each event, and on a terminal the state at a glance below
/// them. Any thread.
class dev_screen {
public:
  /// `glance`: the state in one line; called under the screen's lock.
  explicit dev_screen(std::function<std::string()> glance);
  ~dev_screen();

  enum class source { supervisor, platform, agent };
  enum class mood { quiet, plain, good, bad };
  void line(source from, mood how, const std::string& what, const std::string& text);
  /// A line of the supervisor's for an event, in its own mood.
  void show(const event& happened);
  /// A line that belongs to no source.
  void say(const std::string& text);
  /// Draws the glance anew.
  void refresh();
  bool is_terminal() const { return terminal_; }

private:
  std::string paint(mood how, const std::string& text) const;
  void print(const std::string& line);

  std::mutex mutex_;
  std::function<std::string()> glance_;
  bool terminal_;
  bool coloured_;
};

} // namespace workspace_supervisor
