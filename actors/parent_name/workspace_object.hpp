#pragma once

#include <string>
#include <string_view>

namespace workspace_supervisor {

/// What the platform says of a workspace, as far as we ask.
struct workspace_object {
  std::string parent_id; ///< "": none
  std::string name;      ///< "": none
};

/// Takes the answer of `GET /workspaces/ID` apart. @returns false with `error` set when it is no such object.
bool parse_workspace_object(std::string_view body, workspace_object& object, std::string& error);

} // namespace workspace_supervisor
