#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// What a look-up found.
struct resolved_host {
  std::vector<std::string> addresses; ///< IPv4 and IPv6 in text form, best first, families in turn
  std::string error;                  ///< why there is none; empty otherwise
};

/// Looks `host` up by the system's resolver. Blocks, possibly for very long.
resolved_host look_up_host(const std::string& host);

/// @returns whether `host` is an address already, which needs no look-up.
bool is_literal_address(const std::string& host);

/// Runs look-ups that may hang, each on a detached thread of its own: a look-up that hangs delays neither
/// another one nor the destructor. It remembers nothing. All functions may be called from any thread.
class resolver {
public:
  using look_up = std::function<resolved_host(const std::string& host)>;
  /// Called once for each look-up begun, on the look-up's thread (on the caller's when there is no thread to
  /// be had), never after the destructor has returned. It hands the answer over to another thread: it must
  /// neither call the resolver nor block, since it is called under a lock.
  using completion = std::function<void(const std::string& host, resolved_host found)>;

  resolver(look_up function, completion done);
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;
  /// Leaves look-ups that have not ended behind; their answers go nowhere.
  ~resolver();

  /// Begins a look-up of `host`, unless one is under way already.
  void resolve(const std::string& host);

private:
  struct shared_state;
  std::shared_ptr<shared_state> state_;
};

} // namespace workspace_supervisor
