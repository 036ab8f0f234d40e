#include "actors/store/result_store.hpp"

#include "actors/store/result_store_database.hpp"
#include "actors/store/result_store_ledger.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <sys/stat.h>
#include <unordered_set>
#include <utility>

namespace workspace_supervisor {

namespace {

std::string time_stamp() {
  auto now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%S", &parts);
  return text;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// Renames the database and what belongs to it. The log goes first: left behind, it would be thrown away by
/// the database that follows.
/// @returns the new name; empty with errno set when that fails.
std::string move_aside(const std::string& path) {
  auto to = path + ".corrupt-" + time_stamp();
  for (int number = 2; exists(to); ++number)
    to = path + ".corrupt-" + time_stamp() + '-' + std::to_string(number);
  for (const char* part : {"-wal", "-journal", "-shm", ""})
    if (std::rename((path + part).c_str(), (to + part).c_str()) != 0 && errno != ENOENT)
      return {};
  return to;
}

/// What a person can do about a failure.
std::string advice(const sqlite_error& error, const std::string& directory) {
  if (error.full() || error.system_error == ENOSPC || error.system_error == EDQUOT)
    return "free space on its disk";
  if (error.system_error == ENOENT || error.system_error == ENOTDIR)
    return "make sure that the directory " + directory + " is there";
  if (error.code == SQLITE_READONLY || error.code == SQLITE_CANTOPEN || error.code == SQLITE_PERM ||
      error.system_error == EACCES || error.system_error == EROFS)
    return "make " + directory + " writable for this user";
  if (error.code == SQLITE_BUSY || error.code == SQLITE_LOCKED)
    return "close the other program that has it open";
  return "check the disk";
}

/// Where no database tells the last seq: far above what counting from one reaches, and growing from one start
/// to the next. Below 2^53, so that every reader of JSON can hold it.
std::int64_t seq_by_clock() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

/// The ledger with a database behind it, or with none.
class ledger_store final : public result_store {
public:
  /// @param directory empty: in memory.
  explicit ledger_store(const std::string& directory)
      : directory_(directory)
      , path_(directory.empty() ? "" : directory + "/results.db") {
    memory_decides_ = path_.empty();
    if (!path_.empty() && !connect()) {
      failing_ = memory_decides_ = true;
      ledger_.set_next_seq(seq_by_clock());
    }
  }

  std::vector<stored_result> record(const poll_record& poll, double now) override {
    auto& of = ledger_.workspace(poll.workspace);
    if (!of.polled && readable())
      check_read(database_->polled(poll.workspace, of.polled));
    auto keys = poll.listed;
    std::unordered_set<std::string> seen;
    std::vector<const delegation_result*> unknown;
    for (const auto& result : poll.results) {
      auto key = result_key(result.delegation_id, result.status);
      if (!seen.insert(key).second)
        continue;
      keys.push_back(key);
      if (!knows(of, key, result))
        unknown.push_back(&result);
    }
    std::vector<stored_result> news;
    for (const auto* result : unknown) {
      bool history =
          !of.polled && result->created_at > 0 && result->created_at < poll.answered_at - poll.backlog;
      const auto& stored = ledger_.add(of, *result, history, now);
      if (!history)
        news.push_back(stored);
    }
    result_ledger::list(of, keys);
    of.polled = of.polled_unsaved = true;
    ledger_.note_unsaved(of);
    listing listed{of, keys, memory_decides_};
    write(&listed);
    return news;
  }

  std::vector<stored_result> unfiled(const std::string& workspace) override {
    return ledger_.unfiled(workspace);
  }

  void mark_filed(const std::string& workspace, const std::vector<std::int64_t>& seqs) override {
    ledger_.mark(workspace, seqs, &stored_result::filed);
    write();
  }

  outbox pending(const std::string& workspace, double now) override {
    return ledger_.pending(workspace, now);
  }

  void open_message(const std::string& workspace, const self_message& message) override {
    ledger_.open_message(workspace, message);
    write();
  }

  void close_message(const std::string& workspace, const std::string& message_id,
                     double delivered_start) override {
    ledger_.close_message(workspace, message_id, delivered_start);
    write();
  }

  void mark_notified(const std::string& workspace, const std::vector<std::int64_t>& seqs) override {
    ledger_.mark(workspace, seqs, &stored_result::notified);
    write();
  }

  void mark_woken(const std::string& workspace, const std::vector<std::int64_t>& seqs) override {
    ledger_.mark(workspace, seqs, &stored_result::woken);
    write();
  }

  std::vector<stored_result> results(const std::string& workspace, std::int64_t after,
                                     std::size_t limit) override {
    std::vector<stored_result> saved;
    if (readable())
      check_read(database_->results(workspace, after, limit, saved));
    // Memory has every result that is unfinished and every one that is not saved; what is in the file alone
    // is finished. It may be under an older seq there than here, until that is saved.
    std::map<std::int64_t, stored_result> found;
    std::unordered_set<std::string> here;
    if (auto* of = ledger_.find(workspace))
      for (auto item = of->items.begin(); item != of->items.end(); ++item) {
        const auto& stored = item->second.stored;
        here.insert(result_key(stored.result.delegation_id, stored.result.status));
        if (!item->second.history && item->first > after && found.size() < limit)
          found.emplace(item->first, stored);
      }
    for (auto& stored : saved) {
      auto known = found.find(stored.seq);
      if (known != found.end()) {
        known->second.result = std::move(stored.result); // ours may have given up its texts
      } else if (!here.contains(result_key(stored.result.delegation_id, stored.result.status))) {
        stored.filed = stored.woken = stored.notified = true;
        found.emplace(stored.seq, std::move(stored));
      }
    }
    std::vector<stored_result> answer;
    for (auto& [seq, stored] : found)
      if (answer.size() < limit)
        answer.push_back(std::move(stored));
    return answer;
  }

  outbox_counts counts(const std::string& workspace) override { return ledger_.counts(workspace); }

  store_health health() const override {
    store_health health;
    health.durable = !path_.empty() && !failing_;
    health.trouble = trouble_;
    health.unsaved = path_.empty() ? 0 : ledger_.unsaved_steps();
    health.commits = commits_;
    health.failures = failures_;
    return health;
  }

  bool save_waiting() override {
    if (path_.empty() || !failing_)
      return true;
    if (save(nullptr))
      return true;
    // What a connection has run into may be over for a new one: a disk mounted again, a file put back.
    if (database_ && !full_)
      database_.reset();
    return false;
  }

  std::vector<std::string> take_notices() override { return std::exchange(notices_, {}); }

private:
  bool readable() const { return database_ && !unreadable_; }

  bool knows(const workspace_ledger& of, const std::string& key, const delegation_result& result) {
    if (memory_decides_ && result_ledger::knows(of, key))
      return true;
    bool known = false;
    if (readable() && !check_read(database_->knows(of.name, result, known)))
      return result_ledger::knows(of, key);
    return known;
  }

  bool check_read(bool succeeded) {
    if (succeeded)
      return true;
    auto error = note_failure();
    unreadable_ = true;
    if (error.corrupt())
      save(nullptr, &error);
    return false;
  }

  /// Takes the connection's error, says it in `trouble_`, and lets no further step try until
  /// `save_waiting`.
  sqlite_error note_failure() {
    auto error = database_->error();
    database_->clear_error();
    trouble(error);
    return error;
  }

  void trouble(const sqlite_error& error) {
    ++failures_;
    failing_ = memory_decides_ = true;
    full_ = error.full();
    trouble_ = path_ + ": " + error.text +
               "; results are kept in memory and saved when it works again: " + advice(error, directory_);
  }

  /// Brings what has changed into the database, unless that has failed before: then `save_waiting` does it.
  void write(const listing* listed = nullptr) {
    if (path_.empty() || failing_ || !(listed || !ledger_.unsaved().empty()) || !save(listed))
      ledger_.bound_unsaved();
  }

  /// @param damage what a read has just found, so that the file is replaced first.
  bool save(const listing* listed, const sqlite_error* damage = nullptr) {
    // A second time for a file that was found damaged or gone, and is replaced by a new one.
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (damage && !replace(damage->text))
        return false;
      damage = nullptr;
      if (!database_ && !connect()) {
        failing_ = memory_decides_ = true;
        return false;
      }
      if (database_->moved()) {
        ++failures_;
        memory_decides_ = true;
        notices_.push_back(path_ + " was removed or replaced while in use; opening it anew");
        close();
        continue;
      }
      if (database_->save(ledger_, listed)) {
        ++commits_;
        ledger_.saved();
        failing_ = unreadable_ = full_ = false;
        trouble_.clear();
        return true;
      }
      auto error = note_failure();
      if (!error.corrupt())
        return false;
      if (!replace(error.text))
        return false;
    }
    failing_ = true;
    return false;
  }

  void close() {
    database_->keep_log_on_close();
    database_.reset();
  }

  /// Moves the file aside; the next `connect` begins a new one.
  bool replace(const std::string& why) {
    if (database_)
      close();
    auto to = move_aside(path_);
    if (to.empty()) {
      failing_ = memory_decides_ = true;
      trouble_ = path_ + ": " + why + ", and it cannot be moved aside (" + std::strerror(errno) +
                 "); results are kept in memory: make " + directory_ + " writable or move the file away";
      return false;
    }
    notices_.push_back(path_ + ": " + why + "; it was moved to " + to +
                       " and a new one begun, which knows nothing of results handled by earlier processes");
    return true;
  }

  bool connect() {
    for (int attempt = 0; attempt < 2; ++attempt) {
      auto opening = result_database::open(path_);
      std::string damage;
      switch (opening.how) {
      case result_database::outcome::failed:
        trouble(opening.error);
        return false;
      case result_database::outcome::newer:
        trouble_ = path_ + " was written by a newer version (its schema is " +
                   std::to_string(opening.version) + ", this version knows up to " +
                   std::to_string(result_database::newest_version()) +
                   "); it is left as it is and results are kept in memory: start the newer version "
                   "again, or move the file away";
        return false;
      case result_database::outcome::corrupt:
        damage = "it is damaged (" + opening.error.text + ')';
        break;
      case result_database::outcome::foreign:
        damage = "it is another program's database";
        break;
      case result_database::outcome::opened: {
        result_ledger loaded;
        if (opening.database->load(loaded)) {
          database_ = std::move(opening.database);
          take_in(std::move(loaded));
          return true;
        }
        auto error = opening.database->error();
        if (!error.corrupt()) {
          trouble(error);
          return false;
        }
        opening.database->keep_log_on_close();
        damage = "it is damaged (" + error.text + ')';
      }
      }
      opening.database.reset();
      ++failures_;
      if (!replace(damage))
        return false;
    }
    trouble_ =
        path_ + ": a new database was found damaged at once; results are kept in memory: check the disk";
    return false;
  }

  void take_in(result_ledger&& loaded) {
    unreadable_ = false;
    bool same = connected_ && database_->identity() == identity_;
    bool first = !connected_ && ledger_.workspaces().empty() && !failing_;
    connected_ = true;
    identity_ = database_->identity();
    if (first) {
      ledger_ = std::move(loaded);
      return;
    }
    // All that memory holds is written once more: a file that was given up in trouble may have lost its end.
    ledger_.forget_saved();
    if (!same)
      ledger_.merge(std::move(loaded));
  }

  std::string directory_;
  std::string path_;
  result_ledger ledger_;
  std::unique_ptr<result_database> database_; ///< null while it cannot be opened
  std::int64_t identity_ = 0;                 ///< of the database opened last
  bool connected_ = false;                    ///< one was open at some time
  bool failing_ = false;                      ///< the last write failed; only `save_waiting` tries again
  bool unreadable_ = false;                   ///< and the last read
  bool full_ = false;                         ///< for lack of space, so that the connection itself is good
  bool memory_decides_ = false; ///< the database may not know all that was handled in this process's time
  std::string trouble_;
  std::vector<std::string> notices_;
  std::int64_t commits_ = 0;
  std::int64_t failures_ = 0;
};

} // namespace

std::unique_ptr<result_store> make_memory_store() {
  return std::make_unique<ledger_store>("");
}

std::unique_ptr<result_store> make_durable_store(const std::string& directory) {
  return std::make_unique<ledger_store>(directory);
}

} // namespace workspace_supervisor
