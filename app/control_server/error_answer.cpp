#include "app/control_server/http_server.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <string>

namespace workspace_supervisor {

namespace {

const char* code_of(int status) {
  switch (status) {
  case 400:
    return "bad_request";
  case 403:
    return "forbidden";
  case 404:
    return "not_found";
  case 405:
    return "method_not_allowed";
  case 409:
    return "conflict";
  case 408:
    return "request_timeout";
  case 413:
    return "content_too_large";
  case 415:
    return "unsupported_media_type";
  case 421:
    return "misdirected_request";
  default:
    return "unavailable";
  }
}

} // namespace

control_answer error_answer(int status, const std::string& message) {
  control_answer answer;
  answer.status = status;
  answer.body = std::string{R"({"error":{"code":")"} + code_of(status) + R"(","message":)" +
                boost::json::serialize(boost::json::string_view{message}) + "}}\n";
  return answer;
}

} // namespace workspace_supervisor
