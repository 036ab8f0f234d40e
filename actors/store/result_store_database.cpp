#include "actors/store/result_store_database.hpp"

#include "actors/text/utf8.hpp"

#include <charconv>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace workspace_supervisor {

namespace {

/// Readers of JSON hold whole numbers up to here; counting never gets so far.
constexpr std::int64_t largest_seq = (std::int64_t{1} << 53) - 1;

/// Takes a `result_key` apart.
bool split_key(std::string_view key, std::string_view& delegation_id, std::string_view& status) {
  std::size_t size = 0;
  auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), size);
  auto head = static_cast<std::size_t>(end - key.data());
  if (error != std::errc{} || head >= key.size() || key[head] != ':' || key.size() - head - 1 < size)
    return false;
  delegation_id = key.substr(head + 1, size);
  status = key.substr(head + 1 + size);
  return true;
}

} // namespace

struct result_database::statements {
  explicit statements(sqlite_database& database)
      : add_workspace(database, "insert into workspaces (name) values (?) on conflict do nothing")
      , find_workspace(database, "select id, polls, polled from workspaces where name = ?")
      , set_polled(database, "update workspaces set polled = 1 where id = ?")
      , set_polls(database, "update workspaces set polls = ?, polled = 1 where id = ?")
      , set_delivered(database, "update workspaces set last_delivered_start = ? where id = ?")
      , add_history(database, "insert into results (workspace, delegation_id, status, recorded_at, filed, "
                              "woken, notified, history, listed, last_listed, seq) "
                              "values (?, ?, ?, ?, 1, 1, 1, 1, 1, 0, ?) on conflict do nothing")
      , add_handled(database, "insert into results (workspace, delegation_id, status, recorded_at, filed, "
                              "woken, notified, history, listed, last_listed, seq) "
                              "values (?, ?, ?, 0, 1, 1, 1, 1, 1, 0, ?) on conflict do nothing")
      , add_result(database,
                   "insert into results (workspace, delegation_id, status, recorded_at, filed, woken, "
                   "notified, history, listed, last_listed, seq) "
                   "values (?, ?, ?, ?, ?, ?, ?, 0, 1, 0, ?) "
                   "on conflict (workspace, delegation_id, status) do update set seq = excluded.seq, "
                   "filed = excluded.filed, woken = excluded.woken, notified = excluded.notified, "
                   "history = 0, listed = 1")
      , add_texts(database, "insert or replace into result_texts (seq, target_id, source_id, summary, "
                            "own_summary, response_preview, error, created_at) "
                            "values (?, ?, ?, ?, ?, ?, ?, ?)")
      , set_steps(database, "update results set filed = ?, woken = ?, notified = ? where seq = ?")
      , drop_message(database, "delete from messages where workspace = ?")
      // Both times are one: a message is recorded for its first attempt.
      , add_message(database, "insert into messages (workspace, message_id, text, created_at, "
                              "first_attempt_at) values (?1, ?2, ?3, ?4, ?4)")
      , add_message_result(database, "insert or ignore into message_results (workspace, seq) "
                                     "select ?, seq from results where seq = ?")
      , drop_attempts(database, "delete from message_attempts where workspace = ? and (at < ? or at > ?)")
      , add_attempt(database, "insert or ignore into message_attempts (workspace, at) values (?, ?)")
      , read_listed(database,
                    "select seq, delegation_id, status from results where workspace = ? and listed = 1")
      , set_listed(database, "update results set listed = 1 where workspace = ? and delegation_id = ? and "
                             "status = ?")
      , set_unlisted(database, "update results set listed = 0, last_listed = ? where seq = ?")
      , prune(database, "delete from results where seq in (select seq from results where workspace = ? and "
                        "listed = 0 and filed + woken + notified = 3 "
                        "order by last_listed desc, seq desc limit -1 offset ?)")
      , knows(database, "select 1 from results join workspaces on workspaces.id = results.workspace "
                        "where workspaces.name = ? and delegation_id = ? and status = ?")
      , read_results(database,
                     "select results.seq, delegation_id, status, recorded_at, filed, woken, notified, "
                     "target_id, source_id, summary, own_summary, response_preview, error, created_at "
                     "from results join result_texts on result_texts.seq = results.seq "
                     "where workspace = (select id from workspaces where name = ?) and results.seq > ? "
                     "and history = 0 order by results.seq limit ?")
      , probe(database, "update store set probes = probes + 1")
      , put_addition(database, "insert or replace into added_workspaces (name, configs_dir, results_file, "
                               "platform_url, socket, leaving) values (?, ?, ?, ?, ?, ?)")
      , drop_addition(database, "delete from added_workspaces where name = ?")
      , drop_all_attempts(database, "delete from message_attempts where workspace = ?")
      , drop_results(database, "delete from results where workspace = ?")
      , drop_workspace(database, "delete from workspaces where id = ?") {}

  sqlite_statement add_workspace, find_workspace, set_polled, set_polls, set_delivered, add_history,
      add_handled, add_result, add_texts, set_steps, drop_message, add_message, add_message_result,
      drop_attempts, add_attempt, read_listed, set_listed, set_unlisted, prune, knows, read_results, probe,
      put_addition, drop_addition, drop_all_attempts, drop_results, drop_workspace;
};

result_database::result_database(result_file file)
    : database_(std::move(file.database))
    , identity_(file.identity)
    , sql_(std::make_unique<statements>(*database_)) {}

result_database::~result_database() = default;

stored_result result_database::read_result(const sqlite_statement& row) const {
  // What was changed in the file behind SQLite's back is text all the same where it is told.
  const auto text = [&row](int column) {
    return valid_utf8(row.text(column));
  };
  stored_result stored;
  stored.seq = row.integer(0);
  stored.result.delegation_id = text(1);
  stored.result.status = text(2);
  stored.recorded_at = row.real(3);
  stored.filed = row.integer(4) != 0;
  stored.woken = row.integer(5) != 0;
  stored.notified = row.integer(6) != 0;
  stored.result.target_id = text(7);
  stored.result.source_id = text(8);
  stored.result.summary = text(9);
  stored.result.own_summary = text(10);
  stored.result.response_preview = text(11);
  stored.result.error = text(12);
  stored.result.created_at = row.real(13);
  return stored;
}

bool result_database::load(result_ledger& into) {
  auto last = database_->integer("select max(coalesce((select max(seq) from results), 0), "
                                 "coalesce((select seq from sqlite_sequence where name = 'results'), 0))");
  if (database_->integer("select coalesce(min(seq), 1) from results", 1) < 1 || last < 0 ||
      last > largest_seq)
    return database_->refuse("a result's number is out of range");
  into.set_next_seq(last + 1);
  sqlite_statement unfinished{
      *database_, "select results.seq, delegation_id, status, recorded_at, filed, woken, notified, "
                  "target_id, source_id, summary, own_summary, response_preview, error, created_at, name "
                  "from results join result_texts on result_texts.seq = results.seq "
                  "join workspaces on workspaces.id = results.workspace "
                  "where filed + woken + notified < 3"};
  unfinished.start();
  std::unordered_set<std::int64_t> seqs_read;
  while (unfinished.row()) {
    ledger_item item;
    item.stored = read_result(unfinished);
    item.in_database = true;
    // Of a damaged tree: two results with one number could never be saved into a sound one.
    if (item.stored.seq < 1 || item.stored.seq > last || !seqs_read.insert(item.stored.seq).second)
      return database_->refuse("results' numbers are out of order");
    into.workspace(unfinished.text(14)).items.emplace(item.stored.seq, std::move(item));
  }
  sqlite_statement messages{*database_, "select name, message_id, text, created_at from messages "
                                        "join workspaces on workspaces.id = messages.workspace"};
  messages.start();
  while (messages.row()) {
    auto& message = into.workspace(messages.text(0)).open_message;
    message = std::make_unique<self_message>();
    message->message_id = messages.text(1);
    message->text = messages.text(2);
    message->created_at = messages.real(3);
  }
  sqlite_statement seqs{*database_, "select name, seq from message_results join workspaces "
                                    "on workspaces.id = message_results.workspace order by seq"};
  seqs.start();
  while (seqs.row())
    if (auto& message = into.workspace(seqs.text(0)).open_message)
      message->seqs.push_back(seqs.integer(1));
  sqlite_statement attempts{*database_, "select name, at from message_attempts join workspaces "
                                        "on workspaces.id = message_attempts.workspace order by at"};
  attempts.start();
  while (attempts.row())
    into.workspace(attempts.text(0)).attempts.push_back(attempts.real(1));
  sqlite_statement delivered{*database_, "select name, last_delivered_start from workspaces "
                                         "where last_delivered_start > 0"};
  delivered.start();
  while (delivered.row())
    into.workspace(delivered.text(0)).last_delivered_start = delivered.real(1);
  sqlite_statement additions{*database_,
                             "select name, configs_dir, results_file, platform_url, socket, leaving "
                             "from added_workspaces"};
  additions.start();
  while (additions.row()) {
    auto& addition = into.additions()[additions.text(0)];
    addition.workspace = {additions.text(0), additions.text(1), additions.text(2), additions.text(3),
                          additions.text(4)};
    addition.leaving = additions.integer(5) != 0;
  }
  return database_->ok();
}

bool result_database::save(result_ledger& ledger, const listing* listed) {
  set_synced(needs_sync(ledger) || !listed);
  database_->begin();
  bool wrote = !ledger.forgotten().empty() || !ledger.unsaved_additions().empty();
  // First, for the id may be in use again.
  for (const auto& name : ledger.forgotten())
    forget(name);
  save_additions(ledger);
  for (const auto* of : ledger.unsaved()) {
    wrote = true;
    auto workspace = row_of(of->name);
    for (auto seq : of->unsaved)
      if (auto found = of->items.find(seq); found != of->items.end() && found->second.unsaved)
        save_item(workspace, found->second);
    if (of->message_unsaved)
      save_message(workspace, *of);
    if (of->attempts_unsaved)
      save_attempts(workspace, *of);
    if (of->delivered_unsaved)
      sql_->set_delivered.run(of->last_delivered_start, workspace);
    if (of->polled_unsaved)
      sql_->set_polled.run(workspace);
    if (!database_->ok())
      break;
  }
  if (listed)
    save_listing(row_of(listed->of.name), *listed, ledger);
  else if (!wrote)
    sql_->probe.run();
  if (database_->commit())
    return true;
  database_->rollback();
  return false;
}

void result_database::forget(const std::string& workspace) {
  auto& find = sql_->find_workspace;
  if (!find.start(workspace).row())
    return;
  const auto id = find.integer(0);
  find.reset();
  sql_->drop_message.run(id); // what it tells of goes with it
  sql_->drop_all_attempts.run(id);
  sql_->drop_results.run(id); // their texts too
  sql_->drop_workspace.run(id);
}

void result_database::save_additions(result_ledger& ledger) {
  for (const auto& id : ledger.unsaved_additions()) {
    const auto found = ledger.additions().find(id);
    if (found == ledger.additions().end()) {
      sql_->drop_addition.run(id);
      continue;
    }
    const auto& [workspace, leaving] = found->second;
    sql_->put_addition.run(workspace.id, workspace.configs_dir, workspace.results_file,
                           workspace.platform_url, workspace.socket, leaving);
  }
}

bool result_database::needs_sync(const result_ledger& ledger) {
  if (!ledger.unsaved_additions().empty() || !ledger.forgotten().empty())
    return true;
  for (const auto* of : ledger.unsaved()) {
    if (of->message_unsaved || of->attempts_unsaved || of->delivered_unsaved)
      return true;
    for (auto seq : of->unsaved)
      if (auto found = of->items.find(seq); found != of->items.end() && !found->second.history)
        return true;
  }
  return false;
}

void result_database::set_synced(bool synced) {
  if (synced != synced_ &&
      database_->execute(synced ? "pragma synchronous = full" : "pragma synchronous = normal"))
    synced_ = synced;
}

std::int64_t result_database::row_of(const std::string& workspace) {
  auto& find = sql_->find_workspace;
  if (!find.start(workspace).row()) {
    sql_->add_workspace.run(workspace);
    if (!find.start(workspace).row())
      return 0;
  }
  auto id = find.integer(0);
  find.reset();
  return id;
}

void result_database::save_item(std::int64_t workspace, const ledger_item& item) {
  const auto& stored = item.stored;
  const auto& result = stored.result;
  if (item.in_database) {
    sql_->set_steps.run(stored.filed, stored.woken, stored.notified, stored.seq);
  } else if (item.history) {
    sql_->add_history.run(workspace, result.delegation_id, result.status, stored.recorded_at, stored.seq);
  } else {
    // The key may be there under another seq: recorded by an earlier process, while this one could not read
    // the file. What this one has done decides.
    sql_->add_result.run(workspace, result.delegation_id, result.status, stored.recorded_at, stored.filed,
                         stored.woken, stored.notified, stored.seq);
    sql_->add_texts.run(stored.seq, result.target_id, result.source_id, result.summary, result.own_summary,
                        result.response_preview, result.error, result.created_at);
  }
}

void result_database::save_message(std::int64_t workspace, const workspace_ledger& of) {
  sql_->drop_message.run(workspace);
  if (!of.open_message)
    return;
  const auto& message = *of.open_message;
  sql_->add_message.run(workspace, message.message_id, message.text, message.created_at);
  for (auto seq : message.seqs)
    sql_->add_message_result.run(workspace, seq);
}

void result_database::save_attempts(std::int64_t workspace, const workspace_ledger& of) {
  if (of.attempts.empty())
    return;
  sql_->drop_attempts.run(workspace, of.attempts.front(), of.attempts.back());
  for (auto at : of.attempts)
    sql_->add_attempt.run(workspace, at);
}

void result_database::save_listing(std::int64_t workspace, const listing& listed, result_ledger& ledger) {
  std::unordered_set<std::string_view> keys{listed.keys.begin(), listed.keys.end()};
  if (!sql_->find_workspace.start(listed.of.name).row())
    return;
  auto polls = sql_->find_workspace.integer(1);
  sql_->find_workspace.reset();
  // Of a long list little changes between two answers: only that is written.
  std::vector<std::int64_t> gone;
  auto& rows = sql_->read_listed;
  rows.start(workspace);
  while (rows.row())
    if (keys.erase(result_key(rows.text(1), rows.text(2))) == 0)
      gone.push_back(rows.integer(0));
  for (auto seq : gone)
    sql_->set_unlisted.run(polls, seq);
  for (auto key : keys) {
    std::string_view delegation_id;
    std::string_view status;
    if (!split_key(key, delegation_id, status))
      continue;
    if (sql_->set_listed.run(workspace, delegation_id, status) && sql_->set_listed.changes() == 0 &&
        listed.complete && result_ledger::knows(listed.of, key))
      sql_->add_handled.run(workspace, delegation_id, status, ledger.take_seq());
  }
  sql_->set_polls.run(polls + 1, workspace);
  if (!gone.empty())
    sql_->prune.run(workspace, static_cast<std::int64_t>(result_ledger::kept_finished));
}

bool result_database::polled(const std::string& workspace, bool& answer) {
  auto& find = sql_->find_workspace;
  answer = false;
  if (find.start(workspace).row()) {
    answer = find.integer(2) != 0;
    find.reset();
  }
  return database_->ok();
}

bool result_database::knows(const std::string& workspace, const delegation_result& result, bool& answer) {
  answer = sql_->knows.start(workspace, result.delegation_id, result.status).row();
  if (answer)
    sql_->knows.reset();
  return database_->ok();
}

bool result_database::results(const std::string& workspace, std::int64_t after, std::size_t limit,
                              std::vector<stored_result>& found) {
  auto& rows = sql_->read_results;
  rows.start(workspace, after, static_cast<std::int64_t>(limit));
  while (rows.row())
    found.push_back(read_result(rows));
  return database_->ok();
}

} // namespace workspace_supervisor
