#pragma once

#include "actors/store/result_store.hpp"
#include "messages/delegation.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace workspace_supervisor {

/// One result in memory: it is unfinished, or it has not reached the database yet.
struct ledger_item {
  stored_result stored;
  bool history = false;     ///< of a first poll: recorded as handled, told to nobody
  bool in_database = false; ///< its row exists, perhaps with fewer steps done
  bool unsaved = false;     ///< the database does not know all of it

  bool finished() const { return stored.filed && stored.woken && stored.notified; }
};

/// What memory holds of one workspace.
struct workspace_ledger {
  std::string name;
  std::map<std::int64_t, ledger_item> items;  ///< by seq
  std::unique_ptr<self_message> open_message; ///< null: none
  std::vector<double> attempts;               ///< when the last hour's messages were opened, oldest first
  double last_delivered_start = 0;            ///< seconds since the epoch
  std::vector<std::uint64_t> listed;          ///< hashes of the keys that the platform listed last, sorted
  std::vector<std::uint64_t> earlier;         ///< of those that it listed before, oldest first
  std::vector<std::int64_t> unsaved;          ///< seqs of unsaved items; one may stand here twice
  bool message_unsaved = false;               ///< that one is open, or that none is any more
  bool attempts_unsaved = false;
  bool delivered_unsaved = false;
  bool polled = false;         ///< a poll was recorded, at whatever time
  bool polled_unsaved = false; ///< and the database does not know it
  bool is_unsaved = false;     ///< stands in the ledger's list of unsaved workspaces
};

/// A workspace that was added to a process as it ran.
struct ledger_addition {
  added_workspace workspace;
  bool leaving = false; ///< it is being removed
};

/// The unfinished results of all workspaces and what of them has not been saved. Memory decides: the database
/// is brought to the state that stands here, whatever steps led to it, so that saving can be repeated.
/// One thread uses it.
class result_ledger {
public:
  /// Finished results that the platform no longer lists, kept for each workspace.
  static constexpr std::size_t kept_finished = 4096;
  /// Bytes of finished results' texts that wait for the database; beyond them the oldest lose their texts.
  static constexpr std::size_t kept_text = 64U << 20U;

  workspace_ledger& workspace(const std::string& name);
  workspace_ledger* find(const std::string& name);

  /// Whether the key was recorded or listed in this process's time, as far as `kept_finished` reaches.
  static bool knows(const workspace_ledger& of, std::string_view key);
  /// Adds a result under the next seq.
  const stored_result& add(workspace_ledger& to, const delegation_result& result, bool history, double now);
  /// Notes what the platform lists now; the keys of the results just added among it.
  static void list(workspace_ledger& of, const std::vector<std::string>& keys);
  void mark(const std::string& name, const std::vector<std::int64_t>& seqs, bool stored_result::*step);
  void open_message(const std::string& name, const self_message& message);
  void close_message(const std::string& name, const std::string& message_id, double delivered_start);

  std::vector<stored_result> unfiled(const std::string& name, const result_bounds& bounds);
  outbox pending(const std::string& name, double now, const result_bounds& bounds);
  outbox_counts counts(const std::string& name);

  /// Workspaces of which something is not saved.
  const std::vector<workspace_ledger*>& unsaved() const { return unsaved_; }
  /// Steps that wait to be saved.
  std::int64_t unsaved_steps() const;
  void note_unsaved(workspace_ledger& of);
  void note_unsaved(workspace_ledger& of, ledger_item& item);
  std::map<std::string, ledger_addition>& additions() { return additions_; }
  /// By id: what the database does not know, of an addition or of its end.
  const std::set<std::string>& unsaved_additions() const { return unsaved_additions_; }
  void note_addition_unsaved(const std::string& id) { unsaved_additions_.insert(id); }
  /// Drops all that memory holds of a workspace, and notes that the database has to as well.
  void forget(const std::string& name);
  const std::set<std::string>& forgotten() const { return forgotten_; }
  /// Whether there is something for the database.
  bool is_saved() const { return unsaved_.empty() && unsaved_additions_.empty() && forgotten_.empty(); }

  /// All that was unsaved is in the database now: what is finished leaves memory.
  void saved();
  /// The database is another one than before: all that is here has to be saved into it.
  void forget_saved();
  /// Holds what is finished but cannot be saved within `kept_finished` and `kept_text`. Nothing unfinished is
  /// ever given up, and keys stay known.
  void bound_unsaved();

  /// Takes in what a database other than the one before still has to do; nothing of this ledger is in it. Of
  /// a result that both know the steps of both count. Seqs that the database has given already are replaced.
  void merge(result_ledger&& loaded);

  std::int64_t take_seq() { return next_seq_++; }
  void set_next_seq(std::int64_t next) { next_seq_ = next; }
  std::unordered_map<std::string, workspace_ledger>& workspaces() { return workspaces_; }

private:
  void renumber(std::int64_t from);

  std::unordered_map<std::string, workspace_ledger> workspaces_;
  std::map<std::string, ledger_addition> additions_; ///< by id
  std::set<std::string> unsaved_additions_;
  std::set<std::string> forgotten_; ///< of which the database may still have rows
  std::vector<workspace_ledger*> unsaved_;
  /// Finished and unsaved, in the order in which they were finished.
  std::deque<std::pair<workspace_ledger*, std::int64_t>> finished_;
  std::size_t finished_text_ = 0; ///< bytes
  std::int64_t next_seq_ = 1;
};

} // namespace workspace_supervisor
