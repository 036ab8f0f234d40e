#include "actors/heartbeat/beat_body.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <charconv>

namespace workspace_supervisor {

namespace {

std::string quoted(const std::string& text) {
  return boost::json::serialize(boost::json::string_view{text});
}

} // namespace

std::string beat_body(const std::string& workspace, const activity_report& report, std::int64_t uptime) {
  std::string body;
  body.reserve(256 + report.current_task.size() + report.sample_error.size() +
               report.runtime_metadata.size());
  body += R"({"workspace_id":)";
  body += quoted(workspace);
  body += R"(,"error_rate":)";
  char rate[32];
  body.append(rate, std::to_chars(rate, rate + sizeof rate, report.error_rate()).ptr);
  body += R"(,"sample_error":)";
  const auto* trouble = report.trouble();
  body += quoted(trouble ? *trouble : report.sample_error);
  body += R"(,"active_tasks":)";
  body += std::to_string(report.told_tasks());
  body += R"(,"current_task":)";
  body += quoted(report.tasks_withheld ? std::string{} : report.current_task);
  body += R"(,"uptime_seconds":)";
  body += std::to_string(uptime);
  if (trouble)
    body += R"(,"runtime_state":"wedged")";
  if (!report.runtime_metadata.empty()) {
    body += R"(,"runtime_metadata":)";
    body += report.runtime_metadata;
  }
  body += '}';
  return body;
}

} // namespace workspace_supervisor
