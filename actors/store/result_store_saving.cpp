#include "actors/store/result_store_saving.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <sys/stat.h>
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

} // namespace

result_saving::result_saving(result_ledger& ledger, const std::string& directory)
    : ledger_(ledger)
    , directory_(directory)
    , path_(directory.empty() ? "" : directory + "/results.db") {
  memory_decides_ = path_.empty();
  if (!path_.empty() && !connect()) {
    failing_ = memory_decides_ = true;
    ledger_.set_next_seq(seq_by_clock());
  }
}

bool result_saving::check_read(bool succeeded) {
  if (succeeded)
    return true;
  auto error = note_failure();
  unreadable_ = true;
  if (error.corrupt())
    save(nullptr, &error);
  return false;
}

sqlite_error result_saving::note_failure() {
  auto error = database_->error();
  database_->clear_error();
  trouble(error);
  return error;
}

void result_saving::trouble(const sqlite_error& error) {
  ++failures_;
  failing_ = memory_decides_ = true;
  full_ = error.full();
  trouble_ = path_ + ": " + error.text +
             "; results are kept in memory and saved when it works again: " + advice(error, directory_);
}

void result_saving::write(const listing* listed) {
  if (path_.empty() || failing_ || !(listed || !ledger_.is_saved()) || !save(listed))
    ledger_.bound_unsaved();
}

bool result_saving::save(const listing* listed, const sqlite_error* damage) {
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

void result_saving::close() {
  database_->keep_log_on_close();
  database_.reset();
}

bool result_saving::replace(const std::string& why) {
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

bool result_saving::connect() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto file = open_result_file(path_);
    std::string damage;
    switch (file.how) {
    case result_file::outcome::failed:
      trouble(file.error);
      return false;
    case result_file::outcome::newer:
      trouble_ = path_ + " was written by a newer version (its schema is " + std::to_string(file.version) +
                 ", this version knows up to " + std::to_string(newest_schema()) +
                 "); it is left as it is and results are kept in memory: start the newer version "
                 "again, or move the file away";
      return false;
    case result_file::outcome::corrupt:
      damage = "it is damaged (" + file.error.text + ')';
      break;
    case result_file::outcome::foreign:
      damage = "it is another program's database";
      break;
    case result_file::outcome::opened: {
      auto database = std::make_unique<result_database>(std::move(file));
      result_ledger loaded;
      if (database->load(loaded)) {
        database_ = std::move(database);
        take_in(std::move(loaded));
        return true;
      }
      auto error = database->error();
      if (!error.corrupt()) {
        trouble(error);
        return false;
      }
      database->keep_log_on_close();
      damage = "it is damaged (" + error.text + ')';
    }
    }
    ++failures_;
    if (!replace(damage))
      return false;
  }
  trouble_ = path_ + ": a new database was found damaged at once; results are kept in memory: check the disk";
  return false;
}

void result_saving::take_in(result_ledger&& loaded) {
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

store_health result_saving::health() const {
  store_health health;
  health.durable = !path_.empty() && !failing_;
  health.trouble = trouble_;
  health.unsaved = path_.empty() ? 0 : ledger_.unsaved_steps();
  health.commits = commits_;
  health.failures = failures_;
  return health;
}

bool result_saving::save_waiting() {
  if (path_.empty() || !failing_)
    return true;
  if (save(nullptr))
    return true;
  // What a connection has run into may be over for a new one: a disk mounted again, a file put back.
  if (database_ && !full_)
    database_.reset();
  return false;
}

std::vector<std::string> result_saving::take_notices() {
  return std::exchange(notices_, {});
}

} // namespace workspace_supervisor
