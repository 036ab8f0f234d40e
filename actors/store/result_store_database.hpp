#pragma once

#include "actors/store/result_store_ledger.hpp"
#include "actors/store/result_store_schema.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// What one answer of the platform listed, to be written with what it brought.
struct listing {
  workspace_ledger& of;
  const std::vector<std::string>& keys;
  /// The database may be younger than this process: keys that it lacks and the ledger knows as handled get a
  /// row without texts.
  bool complete = false;
};

/// The tables of the store in one database file. Every function says false, and leaves the reason in `error`,
/// when SQLite fails; nothing of a failed `save` is in the file then.
class result_database {
public:
  /// @param file an opened one.
  explicit result_database(result_file file);
  ~result_database();

  /// See `result_file`.
  std::int64_t identity() const { return identity_; }
  /// Reads what is unfinished into an empty ledger.
  bool load(result_ledger& into);
  /// Writes all that is unsaved in one transaction, and the listing if there is one.
  bool save(result_ledger& ledger, const listing* listed);

  bool polled(const std::string& workspace, bool& answer);
  bool knows(const std::string& workspace, const delegation_result& result, bool& answer);
  /// Reads results after a seq; their steps are as far as the file knows.
  bool results(const std::string& workspace, std::int64_t after, std::size_t limit,
               std::vector<stored_result>& found);

  bool moved() { return database_->moved(); }
  const sqlite_error& error() const { return database_->error(); }
  void clear_error() { database_->clear_error(); }
  void keep_log_on_close() { database_->keep_log_on_close(true); }

private:
  /// Whether more changed than what a poll without news tells.
  static bool needs_sync(const result_ledger& ledger);
  /// A commit is on the disk when it returns and outlives a power failure. One without news outlives the
  /// process alone, and a power failure once a later one is synced: ten thousand workspaces that poll for the
  /// first time would keep the disk busy for half a minute, for what the next poll tells again.
  void set_synced(bool synced);
  std::int64_t row_of(const std::string& workspace);
  void forget(const std::string& workspace);
  void save_additions(result_ledger& ledger);
  void save_item(std::int64_t workspace, const ledger_item& item);
  void save_message(std::int64_t workspace, const workspace_ledger& of);
  void save_attempts(std::int64_t workspace, const workspace_ledger& of);
  void save_listing(std::int64_t workspace, const listing& listed, result_ledger& ledger);
  stored_result read_result(const sqlite_statement& row) const;

  std::unique_ptr<sqlite_database> database_;
  std::int64_t identity_ = 0;
  bool synced_ = true;
  struct statements;
  /// After the connection, so that the statements end before it.
  std::unique_ptr<statements> sql_;
};

} // namespace workspace_supervisor
