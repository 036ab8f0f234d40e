#include "actors/store/result_store_ledger.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <unordered_set>

namespace workspace_supervisor {

namespace {

constexpr double hour = 3600; // seconds

std::uint64_t hash_of(std::string_view key) {
  return std::hash<std::string_view>{}(key);
}

std::size_t text_size(const delegation_result& result) {
  return result.summary.size() + result.own_summary.size() + result.response_preview.size() +
         result.error.size();
}

void drop_texts(delegation_result& result) {
  for (auto* text : {&result.summary, &result.own_summary, &result.response_preview, &result.error})
    std::string{}.swap(*text);
}

/// Cuts the text to at most so many bytes, not within a character.
void cut_text(std::string& text, std::size_t most) {
  if (text.size() <= most)
    return;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80U)
    --most;
  text.resize(most);
  text.shrink_to_fit();
}

/// Copies of results for as long as the bounds allow.
struct bounded_results {
  result_bounds bounds;
  std::vector<stored_result> results;
  std::size_t bytes = 0;
  bool full = false;

  /// @returns whether this one is among them; behind one that is not, none is.
  bool take(const stored_result& stored) {
    full = full || results.size() >= bounds.results || bytes >= bounds.bytes;
    if (full)
      return false;
    auto& result = results.emplace_back(stored).result;
    for (auto* text : {&result.delegation_id, &result.target_id, &result.source_id, &result.summary,
                       &result.own_summary, &result.response_preview, &result.error}) {
      cut_text(*text, bounds.text);
      bytes += text->size();
    }
    return true;
  }
};

} // namespace

workspace_ledger& result_ledger::workspace(const std::string& name) {
  auto [found, is_new] = workspaces_.try_emplace(name);
  if (is_new)
    found->second.name = name;
  return found->second;
}

workspace_ledger* result_ledger::find(const std::string& name) {
  auto found = workspaces_.find(name);
  return found == workspaces_.end() ? nullptr : &found->second;
}

bool result_ledger::knows(const workspace_ledger& of, std::string_view key) {
  auto hash = hash_of(key);
  return std::binary_search(of.listed.begin(), of.listed.end(), hash) ||
         std::find(of.earlier.begin(), of.earlier.end(), hash) != of.earlier.end();
}

const stored_result& result_ledger::add(workspace_ledger& to, const delegation_result& result, bool history,
                                        double now) {
  auto seq = take_seq();
  auto& item = to.items[seq];
  item.stored.seq = seq;
  item.stored.result = result;
  item.stored.recorded_at = now;
  item.history = history;
  if (history) {
    drop_texts(item.stored.result);
    item.stored.filed = item.stored.woken = item.stored.notified = true;
    finished_.emplace_back(&to, seq);
  }
  note_unsaved(to, item);
  return item.stored;
}

void result_ledger::list(workspace_ledger& of, const std::vector<std::string>& keys) {
  std::vector<std::uint64_t> now_listed;
  now_listed.reserve(keys.size());
  for (const auto& key : keys)
    now_listed.push_back(hash_of(key));
  std::sort(now_listed.begin(), now_listed.end());
  now_listed.erase(std::unique(now_listed.begin(), now_listed.end()), now_listed.end());
  std::erase_if(of.earlier,
                [&](auto hash) { return std::binary_search(now_listed.begin(), now_listed.end(), hash); });
  std::set_difference(of.listed.begin(), of.listed.end(), now_listed.begin(), now_listed.end(),
                      std::back_inserter(of.earlier));
  if (of.earlier.size() > kept_finished)
    of.earlier.erase(of.earlier.begin(), of.earlier.end() - kept_finished);
  of.listed = std::move(now_listed);
}

void result_ledger::mark(const std::string& name, const std::vector<std::int64_t>& seqs,
                         bool stored_result::*step) {
  auto* of = find(name);
  if (!of)
    return;
  for (auto seq : seqs) {
    auto found = of->items.find(seq);
    if (found == of->items.end() || found->second.stored.*step)
      continue;
    auto& item = found->second;
    item.stored.*step = true;
    if (item.finished()) {
      finished_.emplace_back(of, seq);
      finished_text_ += text_size(item.stored.result);
    }
    note_unsaved(*of, item);
  }
}

void result_ledger::open_message(const std::string& name, const self_message& message) {
  auto& of = workspace(name);
  if (of.open_message)
    throw std::logic_error("a self-message of workspace " + name +
                           " is open already: " + of.open_message->message_id);
  of.open_message = std::make_unique<self_message>(message);
  of.message_unsaved = true;
  const auto now = message.created_at;
  std::erase_if(of.attempts, [&](double at) { return at <= now - hour || at > now + hour; });
  of.attempts.push_back(now);
  std::sort(of.attempts.begin(), of.attempts.end()); // the clock may have been set back
  of.attempts_unsaved = true;
  note_unsaved(of);
}

void result_ledger::close_message(const std::string& name, const std::string& message_id,
                                  double delivered_start) {
  auto* of = find(name);
  if (!of || !of->open_message || of->open_message->message_id != message_id)
    return;
  auto closed = std::move(of->open_message);
  of->message_unsaved = true;
  if (delivered_start > 0) {
    of->last_delivered_start = delivered_start;
    of->delivered_unsaved = true;
  }
  note_unsaved(*of);
  mark(name, closed->seqs, &stored_result::woken);
}

std::vector<stored_result> result_ledger::unfiled(const std::string& name, const result_bounds& bounds) {
  bounded_results found{bounds, {}, 0, false};
  if (auto* of = find(name))
    for (const auto& [seq, item] : of->items)
      if (!item.stored.filed && !found.take(item.stored))
        break;
  return std::move(found.results);
}

outbox result_ledger::pending(const std::string& name, double now, const result_bounds& bounds) {
  outbox box;
  auto* of = find(name);
  if (!of)
    return box;
  std::unordered_set<std::int64_t> in_message;
  if (of->open_message) {
    box.has_open_message = true;
    box.open_message = *of->open_message;
    in_message.insert(box.open_message.seqs.begin(), box.open_message.seqs.end());
  }
  bounded_results unwoken{bounds, {}, 0, false};
  bounded_results unnotified{bounds, {}, 0, false};
  for (const auto& [seq, item] : of->items) {
    if (!item.stored.filed)
      continue;
    if (!item.stored.woken && !in_message.contains(seq) && !unwoken.take(item.stored))
      box.more_unwoken.push_back(seq);
    if (!item.stored.notified && !unnotified.take(item.stored))
      ++box.more_unnotified;
  }
  box.unwoken = std::move(unwoken.results);
  box.unnotified = std::move(unnotified.results);
  box.last_delivered_start = of->last_delivered_start;
  for (auto at : of->attempts)
    if (at > now - hour)
      box.recent_messages.push_back(at);
  return box;
}

outbox_counts result_ledger::counts(const std::string& name) {
  outbox_counts counts;
  auto* of = find(name);
  if (!of)
    return counts;
  for (const auto& [seq, item] : of->items) {
    const auto& stored = item.stored;
    if (item.finished())
      continue;
    counts.unfiled += !stored.filed;
    counts.unwoken += stored.filed && !stored.woken;
    counts.unnotified += stored.filed && !stored.notified;
    if (counts.oldest == 0 || stored.recorded_at < counts.oldest)
      counts.oldest = stored.recorded_at;
  }
  return counts;
}

std::int64_t result_ledger::unsaved_steps() const {
  std::int64_t steps = 0;
  for (const auto* of : unsaved_) {
    for (const auto& [seq, item] : of->items)
      steps += item.unsaved;
    steps += of->message_unsaved + of->attempts_unsaved + of->delivered_unsaved + of->polled_unsaved;
  }
  return steps + static_cast<std::int64_t>(unsaved_additions_.size() + forgotten_.size());
}

void result_ledger::note_unsaved(workspace_ledger& of) {
  if (!of.is_unsaved) {
    of.is_unsaved = true;
    unsaved_.push_back(&of);
  }
}

void result_ledger::note_unsaved(workspace_ledger& of, ledger_item& item) {
  if (!item.unsaved) {
    item.unsaved = true;
    of.unsaved.push_back(item.stored.seq);
  }
  note_unsaved(of);
}

void result_ledger::forget(const std::string& name) {
  if (additions_.erase(name) > 0)
    note_addition_unsaved(name);
  forgotten_.insert(name);
  const auto found = workspaces_.find(name);
  if (found == workspaces_.end())
    return;
  auto* of = &found->second;
  std::erase(unsaved_, of);
  std::erase_if(finished_, [&](const auto& entry) {
    if (entry.first != of)
      return false;
    if (const auto item = of->items.find(entry.second); item != of->items.end())
      finished_text_ -= std::min(finished_text_, text_size(item->second.stored.result));
    return true;
  });
  workspaces_.erase(found);
}

void result_ledger::saved() {
  unsaved_additions_.clear();
  forgotten_.clear();
  for (auto* of : unsaved_) {
    for (auto seq : of->unsaved) {
      auto found = of->items.find(seq);
      if (found == of->items.end())
        continue;
      found->second.in_database = true;
      found->second.unsaved = false;
      if (found->second.finished())
        of->items.erase(found);
    }
    std::vector<std::int64_t>{}.swap(of->unsaved);
    of->message_unsaved = of->attempts_unsaved = of->delivered_unsaved = of->polled_unsaved = false;
    of->is_unsaved = false;
  }
  unsaved_.clear();
  finished_.clear();
  finished_text_ = 0;
}

void result_ledger::forget_saved() {
  for (const auto& [id, addition] : additions_)
    note_addition_unsaved(id);
  for (auto& [name, of] : workspaces_) {
    for (auto& [seq, item] : of.items) {
      item.in_database = false;
      note_unsaved(of, item);
    }
    of.message_unsaved = true;
    of.attempts_unsaved = of.delivered_unsaved = true;
    // Not so `polled`: what was handled before is unknown to the new database, and the next poll tells it.
    // Should the process end before that poll, its successor's first poll takes what is old for history.
    if (!of.items.empty() || of.open_message || !of.attempts.empty() || of.last_delivered_start > 0)
      note_unsaved(of);
  }
}

void result_ledger::bound_unsaved() {
  std::unordered_map<workspace_ledger*, std::size_t> finished;
  for (auto [of, seq] : finished_)
    ++finished[of];
  std::erase_if(finished_, [&](const auto& entry) {
    auto [of, seq] = entry;
    auto& count = finished[of];
    auto found = of->items.find(seq);
    // A row in the database must still learn that it is finished, or it is told again after a restart.
    if (count <= kept_finished || found == of->items.end() || found->second.in_database)
      return false;
    --count;
    finished_text_ -= std::min(finished_text_, text_size(found->second.stored.result));
    of->items.erase(found);
    return true;
  });
  for (auto entry = finished_.begin(); finished_text_ > kept_text && entry != finished_.end(); ++entry) {
    auto found = entry->first->items.find(entry->second);
    if (found == entry->first->items.end())
      continue;
    auto& result = found->second.stored.result;
    finished_text_ -= std::min(finished_text_, text_size(result));
    drop_texts(result);
  }
}

void result_ledger::renumber(std::int64_t from) {
  for (auto& [name, of] : workspaces_) {
    std::map<std::int64_t, ledger_item> items;
    std::unordered_map<std::int64_t, std::int64_t> moved;
    for (auto& [seq, item] : of.items) {
      auto now = from++;
      moved.emplace(seq, now);
      item.stored.seq = now;
      items.emplace(now, std::move(item));
    }
    of.items = std::move(items);
    for (auto* seqs : {&of.unsaved, of.open_message ? &of.open_message->seqs : nullptr})
      if (seqs)
        for (auto& seq : *seqs)
          if (auto found = moved.find(seq); found != moved.end())
            seq = found->second;
    for (auto& [owner, seq] : finished_)
      if (auto found = moved.find(seq); owner == &of && found != moved.end())
        seq = found->second;
  }
  next_seq_ = from;
}

void result_ledger::merge(result_ledger&& loaded) {
  auto next = std::max(next_seq_, loaded.next_seq_);
  bool collides = false;
  for (const auto& [name, of] : workspaces_)
    for (const auto& [seq, item] : of.items)
      collides |= seq < loaded.next_seq_;
  if (collides)
    renumber(next); // the clock from which we counted stood behind
  else
    next_seq_ = next;
  for (auto& [id, theirs] : loaded.additions_) {
    // What this process has ended is not begun again by what another database remembers.
    if (!unsaved_additions_.contains(id))
      additions_.try_emplace(id, std::move(theirs));
  }
  for (auto& [name, theirs] : loaded.workspaces_) {
    if (forgotten_.contains(name))
      continue;
    auto& ours = workspace(name);
    std::unordered_map<std::string, ledger_item*> by_key;
    for (auto& [seq, item] : ours.items)
      by_key.emplace(result_key(item.stored.result.delegation_id, item.stored.result.status), &item);
    bool take_message = theirs.open_message && !ours.open_message;
    for (auto& [seq, item] : theirs.items) {
      auto key = result_key(item.stored.result.delegation_id, item.stored.result.status);
      auto found = by_key.find(key);
      if (found == by_key.end()) {
        ours.items.emplace(seq, std::move(item));
        continue;
      }
      auto& known = *found->second;
      if (known.history) {
        // We took for history what had been recorded as news before: the news still has to be told.
        ours.items.erase(known.stored.seq);
        ours.items.emplace(seq, std::move(item));
        continue;
      } else if (take_message) {
        for (auto& in_message : theirs.open_message->seqs)
          if (in_message == seq)
            in_message = known.stored.seq;
      }
      known.stored.filed |= item.stored.filed;
      known.stored.woken |= item.stored.woken;
      known.stored.notified |= item.stored.notified;
      note_unsaved(ours, known);
    }
    if (theirs.open_message) {
      // Where both have one, ours stays, and the results of theirs wait for the next.
      if (take_message)
        ours.open_message = std::move(theirs.open_message);
      ours.message_unsaved = true;
      note_unsaved(ours);
    }
    ours.polled |= theirs.polled;
    if (theirs.last_delivered_start > ours.last_delivered_start)
      ours.last_delivered_start = theirs.last_delivered_start;
    ours.attempts.insert(ours.attempts.end(), theirs.attempts.begin(), theirs.attempts.end());
    std::sort(ours.attempts.begin(), ours.attempts.end());
    ours.attempts.erase(std::unique(ours.attempts.begin(), ours.attempts.end()), ours.attempts.end());
  }
}

} // namespace workspace_supervisor
