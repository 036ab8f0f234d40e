// What the platform answers, without a word about sockets: requests taken apart, and the model's answers.

#include "app/dev_platform/platform_state.hpp"

#include <boost/json.hpp>

#include <cstdio>
#include <ctime>
#include <random>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

std::string decode_segment(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      result += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

void refuse(platform_call& call, int status, std::string message) {
  if (call.error_status == 0) {
    call.error_status = status;
    call.error = std::move(message);
  }
}

const json::value* member(const json::object& object, const char* name) {
  auto found = object.find(name);
  return found == object.end() ? nullptr : &found->value();
}

/// The member's text; refuses the call when it is not a string, or missing though required.
std::string text_of(platform_call& call, const json::object& object, const char* name, bool required) {
  const auto* value = member(object, name);
  if (value != nullptr && value->is_string())
    return std::string{value->get_string()};
  if (value != nullptr || required)
    refuse(call, 400, std::string{name} + (value == nullptr ? " is missing" : " is not a string"));
  return {};
}

/// The member as an integer of at least 0.
std::int64_t natural_of(platform_call& call, const json::object& object, const char* name) {
  const auto* value = member(object, name);
  if (value != nullptr && value->is_int64() && value->get_int64() >= 0)
    return value->get_int64();
  refuse(call, 400,
         std::string{name} + (value == nullptr ? " is missing" : " is not an integer of at least 0"));
  return 0;
}

void read_beat(platform_call& call, const json::object& object) {
  auto& beat = call.beat;
  beat.workspace = text_of(call, object, "workspace_id", true);
  call.workspace = beat.workspace;
  beat.sample_error = text_of(call, object, "sample_error", true);
  beat.current_task = text_of(call, object, "current_task", true);
  beat.active_tasks = natural_of(call, object, "active_tasks");
  beat.uptime_seconds = natural_of(call, object, "uptime_seconds");
  beat.runtime_state = text_of(call, object, "runtime_state", false);
  const auto* rate = member(object, "error_rate");
  if (rate != nullptr && rate->is_number())
    beat.error_rate = rate->to_number<double>();
  else
    refuse(call, 400, "error_rate is missing or not a number");
  if (!(beat.error_rate >= 0 && beat.error_rate <= 1))
    refuse(call, 400, "error_rate is not between 0 and 1");
  if (!beat.runtime_state.empty() && beat.runtime_state != "wedged")
    refuse(call, 400, "runtime_state is neither empty nor \"wedged\"");
  if (const auto* metadata = member(object, "runtime_metadata")) {
    if (metadata->is_object())
      beat.runtime_metadata = json::serialize(*metadata);
    else
      refuse(call, 400, "runtime_metadata is not an object");
  }
}

void read_message(platform_call& call, const json::object& object) {
  if (const auto* id = member(object, "id"))
    call.rpc_id = json::serialize(*id);
  else
    refuse(call, 400, "id is missing");
  if (text_of(call, object, "jsonrpc", true) != "2.0")
    refuse(call, 400, "jsonrpc is not \"2.0\"");
  if (text_of(call, object, "method", true) != "message/send")
    refuse(call, 400, "method is not message/send");
  const auto* params = member(object, "params");
  const auto* message =
      params != nullptr && params->is_object() ? member(params->get_object(), "message") : nullptr;
  if (message == nullptr || !message->is_object())
    return refuse(call, 400, "params.message is not an object");
  const auto& fields = message->get_object();
  if (text_of(call, fields, "role", true) != "user")
    refuse(call, 400, "role is not \"user\"");
  call.message.message_id = text_of(call, fields, "messageId", true);
  if (call.message.message_id.empty())
    refuse(call, 400, "messageId is empty");
  const auto* parts = member(fields, "parts");
  if (parts == nullptr || !parts->is_array() || parts->get_array().size() != 1 ||
      !parts->get_array().front().is_object())
    return refuse(call, 400, "parts is not an array of one object");
  const auto& part = parts->get_array().front().get_object();
  if (text_of(call, part, "kind", true) != "text" || text_of(call, part, "type", true) != "text")
    refuse(call, 400, "kind and type of the part are not both \"text\"");
  call.message.text = text_of(call, part, "text", true);
  if (call.sender != call.workspace)
    refuse(call, 400, "X-Workspace-ID is not the workspace's id");
}

request_class classify(std::string_view path, std::string& workspace, bool& is_get) {
  is_get = false;
  if (path == "/registry/heartbeat")
    return request_class::beat;
  constexpr std::string_view root = "/workspaces/";
  if (!path.starts_with(root))
    return request_class::other;
  path.remove_prefix(root.size());
  auto slash = path.find('/');
  workspace = decode_segment(path.substr(0, slash));
  auto rest = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  is_get = rest.empty() || rest == "/delegations";
  if (workspace.empty())
    return request_class::other;
  if (rest.empty())
    return request_class::workspace;
  if (rest == "/delegations")
    return request_class::delegations;
  if (rest == "/a2a")
    return request_class::a2a;
  if (rest == "/notify")
    return request_class::notify;
  return request_class::other;
}

platform_reply workspace_answer(const workspace_entry& entry) {
  json::object object{{"id", entry.info.id}, {"name", entry.info.name}};
  if (entry.info.parent_id.empty())
    object["parent_id"] = nullptr;
  else
    object["parent_id"] = entry.info.parent_id;
  object["status"] = entry.info.online ? "online" : "offline";
  object["active_tasks"] = entry.info.last_beat.active_tasks;
  object["current_task"] = entry.info.last_beat.current_task;
  object["uptime_seconds"] = entry.info.last_beat.uptime_seconds;
  return {200, json::serialize(object)};
}

const std::string& listing(workspace_entry& entry) {
  if (!entry.listing_is_current) {
    entry.listing.assign(1, '[');
    for (const auto& row : entry.rows) {
      if (entry.listing.size() > 1)
        entry.listing += ',';
      entry.listing += row;
    }
    entry.listing += ']';
    entry.listing_is_current = true;
  }
  return entry.listing;
}

template <class T>
void keep_newest(platform_state& state, std::deque<T>& list, const T& value) {
  if (state.recording != platform_recording::whole)
    return;
  list.push_back(value);
  while (list.size() > state.keep)
    list.pop_front();
}

platform_reply take_beat(platform_state& state, workspace_entry& entry, const platform_call& call,
                         std::vector<platform_event>& events) {
  ++entry.info.beats;
  entry.info.last_beat = call.beat;
  entry.last_beat_at = call.beat.at;
  if (!entry.info.online) {
    entry.info.online = true;
    platform_event event;
    event.what = platform_event::kind::online;
    event.workspace = call.workspace;
    events.push_back(std::move(event));
  }
  keep_newest(state, state.beats, call.beat);
  return {200, R"({"status":"ok"})"};
}

platform_reply take_message(platform_state& state, const platform_call& call) {
  keep_newest(state, state.messages, call.message);
  if (state.message_status == 202)
    return {202, R"({"status":"queued"})"};
  return {state.message_status,
          R"({"jsonrpc":"2.0","id":)" + call.rpc_id +
              R"(,"result":{"kind":"message","role":"agent","messageId":"reply","parts":[]}})"};
}

} // namespace

std::string error_text(const std::string& message) {
  return json::serialize(json::object{{"error", message}});
}

std::string utc_time(std::chrono::system_clock::time_point time) {
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  std::time_t seconds = micros / 1000000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char day[32];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  char text[48];
  std::snprintf(text, sizeof text, "%s.%06dZ", day, static_cast<int>(micros % 1000000));
  return text;
}

std::string new_token() {
  std::random_device random;
  std::string token = "dev_";
  for (int i = 0; i < 4; ++i) {
    char part[9];
    std::snprintf(part, sizeof part, "%08x", static_cast<unsigned>(random()));
    token += part;
  }
  return token;
}

std::string delegation_text(const platform_delegation& row) {
  return json::serialize(json::object{{"id", row.id},
                                      {"type", row.type},
                                      {"delegation_id", row.delegation_id},
                                      {"source_id", row.source_id},
                                      {"target_id", row.target_id},
                                      {"summary", row.summary},
                                      {"status", row.status},
                                      {"error", row.error},
                                      {"response_preview", row.response_preview},
                                      {"created_at", row.created_at}});
}

platform_call parse_call(const std::string& method, const std::string& target, const std::string& body,
                         const std::function<std::string(const char*)>& header, bool has_authorization) {
  platform_call call;
  bool is_get = false;
  call.kind = classify(std::string_view{target}.substr(0, target.find('?')), call.workspace, is_get);
  if (has_authorization) {
    auto text = header("Authorization");
    constexpr std::string_view scheme = "Bearer ";
    call.has_token = true;
    if (std::string_view{text}.starts_with(scheme))
      call.token = text.substr(scheme.size());
  }
  if (call.kind == request_class::other) {
    refuse(call, 404, "no such resource");
    return call;
  }
  if (method != (is_get ? "GET" : "POST")) {
    refuse(call, 405, "the method is not allowed here");
    return call;
  }
  if (is_get)
    return call;
  call.sender = header("X-Workspace-ID");
  if (!header("Content-Type").starts_with("application/json"))
    refuse(call, 415, "the body is not declared as application/json");
  json::error_code error;
  auto value = json::parse(body, error);
  if (error || !value.is_object()) {
    refuse(call, 400, "the body is not a JSON object");
    return call;
  }
  const auto& object = value.get_object();
  switch (call.kind) {
  case request_class::beat:
    read_beat(call, object);
    call.beat.raw = body;
    break;
  case request_class::a2a:
    read_message(call, object);
    call.message.workspace = call.workspace;
    break;
  default:
    call.notification.workspace = call.workspace;
    call.notification.message = text_of(call, object, "message", true);
    call.notification.type = text_of(call, object, "type", true);
    break;
  }
  return call;
}

platform_reply answer_call(platform_state& state, const platform_call& call,
                           std::vector<platform_event>& events) {
  if (call.workspace.empty() || call.kind == request_class::other)
    return {call.error_status == 0 ? 404 : call.error_status, error_text(call.error)};
  auto found = state.workspaces.find(call.workspace);
  // The token comes first: who has none is told nothing, not even what there is.
  auto owner = state.tokens.find(call.token);
  bool known = call.has_token && owner != state.tokens.end();
  bool open = found != state.workspaces.end() && found->second.info.token.empty();
  bool own = known && owner->second == call.workspace;
  // Any workspace may look another one up (its parent); all else is its owner's alone.
  bool allowed = call.kind == request_class::workspace ? known || (open && !call.has_token) : own || open;
  if (!allowed)
    return {401, error_text(call.has_token ? "the token is not valid" : "a token is required")};
  if (call.error_status != 0)
    return {call.error_status, error_text(call.error)};
  if (found == state.workspaces.end())
    return {404, error_text("no such workspace")};
  auto& entry = found->second;
  switch (call.kind) {
  case request_class::beat:
    return take_beat(state, entry, call, events);
  case request_class::delegations:
    return {200, listing(entry)};
  case request_class::workspace:
    return workspace_answer(entry);
  case request_class::a2a:
    return take_message(state, call);
  default:
    keep_newest(state, state.notifications, call.notification);
    return {200, R"({"status":"ok"})"};
  }
}

} // namespace workspace_supervisor
