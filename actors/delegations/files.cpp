#include "actors/delegations/files.hpp"

#include "actors/delegations/results_file.hpp"
#include "actors/token/token_file.hpp"

namespace workspace_supervisor {

namespace {

file_owner owner_of(const settings& configuration) {
  const auto& user = configuration.agent.user;
  return {user.given, user.user, user.group};
}

} // namespace

files_interface::behavior_type files_actor(actor_of<files_interface, files_actor_state>* self,
                                           process_context* context, actor_probe* probe) {
  self->observe(probe);
  return {
      [](const read_token_file& request) {
        auto reading = read_token(request.configs_dir);
        return token_state{std::move(reading.token), std::move(reading.reason)};
      },
      [context](const write_token_file& request) {
        return file_outcome{save_token(request.configs_dir, request.token, owner_of(context->configuration))};
      },
      [context](const append_to_results_file& request) {
        file_operations system;
        return file_outcome{
            append_results(request.path, request.lines, owner_of(context->configuration), system)};
      },
  };
}

} // namespace workspace_supervisor
