#include "actors/store/result_store.hpp"

#include "actors/store/result_store_ledger.hpp"
#include "actors/store/result_store_saving.hpp"

#include <map>
#include <unordered_set>
#include <utility>

namespace workspace_supervisor {

namespace {

/// The ledger with a database behind it, or with none.
class ledger_store final : public result_store {
public:
  /// @param directory empty: in memory.
  explicit ledger_store(const std::string& directory)
      : saving_(ledger_, directory) {}

  std::vector<stored_result> record(const poll_record& poll, double now) override {
    auto& of = ledger_.workspace(poll.workspace);
    if (!of.polled)
      saving_.read([&](result_database& database) { return database.polled(poll.workspace, of.polled); });
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
    listing listed{of, keys, saving_.memory_decides()};
    saving_.write(&listed);
    return news;
  }

  std::vector<stored_result> unfiled(const std::string& workspace, const result_bounds& bounds) override {
    return ledger_.unfiled(workspace, bounds);
  }

  void mark_filed(const std::string& workspace, const std::vector<std::int64_t>& seqs) override {
    ledger_.mark(workspace, seqs, &stored_result::filed);
    saving_.write();
  }

  outbox pending(const std::string& workspace, double now, const result_bounds& bounds) override {
    return ledger_.pending(workspace, now, bounds);
  }

  void open_message(const std::string& workspace, const self_message& message) override {
    ledger_.open_message(workspace, message);
    saving_.write();
  }

  void close_message(const std::string& workspace, const std::string& message_id,
                     double delivered_start) override {
    ledger_.close_message(workspace, message_id, delivered_start);
    saving_.write();
  }

  void mark_notified(const std::string& workspace, const std::vector<std::int64_t>& seqs) override {
    ledger_.mark(workspace, seqs, &stored_result::notified);
    saving_.write();
  }

  void mark_woken(const std::string& workspace, const std::vector<std::int64_t>& seqs) override {
    ledger_.mark(workspace, seqs, &stored_result::woken);
    saving_.write();
  }

  std::vector<stored_result> results(const std::string& workspace, std::int64_t after,
                                     std::size_t limit) override {
    std::vector<stored_result> saved;
    saving_.read([&](result_database& database) { return database.results(workspace, after, limit, saved); });
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

  added_workspaces added() override {
    added_workspaces all;
    for (const auto& [id, addition] : ledger_.additions())
      if (addition.leaving)
        all.leaving.push_back(id);
      else
        all.workspaces.push_back(addition.workspace);
    return all;
  }

  std::string keep_added(const added_workspace& workspace) override {
    return change_addition(workspace.id, [&] { ledger_.additions()[workspace.id] = {workspace, false}; });
  }

  std::string mark_leaving(const std::string& id) override {
    return change_addition(id, [&] {
      if (const auto found = ledger_.additions().find(id); found != ledger_.additions().end())
        found->second.leaving = true;
    });
  }

  void forget_added(const std::string& id) override {
    if (ledger_.additions().erase(id) == 0)
      return;
    ledger_.note_addition_unsaved(id);
    saving_.write();
  }

  void forget_workspace(const std::string& id) override {
    ledger_.forget(id);
    saving_.write();
  }

  store_health health() const override { return saving_.health(); }
  bool save_waiting() override { return saving_.save_waiting(); }
  std::vector<std::string> take_notices() override { return saving_.take_notices(); }

private:
  /// Makes a change that somebody waits for: what cannot be saved now is taken back.
  template <class Change>
  std::string change_addition(const std::string& id, Change change) {
    auto& additions = ledger_.additions();
    const auto before = additions.find(id);
    const bool was_there = before != additions.end();
    const auto kept = was_there ? before->second : ledger_addition{};
    change();
    ledger_.note_addition_unsaved(id);
    saving_.write();
    if (!ledger_.unsaved_additions().contains(id) || !saving_.is_durable())
      return {};
    if (was_there)
      additions[id] = kept;
    else
      additions.erase(id);
    return saving_.health().trouble;
  }

  bool knows(const workspace_ledger& of, const std::string& key, const delegation_result& result) {
    bool known = saving_.memory_decides() && result_ledger::knows(of, key);
    if (!known &&
        !saving_.read([&](result_database& database) { return database.knows(of.name, result, known); }))
      return result_ledger::knows(of, key);
    return known;
  }

  result_ledger ledger_;
  result_saving saving_;
};

} // namespace

std::unique_ptr<result_store> make_memory_store() {
  return std::make_unique<ledger_store>("");
}

std::unique_ptr<result_store> make_durable_store(const std::string& directory) {
  return std::make_unique<ledger_store>(directory);
}

} // namespace workspace_supervisor
