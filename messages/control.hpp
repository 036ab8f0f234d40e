#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace workspace_supervisor {

/// A call of the control API, as it arrived over HTTP.
struct control_request {
  std::string method;
  std::string target;       ///< as sent: path and query, percent-encoded
  std::string content_type; ///< "" when there was none
  std::string body;
  std::string workspace;  ///< the one workspace that the listener serves; "": all
  bool read_only = false; ///< came over TCP, where other users can ask
};
BOOST_DESCRIBE_STRUCT(control_request, (), (method, target, content_type, body, workspace, read_only))

struct http_header {
  std::string name;
  std::string value;
};
BOOST_DESCRIBE_STRUCT(http_header, (), (name, value))

struct control_answer {
  std::int32_t status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<http_header> headers; ///< further ones
};
BOOST_DESCRIBE_STRUCT(control_answer, (), (status, content_type, body, headers))

} // namespace workspace_supervisor
