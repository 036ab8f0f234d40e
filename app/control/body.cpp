#include "app/control/body.hpp"

#include "actors/text/plain_text.hpp"
#include "app/control_server/http_server.hpp"
#include "app/spelling/spelling.hpp"

#include <boost/json/kind.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

/// The longest token, as the token's file has it.
constexpr std::size_t longest_token = 8192;

bool is_json(std::string type) {
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
    type.pop_back();
  for (auto& character : type)
    if (character >= 'A' && character <= 'Z')
      character = static_cast<char>(character - 'A' + 'a');
  return type == "application/json";
}

std::string kind_text(const json::value& value) {
  switch (value.kind()) {
  case json::kind::null:
    return "null";
  case json::kind::bool_:
    return "a boolean";
  case json::kind::int64:
  case json::kind::uint64:
    return "another integer";
  case json::kind::double_:
    return "a number that is no integer";
  case json::kind::string:
    return "a string";
  case json::kind::array:
    return "an array";
  case json::kind::object:
    return "an object";
  }
  return "something else";
}

/// Reads members one after another; keeps the first refusal.
class members {
public:
  explicit members(const control_request& request) {
    if (!request.body.empty() && !is_json(request.content_type)) {
      refusal_ = error_answer(415, "the Content-Type of a body is application/json");
      return;
    }
    json::error_code error;
    value_ = json::parse(request.body, error);
    if (error)
      refuse(request.body.empty() ? "expected a JSON object as body, found none"
                                  : "the body is not JSON: " + error.message());
    else if (!value_.is_object())
      refuse("expected a JSON object as body, found " + kind_text(value_));
  }

  bool has(const char* name) {
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      known_.emplace_back(name);
    return !refusal_ && value_.as_object().contains(name);
  }

  /// @returns whether it is there.
  bool integer(const char* name, std::int64_t& into) {
    if (!has(name))
      return false;
    const auto& value = value_.as_object().at(name);
    if (!value.is_int64() || value.as_int64() < 0 || value.as_int64() > most_told) {
      refuse(std::string{name} + ": expected an integer from 0 to " + std::to_string(most_told) + ", found " +
             kind_text(value));
      return false;
    }
    into = value.as_int64();
    return true;
  }

  bool string(const char* name, std::string& into) {
    if (!has(name))
      return false;
    const auto& value = value_.as_object().at(name);
    if (!value.is_string()) {
      refuse(std::string{name} + ": expected a string, found " + kind_text(value));
      return false;
    }
    into = std::string{value.as_string()};
    return true;
  }

  void require(const char* name, std::string& into) {
    if (!has(name))
      refuse(std::string{name} + ": expected a string, found nothing of that name");
    else
      string(name, into);
  }

  void refuse(const std::string& why) {
    if (!refusal_)
      refusal_ = error_answer(400, why);
  }

  const json::object& object() const { return value_.as_object(); }

  /// The message, when all members were asked for that may be there.
  template <class Message>
  read_body<Message> result(Message message) {
    if (!refusal_)
      for (const auto& member : value_.as_object())
        if (const std::string name{member.key()};
            std::find(known_.begin(), known_.end(), name) == known_.end())
          refuse(unknown_text("member", name, known_));
    if (refusal_)
      return *refusal_;
    return message;
  }
  bool refused() const { return refusal_.has_value(); }

private:
  json::value value_;
  std::optional<control_answer> refusal_;
  std::vector<std::string> known_; ///< that were asked for
};

} // namespace

read_body<set_activity> read_activity(const control_request& request) {
  members body{request};
  set_activity change;
  change.has_active_tasks = body.integer("active_tasks", change.active_tasks);
  change.has_current_task = body.string("current_task", change.current_task);
  return body.result(std::move(change));
}

read_body<record_outcomes> read_outcomes(const control_request& request) {
  members body{request};
  record_outcomes outcomes;
  body.integer("successes", outcomes.successes);
  body.integer("errors", outcomes.errors);
  outcomes.has_sample_error = body.string("sample_error", outcomes.sample_error);
  return body.result(std::move(outcomes));
}

read_body<set_runtime_state> read_runtime_state(const control_request& request) {
  members body{request};
  set_runtime_state change;
  std::string state;
  body.require("state", state);
  body.string("reason", change.reason);
  if (!state.empty() && state != "wedged")
    body.refuse(R"(state: expected "wedged" or "", found another string)");
  change.wedged = state == "wedged";
  return body.result(std::move(change));
}

read_body<set_runtime_metadata> read_runtime_metadata(const control_request& request) {
  members body{request};
  set_runtime_metadata change;
  if (body.refused())
    return body.result(std::move(change));
  if (!body.object().empty())
    change.json = json::serialize(body.object());
  return change; // whatever members it has
}

read_body<report_progress> read_progress(const control_request& request) {
  report_progress progress;
  if (request.body.empty())
    return progress;
  members body{request};
  body.string("note", progress.note);
  return body.result(std::move(progress));
}

read_body<token_body> read_token_body(const control_request& request) {
  members body{request};
  token_body change;
  body.require("token", change.token);
  const auto begin = change.token.find_first_not_of(" \t\r\n\v\f");
  const auto end = change.token.find_last_not_of(" \t\r\n\v\f");
  change.token = begin == std::string::npos ? std::string{} : change.token.substr(begin, end - begin + 1);
  if (change.token.empty())
    body.refuse("token: expected a token, found an empty one");
  if (change.token.size() > longest_token)
    body.refuse("token: expected at most " + std::to_string(longest_token) + " bytes, found more");
  for (const char character : change.token)
    if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f)
      body.refuse("token: expected a token, found a control character in it");
  return body.result(std::move(change));
}

read_body<crash_body> read_crash(const control_request& request) {
  members body{request};
  crash_body crash;
  body.string("workspace", crash.workspace);
  body.require("actor", crash.actor);
  return body.result(std::move(crash));
}

read_body<put_workspace> read_put_workspace(const control_request& request) {
  members body{request};
  put_workspace order;
  body.require("configs_dir", order.wanted.configs_dir);
  body.string("results_file", order.wanted.results_file);
  body.string("platform_url", order.wanted.platform_url);
  body.string("socket", order.wanted.socket);
  return body.result(std::move(order));
}

std::string unknown_text(const std::string& what, const std::string& name,
                         const std::vector<std::string>& known) {
  constexpr std::size_t longest_told = 64;
  // It may be cut within a character, and a parameter may be any bytes at all.
  const auto told = flatten(name.size() <= longest_told ? name : name.substr(0, longest_told) + "...");
  std::string names;
  for (const auto& one : known)
    names += (names.empty() ? "" : ", ") + one;
  auto text = told + (names.empty() ? ": expected no " + what + ", found one"
                                    : ": expected one of " + names + ", found another " + what);
  if (const auto nearest = nearest_word(told, known))
    text += "; did you mean " + *nearest + "?";
  return text;
}

std::optional<std::int64_t> parse_number(const std::string& text, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || rest != end || text.front() == '-' || number < least || number > most)
    return std::nullopt;
  return number;
}

} // namespace workspace_supervisor
