#pragma once

#include "actors/store/result_store.hpp"
#include "actors/store/result_store_database.hpp"
#include "actors/store/result_store_ledger.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// Keeps a ledger's database: opens it, saves what has changed, replaces a file that is damaged or gone, and
/// after any other failure leaves it alone until `save_waiting`. Without a directory there is none, and
/// nothing fails.
class result_saving {
public:
  /// @param directory empty: none.
  result_saving(result_ledger& ledger, const std::string& directory);

  /// Asks the database by `ask(database)`, which says whether it succeeded. @returns whether there is an
  /// answer; it may not know all that this process has handled, see `memory_decides`.
  template <class Ask>
  bool read(Ask ask) {
    return database_ && !unreadable_ && check_read(ask(*database_));
  }
  /// Whether the database may lack something that was handled in this process's time.
  bool memory_decides() const { return memory_decides_; }

  /// Brings what has changed into the database, unless that has failed before: then `save_waiting` does it.
  void write(const listing* listed = nullptr);

  bool save_waiting();
  /// Whether there is a database to save into at all.
  bool is_durable() const { return !path_.empty(); }
  store_health health() const;
  std::vector<std::string> take_notices();

private:
  bool check_read(bool succeeded);
  /// Takes the connection's error, says it in `trouble_`, and lets no further step try until
  /// `save_waiting`.
  sqlite_error note_failure();
  void trouble(const sqlite_error& error);
  /// @param damage what a read has just found, so that the file is replaced first.
  bool save(const listing* listed, const sqlite_error* damage = nullptr);
  void close();
  /// Moves the file aside; the next `connect` begins a new one.
  bool replace(const std::string& why);
  bool connect();
  void take_in(result_ledger&& loaded);

  result_ledger& ledger_;
  std::string directory_;
  std::string path_;
  std::unique_ptr<result_database> database_; ///< null while it cannot be opened
  std::int64_t identity_ = 0;                 ///< of the database opened last
  bool connected_ = false;                    ///< one was open at some time
  bool failing_ = false;                      ///< the last write failed; only `save_waiting` tries again
  bool unreadable_ = false;                   ///< and the last read
  bool full_ = false;                         ///< for lack of space, so that the connection itself is good
  bool memory_decides_ = false;
  std::string trouble_;
  std::vector<std::string> notices_;
  std::int64_t commits_ = 0;
  std::int64_t failures_ = 0;
};

} // namespace workspace_supervisor
