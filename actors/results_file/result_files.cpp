#include "actors/results_file/result_files.hpp"

#include "actors/results_file/results_file.hpp"

namespace workspace_supervisor {

result_files_interface::behavior_type
result_files_actor(actor_of<result_files_interface, result_files_state>* self, process_context* context) {
  self->observe(context->held_probe_of(shared_actor::result_files));
  name_this_thread(name_of(shared_actor::result_files));
  return {
      [context](const append_to_results_file& request) {
        std::string lines;
        for (const auto& stored : request.results)
          lines += results_file_line(stored.result, stored.recorded_at);
        file_operations system;
        return file_outcome{
            append_results(request.path, lines, owner_of_files(context->configuration), system)};
      },
  };
}

} // namespace workspace_supervisor
