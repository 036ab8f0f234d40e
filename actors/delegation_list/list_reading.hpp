#pragma once

#include "actors/supervision/actor.hpp"
#include "actors/workspace/context.hpp"

#include <string>

namespace workspace_supervisor {

/// A list that was taken apart: what the poller is told of it, and what the store has to record first.
struct list_reading {
  list_outcome outcome;
  poll_record record; ///< valid with `outcome.recorded`
};

/// Takes a list apart: counts what is malformed, tells of foreign rows that were not told of yet, and finds
/// what is not known to be handled. Takes time and memory in proportion to the list. Any thread.
list_reading read_list(const delegation_list& list, workspace_context& context);

/// Counts and tells what the store found to be new.
void tell_news(const stored_results& news, workspace_context& context);

/// Has `self`, whichever actor that is, read a list and the store record what is new in it; then `take` gets
/// the outcome. `read` is called with it before that, as soon as the list is read.
template <class Self, class Read, class Take>
void read_and_record(Self* self, const delegation_list& list, workspace_context& context, Read read,
                     Take take) {
  auto reading = read_list(list, context);
  read(reading.outcome);
  if (!reading.outcome.recorded)
    return take(std::move(reading.outcome));
  auto outcome = std::make_shared<list_outcome>(std::move(reading.outcome));
  ask(
      self, context.process->store_actor, std::move(reading.record), for_ever,
      [&context, outcome, take](stored_results news) {
        tell_news(news, context);
        outcome->news = static_cast<std::int64_t>(news.results.size());
        take(std::move(*outcome));
      },
      [outcome, take](const std::string& error) {
        outcome->error = "the store: " + error;
        take(std::move(*outcome));
      });
}

} // namespace workspace_supervisor
