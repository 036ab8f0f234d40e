#include "actors/store/result_store_schema.hpp"

#include <array>
#include <cstdint>
#include <fstream>
#include <sys/stat.h>
#include <utility>

namespace workspace_supervisor {

namespace {

constexpr std::int64_t application_id = 0x57537570; ///< "WSup"

/// Entry N brings the tables from version N to N + 1. Never change one that was released: add the next.
constexpr std::array migrations = {
    R"sql(
create table store (
  one integer primary key check (one = 1),
  identity integer not null,            -- drawn once, tells this database from every other
  probes integer not null default 0     -- written when there is nothing else, to see whether writing works
) strict;
insert into store (one, identity) values (1, random());

create table workspaces (
  id integer primary key,
  name text not null unique,
  polled integer not null default 0,    -- its first poll was recorded
  polls integer not null default 0,     -- recorded ones; what results.last_listed counts in
  last_delivered_start real not null default 0
) strict;

create table results (
  seq integer primary key autoincrement, -- never given twice, not even after the last one was deleted
  workspace integer not null references workspaces (id),
  delegation_id text not null,
  status text not null,
  recorded_at real not null,
  filed integer not null,
  woken integer not null,
  notified integer not null,
  history integer not null,             -- of a first poll: handled without being told
  listed integer not null,              -- the platform's last answer has it
  last_listed integer not null,         -- number of the last poll that had it, valid when not listed
  unique (workspace, delegation_id, status)
) strict;
create index results_listing on results (workspace, listed, last_listed);
create index results_told on results (workspace) where history = 0;
create index results_unfinished on results (workspace) where filed + woken + notified < 3;

-- Apart from `results`, so that looking through many keys does not read their texts.
create table result_texts (
  seq integer primary key references results (seq) on delete cascade on update cascade,
  target_id text not null,
  source_id text not null,
  summary text not null,
  own_summary text not null,
  response_preview text not null,
  error text not null,
  created_at real not null
) strict;

-- The open self-message of a workspace, at most one.
create table messages (
  workspace integer primary key references workspaces (id),
  message_id text not null,
  text text not null,
  created_at real not null,
  first_attempt_at real not null
) strict;

create table message_results (
  workspace integer not null references messages (workspace) on delete cascade,
  seq integer not null references results (seq) on delete cascade on update cascade,
  primary key (workspace, seq)
) strict, without rowid;
create index message_results_by_result on message_results (seq);

-- First attempts of the last hour's self-messages.
create table message_attempts (
  workspace integer not null references workspaces (id),
  at real not null,
  primary key (workspace, at)
) strict, without rowid;
)sql",
    R"sql(
-- Workspaces that no configuration names: they were added to a process as it ran.
create table added_workspaces (
  name text primary key,
  configs_dir text not null,
  results_file text not null,
  platform_url text not null,
  socket text not null,                 -- empty: none of its own
  leaving integer not null              -- it is being removed
) strict, without rowid;
)sql"};

/// Beyond this many bytes a whole check at the start would take longer than it is worth; damage then shows
/// when it is met.
constexpr off_t checked_size = off_t{64} << 20U;

/// Whether the file's header asks of this version of SQLite to read alone: no version of ours has written
/// that.
bool refuses_writing(const std::string& path) {
  constexpr std::streamoff write_version = 18;
  std::ifstream file(path, std::ios::binary);
  file.seekg(write_version);
  const int found = file.get();
  return file.good() && found > 2;
}

result_file open_once(const std::string& path) {
  result_file result;
  auto database = sqlite_database::open(path, result.error);
  if (!database) {
    result.how = result.error.corrupt() ? result_file::outcome::corrupt : result_file::outcome::failed;
    return result;
  }
  auto give_up = [&](result_file::outcome how) -> result_file {
    result.how = how;
    result.error = database->error();
    return std::move(result);
  };
  auto failed = [&] {
    return give_up(database->error().corrupt() ? result_file::outcome::corrupt
                                               : result_file::outcome::failed);
  };

  // Until the file is known to be ours it is left as it is, its log too.
  database->keep_log_on_close(true);
  // The state directory's lock keeps others away anyway. In this mode the index of the log is in memory,
  // and no shared memory is needed, which not every file system under a container has.
  database->execute("pragma locking_mode = exclusive");
  database->execute("pragma cache_size = -256"); // KiB
  database->execute("pragma mmap_size = 0");
  database->execute("pragma temp_store = memory");
  database->execute("pragma trusted_schema = off");
  auto id = database->integer("pragma application_id");
  auto version = database->integer("pragma user_version");
  auto tables = database->integer("select count(*) from sqlite_schema");
  if (!database->ok())
    return failed();
  if (version < 0 || refuses_writing(path)) {
    database->refuse(version < 0 ? "its schema has a negative version"
                                 : "its header says that it is of another SQLite");
    return failed();
  }
  bool fresh = id == 0 && version == 0 && tables == 0;
  if (!fresh && id != application_id)
    return give_up(result_file::outcome::foreign);
  if (version > newest_schema()) {
    result.version = version;
    return give_up(result_file::outcome::newer);
  }
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && status.st_size <= checked_size) {
    auto damage = database->damage();
    if (!damage.empty()) {
      give_up(result_file::outcome::corrupt);
      result.error.text = "checking: " + damage;
      return result;
    }
    if (!database->ok())
      return failed();
  }

  database->execute("pragma journal_mode = wal");
  database->execute("pragma synchronous = full");
  database->execute("pragma wal_autocheckpoint = 256");     // pages: 1 MiB
  database->execute("pragma journal_size_limit = 1048576"); // bytes
  database->execute("pragma foreign_keys = on");
  if (version < newest_schema() && database->begin()) {
    for (auto next = version; next < newest_schema(); ++next)
      database->execute(migrations[static_cast<std::size_t>(next)]);
    database->execute(("pragma user_version = " + std::to_string(newest_schema())).c_str());
    database->execute(("pragma application_id = " + std::to_string(application_id)).c_str());
    database->commit();
    database->rollback();
  }
  result.identity = database->integer("select identity from store");
  if (!database->ok())
    return failed();
  database->keep_log_on_close(false);
  result.how = result_file::outcome::opened;
  result.database = std::move(database);
  return result;
}

} // namespace

std::int64_t newest_schema() {
  return static_cast<std::int64_t>(migrations.size());
}

result_file open_result_file(const std::string& path) {
  const auto wants_memory = [](const result_file& file) {
    return file.how == result_file::outcome::failed && file.error.out_of_memory();
  };
  auto file = open_once(path);
  // For a damaged length SQLite wants gigabytes. A process that is short of memory gives no file up: it is
  // believed only where it wants them once more while there is memory before and after.
  if (wants_memory(file) && sqlite_has_memory()) {
    file = open_once(path);
    if (wants_memory(file) && sqlite_has_memory())
      file.how = result_file::outcome::corrupt;
  }
  // Nothing of ours has been written yet that could be too long.
  if (file.how == result_file::outcome::failed && file.error.too_long())
    file.how = result_file::outcome::corrupt;
  return file;
}

} // namespace workspace_supervisor
