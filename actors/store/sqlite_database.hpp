#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

struct sqlite3;
struct sqlite3_stmt;

namespace workspace_supervisor {

/// A failure of SQLite, as a value.
struct sqlite_error {
  int code = 0;         ///< SQLite's primary result code; 0: none
  int extended = 0;     ///< its extended one
  int system_error = 0; ///< errno of the file operation behind it, 0 when there is none
  std::string text;     ///< which statement failed and how

  /// The file is damaged, no database, or not with our tables: what is asked of them is constant, so that a
  /// statement which is wrong of itself says so.
  bool corrupt() const;
  bool full() const;          ///< there is no space left
  bool out_of_memory() const; ///< short of it, or asked for more than there is
  bool too_long() const;      ///< a text or a row beyond SQLite's bound
};

/// Whether SQLite can be given memory for far more than a sound file takes. Any thread.
bool sqlite_has_memory();

/// A connection to one database file, used by one thread at a time. Its error is kept: after a failure every
/// further step does nothing and says false, until `clear_error`, so that a transaction is checked once,
/// where it commits.
class sqlite_database {
public:
  /// Opens or creates the file (0600). @returns null with `error` set when that fails.
  static std::unique_ptr<sqlite_database> open(const std::string& path, sqlite_error& error);
  ~sqlite_database();
  sqlite_database(const sqlite_database&) = delete;
  sqlite_database& operator=(const sqlite_database&) = delete;

  bool execute(const char* sql);
  /// @returns the first column of the first row; `otherwise` when there is none.
  std::int64_t integer(const char* sql, std::int64_t otherwise = 0);
  std::string text(const char* sql);
  bool begin();
  bool commit();
  /// Ends a transaction if one is open. Leaves the error as it is.
  void rollback();

  /// Whether the file is no longer the one at its path.
  bool moved();
  /// Looks for damage (`pragma integrity_check`: twice the time of `quick_check`, which passes over indexes
  /// that do not fit their table). @returns what it found, empty when nothing or on failure.
  std::string damage();
  /// Leaves the file and its log as they are when the connection closes.
  void keep_log_on_close(bool keep);

  /// What was read cannot be: as damage that SQLite has found itself.
  bool refuse(const char* why);

  bool ok() const { return error_.code == 0; }
  const sqlite_error& error() const { return error_; }
  void clear_error() { error_ = {}; }

private:
  friend class sqlite_statement;
  explicit sqlite_database(sqlite3* handle)
      : handle_(handle) {}
  bool fail(int code, const char* what);
  /// Reads the file and its log from end to end.
  bool read_through();

  sqlite3* handle_;
  sqlite_error error_;
};

/// A statement of one connection, prepared at its first use and kept. Ends before its connection.
class sqlite_statement {
public:
  sqlite_statement(sqlite_database& database, const char* sql)
      : database_(database)
      , sql_(sql) {}
  ~sqlite_statement();
  sqlite_statement(const sqlite_statement&) = delete;
  sqlite_statement& operator=(const sqlite_statement&) = delete;

  /// Begins anew with these values for its parameters; then `row` until it says false.
  template <class... Values>
  sqlite_statement& start(const Values&... values) {
    if (prepare()) {
      int index = 0;
      (bind(++index, values), ...);
    }
    return *this;
  }
  /// Runs to its end. @returns whether it succeeded.
  template <class... Values>
  bool run(const Values&... values) {
    start(values...);
    while (row()) {
    }
    return database_.ok();
  }
  /// Steps. @returns whether there is a row; at the end and after a failure the statement is reset.
  bool row();
  /// Ends before the last row.
  void reset();
  /// Rows that the last run changed.
  std::int64_t changes() const;

  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;

private:
  bool prepare();
  template <class Integer>
  requires std::is_integral_v<Integer>
  void bind(int index, Integer value) { bind_integer(index, static_cast<std::int64_t>(value)); }
  void bind_integer(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view value);

  sqlite_database& database_;
  const char* sql_;
  sqlite3_stmt* handle_ = nullptr;
};

} // namespace workspace_supervisor
