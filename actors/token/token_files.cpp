#include "actors/token/token_files.hpp"

#include "actors/token/token_file.hpp"

namespace workspace_supervisor {

token_files_interface::behavior_type
token_files_actor(actor_of<token_files_interface, token_files_state>* self, process_context* context) {
  self->observe(context->held_probe_of(shared_actor::token_files));
  name_this_thread(name_of(shared_actor::token_files));
  return {
      [](const read_token_file& request) {
        auto reading = read_token(request.configs_dir);
        return token_state{std::move(reading.token), std::move(reading.reason)};
      },
      [context](const write_token_file& request) {
        return file_outcome{
            save_token(request.configs_dir, request.token, owner_of_files(context->configuration))};
      },
  };
}

} // namespace workspace_supervisor
