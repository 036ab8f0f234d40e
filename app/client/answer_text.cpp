#include "app/client/answer_text.hpp"

#include "app/client/json_look.hpp"
#include "app/client/terminal_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

std::string why(const json::object& outcome) {
  const auto error = text_in(outcome, "error");
  return error.empty() ? "status " + count_in(outcome, "status") : error;
}

/// "filed,woken"
std::string steps_text(const json::object& result) {
  std::string steps;
  for (const auto* name : {"filed", "woken", "notified"})
    if (flag_in(result, name))
      steps += (steps.empty() ? "" : ",") + std::string{name};
  return steps.empty() ? "recorded" : steps;
}

} // namespace

std::string plural(long long count, const char* one, const char* many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

std::string beat_text(const json::object& answer) {
  const auto& beat = object_in(answer, "beat");
  const auto& poll = object_in(answer, "poll");
  const auto news = static_cast<long long>(number_in(poll, "new"));
  return (flag_in(beat, "delivered") ? "Beat delivered in " + latency_text(number_in(beat, "seconds")) + ".\n"
                                     : "Beat failed: " + why(beat) + '\n') +
         (flag_in(poll, "succeeded") ? "Poll succeeded: " + plural(news, "new result", "new results") + ".\n"
                                     : "Poll failed: " + why(poll) + '\n');
}

std::string health_text(const json::object& answer) {
  return flag_in(answer, "healthy") ? "Healthy.\n"
                                    : "Not healthy: " + text_in(object_in(answer, "error"), "message") + '\n';
}

std::string readiness_text(const json::object& answer) {
  if (flag_in(answer, "ready"))
    return "Ready.\n";
  const auto& workspaces = object_in(answer, "workspaces");
  std::string text = "Not ready.\n";
  for (const auto& workspace : workspaces) {
    const std::string_view id{workspace.key()};
    text += "  " + safe_text(id) + ": " + text_in(workspaces, id) + '\n';
  }
  const auto named = static_cast<double>(workspaces.size());
  if (const auto all = number_in(answer, "workspaces_not_ready"); all > named)
    text += "  and " + std::to_string(static_cast<long long>(all - named)) + " more\n";
  if (const auto storage = text_in(answer, "storage"); !storage.empty())
    text += "  results: " + storage + '\n';
  if (const auto message = text_in(object_in(answer, "error"), "message"); !message.empty())
    text += "  " + message + '\n';
  return text;
}

std::string results_text(const json::object& answer, std::size_t limit) {
  const auto& results = array_in(answer, "results");
  if (results.empty())
    return "No results.\n";
  text_table table{{">SEQ", "STATUS", "DELEGATION", "TARGET", "STEPS", "SUMMARY", "ERROR"}};
  std::string last;
  for (const auto& value : results) {
    const auto* result = value.if_object();
    if (!result)
      continue;
    last = count_in(*result, "seq");
    table.add({last, text_in(*result, "status"), shortened(text_in(*result, "delegation_id"), 12),
               shortened(text_in(*result, "target_id"), 16), steps_text(*result),
               shortened(text_in(*result, "summary"), 40), shortened(text_in(*result, "error"), 40)});
  }
  return table.text() +
         (results.size() >= limit ? "Perhaps more: workspacectl results --after=" + last + '\n' : "");
}

std::string event_text(const json::object& happened) {
  auto line = text_in(happened, "time") + ' ' + text_in(happened, "level") + ' ' + text_in(happened, "event");
  for (const auto& [name, value] : happened) {
    const std::string_view key{name};
    if (key == "time" || key == "level" || key == "event" || key == "text" || key == "error")
      continue;
    line += ' ' + safe_text(key) + '=' +
            safe_text(value.is_string() ? std::string{value.get_string()} : json::serialize(value));
  }
  return line + ": " + text_in(happened, "text") + '\n';
}

std::string refusal_text(int status, const std::string& body) {
  const auto message = text_in(object_in(parsed(body), "error"), "message");
  return "refused (" + std::to_string(status) +
         "): " + (message.empty() ? shortened(safe_text(body), 500) : message);
}

} // namespace workspace_supervisor
