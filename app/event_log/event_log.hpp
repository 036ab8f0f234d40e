#pragma once

// The room of the log: events as lines on stderr, and to whoever listens.

#include "actors/supervision/event_sink.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace workspace_supervisor {

/// Writes events to stderr, one line each, and hands them to whoever listens. A thread of its own writes, so
/// that a stderr that nobody reads holds up no actor; when too much waits, the oldest lines are dropped and
/// counted.
class event_log final : public event_sink {
public:
  /// Called on the log's thread with each event; must not block or throw.
  using listener = std::function<void(const event&)>;

  event_log(log_level level, log_format format, int descriptor = 2);
  /// Writes what waits, for at most 3 s, 200 ms where the reader takes nothing.
  ~event_log() override;

  bool wants(log_level level) const noexcept override;
  /// From now on lines of at most this verbosity are written. Any thread.
  void set_level(log_level level);
  void emit(event happened) override;

  /// From now on `listen` gets every event of at most `level`'s verbosity. @returns what `unsubscribe` takes.
  std::uint64_t subscribe(log_level level, listener listen);
  /// After its return the listener is not called any more. Not from within a listener.
  void unsubscribe(std::uint64_t subscription);
  /// Lines dropped because stderr did not take them in time.
  std::uint64_t dropped() const noexcept;

private:
  struct impl;
  std::shared_ptr<impl> impl_; ///< held by the writing thread too
};

/// One line, without its newline: "2026-11-23T20:37:22.123Z warning beat.failed workspace=ws-1 status=500:
/// text".
std::string format_text(const event& happened);
/// The same as a JSON object on one line.
std::string format_json(const event& happened);

} // namespace workspace_supervisor
