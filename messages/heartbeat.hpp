#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>

namespace workspace_supervisor {

/// Active tasks or the current task have changed: a beat is due.
struct activity_changed {};
BOOST_DESCRIBE_STRUCT(activity_changed, (), ())

/// A beat at once; one that is under way answers for it.
struct beat_now {};
BOOST_DESCRIBE_STRUCT(beat_now, (), ())

struct beat_outcome {
  bool delivered = false;
  std::int32_t status = 0; ///< 0: no answer
  std::string error;
  double seconds = 0; ///< from first byte sent to last received
};
BOOST_DESCRIBE_STRUCT(beat_outcome, (), (delivered, status, error, seconds))

/// A poll at once; one that is under way answers for it.
struct poll_now {};
BOOST_DESCRIBE_STRUCT(poll_now, (), ())

struct poll_outcome {
  bool succeeded = false;
  std::int32_t status = 0; ///< 0: no answer
  std::int64_t news = 0;   ///< results not seen before
  std::string error;
};
BOOST_DESCRIBE_STRUCT(poll_outcome, (), (succeeded, status, news, error))

/// The name of this workspace's parent.
struct get_parent_name {};
BOOST_DESCRIBE_STRUCT(get_parent_name, (), ())

struct parent_name {
  bool known = false; ///< false: the look-up failed
  std::string name;   ///< "": there is no parent (when known)
};
BOOST_DESCRIBE_STRUCT(parent_name, (), (known, name))

/// There are filed results to be told.
struct results_filed {};
BOOST_DESCRIBE_STRUCT(results_filed, (), ())

/// Stop in order: children first, the last started one first.
struct stop_supervising {};
BOOST_DESCRIBE_STRUCT(stop_supervising, (), ())

/// Answered at once by a supervisor that works.
struct are_you_there {};
BOOST_DESCRIBE_STRUCT(are_you_there, (), ())

/// Start the child that the plan makes of this number, unless it is there.
struct start_child {
  std::uint32_t number = 0;
};
BOOST_DESCRIBE_STRUCT(start_child, (), (number))

/// Stop this child and forget it; answered when it has ended. One that is not there has.
struct stop_child {
  std::uint32_t number = 0;
};
BOOST_DESCRIBE_STRUCT(stop_child, (), (number))

} // namespace workspace_supervisor
