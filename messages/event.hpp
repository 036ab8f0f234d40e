#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace workspace_supervisor {

enum class log_level { error, warning, info, debug };
enum class log_format { text, json };

/// One thing more that an event says.
struct event_field {
  std::string key;
  std::string value;
  bool number = false; ///< `value` is a JSON number or boolean
};
BOOST_DESCRIBE_STRUCT(event_field, (), (key, value, number))

/// Something that happened, by one name in the log, in the stream of events and in the documentation. It has
/// ids, states and figures, never a token and never the text of a delegation.
struct event {
  std::string name;       ///< "beat.delivered", "actor.crashed", ...
  std::int32_t level = 0; ///< a `log_level`
  std::string workspace;  ///< id; "" when it is of the process
  std::string text;       ///< one sentence for a person
  std::vector<event_field> fields;
  double time = 0; ///< seconds since the epoch; set by the sink

  event& with(std::string key, std::string value) {
    fields.push_back({std::move(key), std::move(value), false});
    return *this;
  }
  event& with(std::string key, std::int64_t value) {
    fields.push_back({std::move(key), std::to_string(value), true});
    return *this;
  }
};
BOOST_DESCRIBE_STRUCT(event, (), (name, level, workspace, text, fields, time))

} // namespace workspace_supervisor
