#include "actors/delegation_list/list_reader.hpp"

#include "actors/delegation_list/list_reading.hpp"

namespace workspace_supervisor {

list_reader_interface::behavior_type
list_reader_actor(actor_of<list_reader_interface, list_reader_state>* self, process_context* context) {
  self->observe(context->held_probe_of(shared_actor::list_reader));
  name_this_thread(name_of(shared_actor::list_reader));
  return {
      [self, context](const delegation_list& list) -> caf::result<list_outcome> {
        auto promise = std::make_shared<promised<list_outcome>>(self);
        auto answer = promise->result();
        const auto take = [promise](list_outcome outcome) {
          promise->deliver(std::move(outcome));
        };
        const auto workspace = context->workspaces.at(list.workspace);
        if (!workspace) {
          list_outcome outcome;
          outcome.error = "the workspace is no more";
          take(std::move(outcome));
          return answer;
        }
        try {
          // What is asked of the store may be answered when the workspace has gone.
          read_and_record(
              self, list, *workspace, [](const list_outcome&) {},
              [workspace, take](list_outcome outcome) { take(std::move(outcome)); });
        } catch (const std::exception& exception) {
          // One workspace's list does not end the reader of all.
          list_outcome outcome;
          outcome.error = std::string{"the list cannot be read: "} + exception.what();
          take(std::move(outcome));
        }
        return answer;
      },
  };
}

} // namespace workspace_supervisor
