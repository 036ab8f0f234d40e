#include "actors/store/sqlite_database.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace workspace_supervisor {

bool sqlite_error::corrupt() const {
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR || code == SQLITE_MISMATCH;
}

bool sqlite_error::full() const {
  return code == SQLITE_FULL;
}

bool sqlite_error::out_of_memory() const {
  return code == SQLITE_NOMEM;
}

bool sqlite_error::too_long() const {
  return code == SQLITE_TOOBIG;
}

bool sqlite_has_memory() {
  void* const block = sqlite3_malloc64(std::uint64_t{64} << 20U);
  sqlite3_free(block);
  return block != nullptr;
}

std::unique_ptr<sqlite_database> sqlite_database::open(const std::string& path, sqlite_error& error) {
  // SQLite would create it by the umask; its log takes over the mode of the file.
  int created = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (created >= 0)
    ::close(created);
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (!handle) {
    error = {SQLITE_NOMEM, SQLITE_NOMEM, 0, "opening: out of memory"};
    return nullptr;
  }
  std::unique_ptr<sqlite_database> database{new sqlite_database(handle)};
  sqlite3_extended_result_codes(handle, 1);
  // Statements here are few and kept: the default of 48 KiB for each connection would mostly lie idle.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_LOOKASIDE, nullptr, 128, 64);
  if (code != SQLITE_OK) {
    database->fail(code, "opening");
    error = database->error();
    return nullptr;
  }
  return database;
}

sqlite_database::~sqlite_database() {
  sqlite3_close_v2(handle_);
}

bool sqlite_database::fail(int code, const char* what) {
  error_.extended = code;
  error_.code = code & 0xff;
  bool of_system = error_.code == SQLITE_IOERR || error_.code == SQLITE_CANTOPEN ||
                   error_.code == SQLITE_FULL || error_.code == SQLITE_READONLY;
  error_.system_error = of_system ? sqlite3_system_errno(handle_) : 0;
  error_.text = std::string{what} + ": " + sqlite3_errmsg(handle_);
  if (error_.system_error != 0)
    error_.text += std::string{" ("} + std::strerror(error_.system_error) + ")";
  return false;
}

bool sqlite_database::refuse(const char* why) {
  if (ok())
    error_ = {SQLITE_CORRUPT, SQLITE_CORRUPT, 0, why};
  return false;
}

bool sqlite_database::execute(const char* sql) {
  if (!ok())
    return false;
  int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK || fail(code, sql);
}

std::int64_t sqlite_database::integer(const char* sql, std::int64_t otherwise) {
  sqlite_statement statement{*this, sql};
  return statement.start().row() ? statement.integer(0) : otherwise;
}

std::string sqlite_database::text(const char* sql) {
  sqlite_statement statement{*this, sql};
  return statement.start().row() ? statement.text(0) : std::string{};
}

bool sqlite_database::begin() {
  return execute("begin immediate");
}

bool sqlite_database::commit() {
  return execute("commit");
}

void sqlite_database::rollback() {
  // A statement that stopped at a row would hold its view of the file.
  for (auto* statement = sqlite3_next_stmt(handle_, nullptr); statement;
       statement = sqlite3_next_stmt(handle_, statement))
    sqlite3_reset(statement);
  // Some failures have rolled back by themselves. What fails here fails the next `begin` too, or was undone.
  if (sqlite3_get_autocommit(handle_) == 0)
    sqlite3_exec(handle_, "rollback", nullptr, nullptr, nullptr);
}

bool sqlite_database::moved() {
  int has_moved = 0;
  return sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK &&
         has_moved != 0;
}

bool sqlite_database::read_through() {
  char block[4096];
  for (int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
    sqlite3_file* file = nullptr;
    if (sqlite3_file_control(handle_, "main", which, &file) != SQLITE_OK || !file || !file->pMethods)
      continue;
    sqlite3_int64 size = 0;
    int code = file->pMethods->xFileSize(file, &size);
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += sizeof block) {
      code = file->pMethods->xRead(file, block, sizeof block, at);
      if (code == SQLITE_IOERR_SHORT_READ) // the end
        code = SQLITE_OK;
    }
    if (code != SQLITE_OK)
      return fail(code, "reading the file through");
  }
  return true;
}

std::string sqlite_database::damage() {
  std::string verdict;
  // The check tells of a page that could not be read as of a damaged one. A disk that fails is no reason to
  // give the file up, so it is read through, and checked again, before it is believed.
  for (int attempt = 0; attempt < 2; ++attempt) {
    verdict = text("pragma integrity_check(1)");
    if (!ok() || verdict == "ok" || !read_through())
      return {};
  }
  return verdict;
}

void sqlite_database::keep_log_on_close(bool keep) {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

sqlite_statement::~sqlite_statement() {
  sqlite3_finalize(handle_);
}

bool sqlite_statement::prepare() {
  if (!database_.ok())
    return false;
  if (handle_) {
    reset();
    return true;
  }
  int code = sqlite3_prepare_v3(database_.handle_, sql_, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr);
  return code == SQLITE_OK || database_.fail(code, sql_);
}

bool sqlite_statement::row() {
  if (!database_.ok() || !handle_)
    return false;
  int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW)
    return true;
  if (code != SQLITE_DONE)
    database_.fail(code, sql_);
  reset();
  return false;
}

void sqlite_statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_); // they would keep the longest text in memory
}

std::int64_t sqlite_statement::changes() const {
  return sqlite3_changes64(database_.handle_);
}

std::int64_t sqlite_statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

double sqlite_statement::real(int column) const {
  const double value = sqlite3_column_double(handle_, column);
  return std::isfinite(value) ? value : 0;
}

std::string sqlite_statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return bytes ? std::string{bytes, size} : std::string{};
}

void sqlite_statement::bind_integer(int index, std::int64_t value) {
  if (int code = sqlite3_bind_int64(handle_, index, value); code != SQLITE_OK)
    database_.fail(code, sql_);
}

void sqlite_statement::bind(int index, double value) {
  // SQLite has no NaN: it would be a null where none is allowed, and keep the whole transaction from ending.
  if (int code = sqlite3_bind_double(handle_, index, std::isfinite(value) ? value : 0); code != SQLITE_OK)
    database_.fail(code, sql_);
}

void sqlite_statement::bind(int index, std::string_view value) {
  const char* bytes = value.data() ? value.data() : "";
  if (int code = sqlite3_bind_text64(handle_, index, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      code != SQLITE_OK)
    database_.fail(code, sql_);
}

} // namespace workspace_supervisor
