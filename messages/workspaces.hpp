#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// A workspace that is added to a process that runs.
struct added_workspace {
  std::string id;
  std::string configs_dir;
  std::string results_file;
  std::string platform_url;
  std::string socket; ///< "": none of its own

  bool operator==(const added_workspace&) const = default;
};
BOOST_DESCRIBE_STRUCT(added_workspace, (), (id, configs_dir, results_file, platform_url, socket))

// -- what the actor `workspaces` is asked

/// Have this workspace run. What is empty is as by default.
struct put_workspace {
  added_workspace wanted;
};
BOOST_DESCRIBE_STRUCT(put_workspace, (), (wanted))

/// Stop this workspace, and forget what is kept of it.
struct remove_workspace {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(remove_workspace, (), (id))

/// What became of it, in the words of HTTP.
struct workspace_change {
  std::int32_t status = 0; ///< 200: it was so already; 201, 204: done; else `error` says why not
  std::string error;
  added_workspace is; ///< with its defaults, after a put that succeeded
};
BOOST_DESCRIBE_STRUCT(workspace_change, (), (status, error, is))

/// Read the configuration again.
struct reload_configuration {};
BOOST_DESCRIBE_STRUCT(reload_configuration, (), ())

/// What became of it.
struct reload_outcome {
  std::vector<std::string> errors;   ///< nothing was changed then
  std::vector<std::string> taken_up; ///< keys, and ids of workspaces with what became of them
  std::vector<std::string> waiting;  ///< keys that are other than those that run, until a restart
};
BOOST_DESCRIBE_STRUCT(reload_outcome, (), (errors, taken_up, waiting))

/// The store may know more workspaces than before.
struct look_for_added {};
BOOST_DESCRIBE_STRUCT(look_for_added, (), ())

/// The configuration shall be read again; told by a signal, of which a crash must lose none: how many there
/// were stands in the process's context.
struct reload_wanted {};
BOOST_DESCRIBE_STRUCT(reload_wanted, (), ())

// -- what the store is asked

struct get_added_workspaces {};
BOOST_DESCRIBE_STRUCT(get_added_workspaces, (), ())

struct added_workspaces {
  std::vector<added_workspace> workspaces; ///< by id
  std::vector<std::string> leaving;        ///< ids of those that are being removed
};
BOOST_DESCRIBE_STRUCT(added_workspaces, (), (workspaces, leaving))

/// Keep this one over restarts. Answered with an error when it cannot be saved; then it is not kept.
struct keep_added {
  added_workspace workspace;
};
BOOST_DESCRIBE_STRUCT(keep_added, (), (workspace))

/// From now on it is one that is being removed. Answered with an error when that cannot be saved.
struct mark_leaving {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(mark_leaving, (), (id))

/// Forget that it was added: it has become the configuration's own. Its results stay.
struct forget_added {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(forget_added, (), (id))

/// Forget all that is kept of it.
struct forget_workspace {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(forget_workspace, (), (id))

} // namespace workspace_supervisor
