// /_admin/…: what tests and people in other processes order and ask, as JSON over HTTP.

#include "app/dev_platform/platform_state.hpp"

#include <boost/json.hpp>

#include <charconv>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

/// A request that the caller got wrong: becomes a 400.
struct admin_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string query_value(const std::string& target, const std::string& name) {
  auto mark = target.find('?');
  while (mark != std::string::npos) {
    auto end = target.find('&', mark + 1);
    auto pair = target.substr(mark + 1, end == std::string::npos ? end : end - mark - 1);
    if (pair.starts_with(name + '='))
      return pair.substr(name.size() + 1);
    mark = end;
  }
  return {};
}

std::uint64_t query_number(const std::string& target, const std::string& name, std::uint64_t otherwise) {
  auto text = query_value(target, name);
  if (text.empty())
    return otherwise;
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    throw admin_error(name + " is not a number: " + text);
  return number;
}

std::string text_member(const json::object& object, const char* name, const std::string& otherwise = "") {
  auto found = object.find(name);
  if (found == object.end())
    return otherwise;
  if (!found->value().is_string())
    throw admin_error(std::string{name} + " is not a string");
  return std::string{found->value().get_string()};
}

std::int64_t number_member(const json::object& object, const char* name, std::int64_t otherwise) {
  auto found = object.find(name);
  if (found == object.end())
    return otherwise;
  if (!found->value().is_int64() || found->value().get_int64() < 0)
    throw admin_error(std::string{name} + " is not an integer of at least 0");
  return found->value().get_int64();
}

bool bool_member(const json::object& object, const char* name, bool otherwise) {
  auto found = object.find(name);
  if (found == object.end())
    return otherwise;
  if (!found->value().is_bool())
    throw admin_error(std::string{name} + " is not a boolean");
  return found->value().get_bool();
}

/// The value whose name is `text`, of those from the first to `last`.
template <class Enum>
Enum named(const std::string& text, Enum last, const char* what) {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    if (text == to_string(static_cast<Enum>(i)))
      return static_cast<Enum>(i);
  throw admin_error(std::string{"no such "} + what + ": " + text);
}

request_class class_of(const std::string& text) {
  return text.empty() ? request_class::any : named(text, request_class::any, "class");
}

body_framing framing_of(const std::string& text) {
  if (text.empty() || text == "content_length")
    return body_framing::content_length;
  if (text == "chunked")
    return body_framing::chunked;
  if (text == "until_close")
    return body_framing::until_close;
  throw admin_error("no such framing: " + text);
}

platform_fault fault_of(const json::object& object) {
  platform_fault fault;
  fault.action = named(text_member(object, "action"), fault_action::close_after, "action");
  fault.kind = class_of(text_member(object, "class"));
  fault.workspace = text_member(object, "workspace");
  fault.times = static_cast<unsigned>(number_member(object, "times", 0));
  fault.skip = static_cast<unsigned>(number_member(object, "skip", 0));
  fault.reused_only = bool_member(object, "reused_only", false);
  fault.status = static_cast<int>(number_member(object, "status", 500));
  fault.body = text_member(object, "body");
  fault.delay = std::chrono::milliseconds{number_member(object, "delay_ms", 0)};
  fault.interval = std::chrono::milliseconds{number_member(object, "interval_ms", 10)};
  fault.bytes = static_cast<std::size_t>(number_member(object, "bytes", 20 << 20));
  fault.framing = framing_of(text_member(object, "framing"));
  if (auto found = object.find("headers"); found != object.end()) {
    if (!found->value().is_object())
      throw admin_error("headers is not an object");
    for (const auto& header : found->value().get_object())
      fault.headers.emplace_back(header.key(), text_member(found->value().get_object(), header.key().data()));
  }
  return fault;
}

double seconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// Seconds of the steady clock: of use for differences alone.
double seconds_of(std::chrono::steady_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

json::object described(const recorded_request& request) {
  json::object headers;
  for (const auto& [name, value] : request.headers)
    headers[name] = value;
  return {{"seq", request.seq},
          {"time", seconds_of(request.wall)},
          {"steady", seconds_of(request.at)},
          {"connection", request.connection},
          {"on_connection", request.on_connection},
          {"class", to_string(request.kind)},
          {"workspace", request.workspace},
          {"method", request.method},
          {"target", request.target},
          {"headers", std::move(headers)},
          {"body", request.body},
          {"status", request.status},
          {"bytes_sent", request.bytes_sent},
          {"ended", request.ended},
          {"client_gone", request.client_gone},
          {"fault", request.fault}};
}

json::object described(const platform_beat& beat) {
  return {{"time", seconds_of(beat.wall)},
          {"steady", seconds_of(beat.at)},
          {"workspace", beat.workspace},
          {"body", json::parse(beat.raw)}};
}

json::object described(const platform_message& message) {
  return {{"steady", seconds_of(message.at)},
          {"workspace", message.workspace},
          {"message_id", message.message_id},
          {"text", message.text}};
}

json::object described(const platform_notification& notification) {
  return {{"steady", seconds_of(notification.at)},
          {"workspace", notification.workspace},
          {"type", notification.type},
          {"message", notification.message}};
}

template <class T>
json::array described_all(const std::vector<T>& list) {
  json::array result;
  for (const auto& item : list)
    result.push_back(described(item));
  return result;
}

json::array requests_answer(platform_server& server, const std::string& target) {
  auto kind = class_of(query_value(target, "class"));
  auto workspace = query_value(target, "workspace");
  auto after = query_number(target, "after", 0);
  auto limit = query_number(target, "limit", UINT64_MAX);
  std::uint64_t taken = 0;
  return described_all(server.requests([&](const recorded_request& request) {
    return request.seq > after && (kind == request_class::any || kind == request.kind) &&
           (workspace.empty() || workspace == request.workspace) && taken++ < limit;
  }));
}

json::object by_class(const std::array<std::uint64_t, 6>& counts) {
  json::object result;
  for (std::size_t i = 0; i < counts.size(); ++i)
    result[to_string(static_cast<request_class>(i))] = counts[i];
  return result;
}

json::object state_answer(const platform_state& state) {
  std::lock_guard lock{state.mutex};
  const auto& counts = state.counts;
  json::object workspaces;
  for (const auto& [id, entry] : state.workspaces) {
    json::array rows;
    for (const auto& row : entry.rows)
      rows.emplace_back(row);
    workspaces[id] = json::object{{"name", entry.info.name},
                                  {"parent_id", entry.info.parent_id},
                                  {"token", entry.info.token},
                                  {"token_file", entry.info.token_file},
                                  {"online", entry.info.online},
                                  {"beats", entry.info.beats},
                                  {"requests", by_class(entry.info.requests)},
                                  {"delegations", std::move(rows)}};
  }
  json::array faults;
  for (const auto& order : state.faults)
    faults.push_back(json::object{{"id", order.id},
                                  {"action", to_string(order.fault.action)},
                                  {"class", to_string(order.fault.kind)},
                                  {"workspace", order.fault.workspace},
                                  {"times", order.fault.times},
                                  {"applied", order.applied}});
  return {{"requests", counts.requests},
          {"answered", counts.answered},
          {"by_class", by_class(counts.by_class)},
          {"unauthorized", counts.unauthorized},
          {"bad_requests", counts.bad_requests},
          {"connections_accepted", counts.connections_accepted},
          {"connections_open", counts.connections_open},
          {"handshakes_failed", counts.handshakes_failed},
          {"hanging", counts.hanging},
          {"workspaces", std::move(workspaces)},
          {"faults", std::move(faults)}};
}

/// Of a workspace that must be there.
std::string workspace_member(platform_server& server, const json::object& object) {
  auto id = text_member(object, "workspace");
  if (server.workspace(id).id.empty())
    throw admin_error("no such workspace: " + id);
  return id;
}

void take_delegations(platform_server& server, const json::object& object) {
  auto id = workspace_member(server, object);
  auto found = object.find("rows");
  if (found == object.end() || !found->value().is_array())
    throw admin_error("rows is not an array");
  const auto& rows = found->value().get_array();
  if (bool_member(object, "replace", false)) {
    std::vector<std::string> texts;
    for (const auto& row : rows)
      texts.push_back(json::serialize(row));
    return server.set_raw_delegations(id, std::move(texts));
  }
  for (const auto& row : rows)
    server.add_raw_delegation(id, json::serialize(row));
}

json::value answer_get(platform_server& server, platform_state& state, const std::string& what,
                       const std::string& target) {
  auto workspace = query_value(target, "workspace");
  if (what == "requests")
    return requests_answer(server, target);
  if (what == "beats")
    return described_all(server.beats(workspace));
  if (what == "messages")
    return described_all(server.messages(workspace));
  if (what == "notifications")
    return described_all(server.notifications(workspace));
  if (what == "state")
    return state_answer(state);
  return nullptr;
}

json::value answer_delete(platform_server& server, const std::string& what, const std::string& target) {
  if (what == "fault") {
    if (auto id = query_number(target, "id", 0); id != 0)
      server.clear_fault(id);
    else
      server.clear_faults();
  } else if (what == "requests") {
    server.forget_records();
  } else if (what == "workspace") {
    server.remove_workspace(query_value(target, "id"));
  } else {
    return nullptr;
  }
  return json::object{{"ok", true}};
}

json::value answer_post(platform_server& server, const std::string& what, const json::object& object) {
  if (what == "fault")
    return json::object{{"id", server.order(fault_of(object))}};
  if (what == "rotate")
    return json::object{{"token", server.rotate_token(workspace_member(server, object),
                                                      bool_member(object, "write_file", true))}};
  if (what == "workspace") {
    auto id = text_member(object, "id");
    if (id.empty())
      throw admin_error("id is missing");
    return json::object{
        {"token", server.add_workspace(id, text_member(object, "name", id), text_member(object, "parent_id"),
                                       text_member(object, "token"), text_member(object, "token_file"))}};
  }
  if (what == "token")
    server.set_token(workspace_member(server, object), text_member(object, "token"));
  else if (what == "token-file")
    return json::object{{"ok", server.write_token_file(workspace_member(server, object))}};
  else if (what == "delegations")
    take_delegations(server, object);
  else if (what == "release")
    server.release();
  else if (what == "listening")
    bool_member(object, "listening", true) ? server.listen_again() : server.stop_listening();
  else if (what == "reading")
    server.set_reading(bool_member(object, "reading", true));
  else if (what == "close-connections")
    server.close_connections(bool_member(object, "idle_only", false));
  else if (what == "message-status")
    server.set_message_status(static_cast<int>(number_member(object, "status", 200)));
  else if (what == "recording")
    server.set_recording(bool_member(object, "whole", true) ? platform_recording::whole
                                                            : platform_recording::counting);
  else
    return nullptr;
  return json::object{{"ok", true}};
}

} // namespace

platform_reply answer_admin(platform_server& server, platform_state& state, const std::string& method,
                            const std::string& target, const std::string& body) {
  constexpr std::size_t root = sizeof "/_admin/" - 1;
  auto what = target.substr(root, target.find('?') == std::string::npos ? std::string::npos
                                                                        : target.find('?') - root);
  try {
    json::value result;
    if (method == "GET") {
      result = answer_get(server, state, what, target);
    } else if (method == "DELETE") {
      result = answer_delete(server, what, target);
    } else if (method == "POST") {
      json::error_code error;
      auto value = body.empty() ? json::value(json::object{}) : json::parse(body, error);
      if (error || !value.is_object())
        throw admin_error("the body is not a JSON object");
      result = answer_post(server, what, value.get_object());
    }
    if (result.is_null())
      return {404, error_text("no such call: " + method + " /_admin/" + what)};
    return {200, json::serialize(result)};
  } catch (const std::runtime_error& error) {
    return {400, error_text(error.what())};
  }
}

} // namespace workspace_supervisor
