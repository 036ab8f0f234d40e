#include "actors/store/result_store.hpp"
#include "tests/support/fuzz_input.hpp"

#include <sqlite3.h>

#include <array>
#include <fcntl.h>
#include <sys/stat.h>

using namespace workspace_supervisor;

namespace fs = std::filesystem;

namespace {

/// A database and its log, as the store left them.
struct database_files {
  std::string database;
  std::string log;
};

std::string read_file(const std::string& path) {
  std::string bytes;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return bytes;
  struct ::stat status {};
  ::fstat(file, &status);
  bytes.resize(static_cast<std::size_t>(status.st_size));
  must(::read(file, bytes.data(), bytes.size()) == status.st_size, "a file is read");
  ::close(file);
  return bytes;
}

void write_file(const std::string& path, const std::string& bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  must(file >= 0 && ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
       "a file is written");
  ::close(file);
}

std::string empty_folder(const std::string& name) {
  auto folder = memory_folder() + '/' + name;
  fs::remove_all(folder);
  fs::create_directory(folder);
  return folder;
}

delegation_result result(const std::string& id, const std::string& workspace) {
  return {id, "ws-9", workspace, "completed", "summary of " + id, "", "preview of " + id, "", 1'700'000'000};
}

poll_record poll(const std::string& workspace, const std::vector<std::string>& ids) {
  poll_record made{workspace, {}, {}, 1'700'000'100, 1e9};
  for (const auto& id : ids) {
    made.results.push_back(result(id, workspace));
    made.listed.push_back(result_key(id, "completed"));
  }
  return made;
}

void fill(result_store& store) {
  for (const std::string workspace : {"ws-1", "ws-2"}) {
    const auto news = store.record(poll(workspace, {"d-1", "d-2", "d-3", "d-4"}), 1'700'000'100);
    std::vector<std::int64_t> seqs;
    for (const auto& stored : news)
      seqs.push_back(stored.seq);
    store.mark_filed(workspace, {seqs[0], seqs[1], seqs[2]});
    store.mark_notified(workspace, {seqs[0]});
    store.open_message(workspace, {"m-" + workspace, "two results", {seqs[0], seqs[1]}, 1'700'000'101});
  }
  store.close_message("ws-2", "m-ws-2", 1'700'000'102);
  store.keep_added({"ws-7", "/configs/ws-7", "/configs/ws-7/results", "http://platform", ""});
  must(store.health().durable, "a new database is durable", store.health().trouble);
}

/// Closed in order; and as a process that was killed leaves it, with its log.
const std::array<database_files, 2>& templates() {
  static const auto made = [] {
    std::array<database_files, 2> files;
    const auto folder = empty_folder("template");
    auto store = make_durable_store(folder);
    fill(*store);
    files[1] = {read_file(folder + "/results.db"), read_file(folder + "/results.db-wal")};
    store.reset();
    files[0].database = read_file(folder + "/results.db");
    must(!files[1].log.empty(), "there is a log");
    return files;
  }();
  return made;
}

void edit(std::string& bytes, fuzz_input& input) {
  const auto drawn = input.number() * 256 + input.byte();
  const auto how = input.below(5);
  if (bytes.empty())
    return;
  const auto at = drawn % bytes.size();
  switch (how) {
  case 0:
    bytes[at] = static_cast<char>(input.byte());
    break;
  case 1:
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << input.below(8)));
    break;
  case 2: {
    const auto written = input.bytes(1 + input.below(16)).substr(0, bytes.size() - at);
    bytes.replace(at, written.size(), written);
    break;
  }
  case 3: {
    const auto from = (input.number() * 256 + input.byte()) % bytes.size();
    const auto length = std::min({input.number() % 4096 + 1, bytes.size() - at, bytes.size() - from});
    bytes.replace(at, length, bytes.substr(from, length));
    break;
  }
  default:
    bytes.resize(input.flag() ? at : bytes.size() + at % 8192);
  }
}

enum class verdict { sound, damaged, newer };

/// What SQLite itself finds, in a folder of its own.
verdict look(const database_files& files) {
  static const auto folder = empty_folder("look");
  const auto path = folder + "/results.db";
  write_file(path, files.database);
  write_file(path + "-wal", files.log);
  sqlite3* handle = nullptr;
  sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
  sqlite3_exec(handle, "pragma locking_mode = exclusive", nullptr, nullptr, nullptr);
  sqlite3_stmt* statement = nullptr;
  auto found = verdict::damaged;
  auto code = sqlite3_prepare_v2(handle, "pragma user_version", -1, &statement, nullptr);
  if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) > 2)
    found = verdict::newer;
  sqlite3_finalize(statement);
  if (found != verdict::newer) {
    code = sqlite3_prepare_v2(handle, "pragma integrity_check", -1, &statement, nullptr);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
        std::string_view(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0))) == "ok")
      found = verdict::sound;
    sqlite3_finalize(statement);
  }
  sqlite3_close(handle);
  return found;
}

/// By SQLite alone, which is a third of what a store does at a start.
bool holds(const std::string& path, const std::string& id) {
  sqlite3* handle = nullptr;
  sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
  sqlite3_exec(handle, "pragma locking_mode = exclusive", nullptr, nullptr, nullptr);
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(handle, "select 1 from results where delegation_id = ?", -1, &statement, nullptr);
  sqlite3_bind_text(statement, 1, id.c_str(), -1, SQLITE_STATIC);
  const bool found = sqlite3_step(statement) == SQLITE_ROW;
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return found;
}

bool moved_aside(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().find("corrupt") != std::string::npos)
      return true;
  return false;
}

bool has(result_store& store, const std::string& id) {
  for (const auto& stored : store.results("ws-1", 0, 1000))
    if (stored.result.delegation_id == id)
      return true;
  return false;
}

/// Everything that is asked of a store at a start.
void ask_all(result_store& store) {
  for (const std::string workspace : {"ws-1", "ws-2"}) {
    must(store.results(workspace, 0, 1000).size() <= 1000, "results have their bound");
    store.unfiled(workspace);
    store.pending(workspace, 1'700'000'200);
    store.counts(workspace);
  }
  store.added();
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // One thread, and nobody asks how much memory it takes: locks for nothing.
  must(sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 512, 512) == SQLITE_OK &&
           sqlite3_vfs_register(sqlite3_vfs_find("unix-none"), 1) == SQLITE_OK,
       "SQLite takes its settings");
  return 0;
}

/// A database of any bytes, or one of ours with some of them changed, is moved aside when it is damaged;
/// whatever was there, results are recorded, and are there after a restart.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  const auto mode = input.byte();
  auto files = templates()[mode % 2];
  if (mode >= 250) {
    files.database = input.rest();
    files.log.clear();
  }
  while (!input.empty())
    edit(mode % 2 == 1 && input.flag() ? files.log : files.database, input);

  static const auto folder = memory_folder() + "/state";
  empty_folder("state");
  write_file(folder + "/results.db", files.database);
  if (!files.log.empty())
    write_file(folder + "/results.db-wal", files.log);
  {
    const auto store = make_durable_store(folder);
    const bool aside = moved_aside(folder);
    // Of the new one that is there instead one in four is asked: nothing of the input is in it.
    if (aside && mode % 8 > 1)
      return 0;
    // SQLite itself is asked only where its answer matters: it takes a fifth of the time.
    const auto found = aside ? verdict::damaged : look(files);
    must(aside || found != verdict::damaged || files.database.empty(), "what is damaged is moved aside",
         store->health().trouble);
    ask_all(*store);
    store->record(poll("ws-1", {"d-1", "d-new"}), 1'700'000'300);
    must(has(*store, "d-new"), "a result is recorded", store->health().trouble);
    if (found == verdict::newer)
      return 0;
    for (int attempt = 0; attempt < 3 && !store->health().durable; ++attempt)
      store->save_waiting();
    must(store->health().durable, "it is on the disk", store->health().trouble);
  }
  // As it is on the disk: to open it once more takes a third of the time of all before.
  if (mode % 8 > 3 || (mode % 8 > 1 && holds(folder + "/results.db", "d-new")))
    return 0;
  const auto store = make_durable_store(folder);
  must(store->health().durable, "it can be opened again", store->health().trouble);
  must(has(*store, "d-new"), "what was recorded is there after a restart",
       moved_aside(folder) ? "a database was moved aside" : "none was moved aside");
  return 0;
}
