#pragma once

namespace workspace_supervisor {

/// Is told what happens around an actor's messages.
class message_observer {
public:
  virtual ~message_observer() = default;
  /// A message was put into the mailbox. Any thread.
  virtual void enqueued() noexcept = 0;
  /// A message is about to be handled; may throw, to inject a fault. The actor's thread.
  virtual void before_message() = 0;
  /// A message was handled, or its handler threw. The actor's thread.
  virtual void after_message() noexcept = 0;
};

} // namespace workspace_supervisor
