#pragma once

#include "messages/event.hpp"

namespace workspace_supervisor {

/// Where actors tell what happens: the log, the stream of events, the dev mode's screen. Any thread; never
/// blocks.
class event_sink {
public:
  virtual ~event_sink() = default;
  /// Whether anybody listens to this level: an event nobody wants need not be made.
  virtual bool wants(log_level level) const noexcept = 0;
  virtual void emit(event happened) = 0;
};

/// An event of this level and workspace, to be emitted.
inline event make_event(log_level level, std::string name, std::string workspace, std::string text) {
  event result;
  result.name = std::move(name);
  result.level = static_cast<std::int32_t>(level);
  result.workspace = std::move(workspace);
  result.text = std::move(text);
  return result;
}

} // namespace workspace_supervisor
