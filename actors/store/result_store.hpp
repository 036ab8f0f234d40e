#pragma once

#include "messages/delegation.hpp"
#include "messages/workspaces.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// How well the store keeps what it is given.
struct store_health {
  bool durable = false;     ///< everything recorded so far is on disk
  std::string trouble;      ///< why not, and what to do about it; empty when durable or meant to be in memory
  std::int64_t unsaved = 0; ///< steps recorded in memory alone, waiting to be saved; 0 without a directory
  std::int64_t commits = 0; ///< transactions committed since the start
  std::int64_t failures = 0; ///< operations on the database that failed since the start
};

/// How much of many results is returned at once.
struct result_bounds {
  std::size_t results = std::numeric_limits<std::size_t>::max();
  std::size_t bytes = std::numeric_limits<std::size_t>::max(); ///< of their texts; one result may be longer
  std::size_t text = std::numeric_limits<std::size_t>::max();  ///< bytes of one text: a longer one is cut
};

/// The results of all workspaces of the process and how far each has come. Every step is kept in memory until
/// it is finished and written to the database in a transaction of its own; while the database cannot be
/// written the steps gather in memory and are saved, in order, when it can be again. So no function here
/// fails. Not thread-safe: one thread (the store actor's) calls it, and it may block on the disk. It outlives
/// that actor.
class result_store {
public:
  virtual ~result_store() = default;

  /// Records the answer's results that are not known yet, in one transaction, before any of their side
  /// effects.
  /// @returns those that are news, by seq (history of a first poll is recorded as handled and not returned).
  virtual std::vector<stored_result> record(const poll_record& poll, double now) = 0;
  /// @returns what is recorded and not filed, by seq: the first of them, whole.
  virtual std::vector<stored_result> unfiled(const std::string& workspace,
                                             const result_bounds& bounds = {}) = 0;
  virtual void mark_filed(const std::string& workspace, const std::vector<std::int64_t>& seqs) = 0;
  /// @returns what is filed and still has to go out; of each kind the first results, within the bounds.
  virtual outbox pending(const std::string& workspace, double now, const result_bounds& bounds = {}) = 0;
  /// Records a self-message before its first attempt, which counts from `created_at` in the hour's. A second
  /// one while one is open is a bug (std::logic_error).
  virtual void open_message(const std::string& workspace, const self_message& message) = 0;
  /// Ends the open message: its results are woken. `delivered_start`: when the delivering attempt began; 0
  /// when the message was dropped for good. An unknown id is ignored.
  virtual void close_message(const std::string& workspace, const std::string& message_id,
                             double delivered_start) = 0;
  virtual void mark_notified(const std::string& workspace, const std::vector<std::int64_t>& seqs) = 0;
  /// Marks results as woken that no message shall tell of.
  virtual void mark_woken(const std::string& workspace, const std::vector<std::int64_t>& seqs) = 0;

  /// @returns results with a seq above `after`, oldest first, at most `limit`; history is left out.
  virtual std::vector<stored_result> results(const std::string& workspace, std::int64_t after,
                                             std::size_t limit) = 0;
  virtual outbox_counts counts(const std::string& workspace) = 0;

  /// @returns the workspaces that were added to a process as it ran, and those of them that are being
  /// removed.
  virtual added_workspaces added() = 0;
  /// Keeps one over restarts. @returns "" or why it cannot be saved; then it is not kept.
  virtual std::string keep_added(const added_workspace& workspace) = 0;
  /// Marks an added one as being removed, until it is forgotten. @returns "" or why that cannot be saved;
  /// then it is not.
  virtual std::string mark_leaving(const std::string& id) = 0;
  /// Forgets that it was added; its results stay.
  virtual void forget_added(const std::string& id) = 0;
  /// Forgets all that is kept of it: results, messages, that it was added.
  virtual void forget_workspace(const std::string& id) = 0;

  virtual store_health health() const = 0;
  /// Tries to save what waits, and reopens the database if it has to. Call it again and again, with growing
  /// delays, while `health` is not durable. @returns whether everything is saved; a store that is meant to be
  /// in memory has nothing to save.
  virtual bool save_waiting() = 0;
  /// @returns what happened since the last call and is to be logged once (a database moved aside, a new one
  /// begun), oldest first.
  virtual std::vector<std::string> take_notices() = 0;
};

/// A store that forgets with the process; for tests and the dev mode.
std::unique_ptr<result_store> make_memory_store();

/// Opens (or creates) DIRECTORY/results.db. Never fails: trouble is in `health()`. A corrupt or foreign file
/// is moved aside ("results.db.corrupt-TIME"); one with a newer schema is left alone and the store works in
/// memory.
std::unique_ptr<result_store> make_durable_store(const std::string& directory);

} // namespace workspace_supervisor
