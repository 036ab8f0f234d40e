#include "actors/workspace/platform_url.hpp"
#include "app/configuration/configuration_keys.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utf8.h>

// What the value of a key must look like. Nothing here looks at a file or asks the system.

namespace workspace_supervisor {

namespace {

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return true;
  }
  return false;
}

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
  unsigned result = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (text.empty() || code != std::errc() || end != text.data() + text.size() || result > most)
    return std::nullopt;
  return result;
}

/// Takes "name", "1.2.3.4" or "[::1]" off the front.
std::string check_host(std::string_view& text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return "']' is missing after the IPv6 address";
    const auto address = text.substr(1, end - 1);
    if (address.find(':') == std::string_view::npos ||
        address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos)
      return "the brackets hold no IPv6 address";
    text.remove_prefix(end + 1);
    return "";
  }
  std::size_t length = 0;
  while (length < text.size() && (is_alphanumeric(text[length]) ||
                                  std::string_view("-._").find(text[length]) != std::string_view::npos))
    ++length;
  if (length == 0)
    return "the host is missing";
  text.remove_prefix(length);
  return "";
}

/// @returns "" or what is wrong with a base URL.
std::string check_url(const std::string& text) {
  platform_url url;
  std::string problem;
  platform_url::parse(text, url, problem);
  return problem;
}

/// @returns "" or what is wrong with host:port.
std::string check_address(std::string_view address) {
  auto rest = address;
  if (!rest.starts_with('[') && std::count(rest.begin(), rest.end(), ':') > 1)
    return "an IPv6 address stands in brackets, as in [::1]:9640";
  if (auto problem = check_host(rest); !problem.empty())
    return problem;
  if (!rest.starts_with(':') || !parse_number(rest.substr(1), 65535))
    return "what follows the host is no port from 0 to 65535";
  return "";
}

/// @returns "" or what is wrong with a name or uid:gid; whether there is such a user is asked elsewhere.
std::string check_user(std::string_view user) {
  const auto colon = user.find(':');
  // The highest number means "no change" to the system.
  constexpr unsigned most = 4294967294U;
  if (colon != std::string_view::npos &&
      (!parse_number(user.substr(0, colon), most) || !parse_number(user.substr(colon + 1), most)))
    return "the two sides of ':' are not both numbers";
  return "";
}

std::string check_text(const configuration_key& key, const std::string& text) {
  if (has_control(text) && key.type != configuration_type::id)
    return "it has a control character";
  switch (key.type) {
  case configuration_type::id:
    return check_workspace_id(text);
  case configuration_type::url:
    return check_url(text);
  case configuration_type::path:
    return text.empty() ? "it is empty" : "";
  case configuration_type::address:
    return text.empty() ? "" : check_address(text);
  case configuration_type::user:
    return check_user(text);
  case configuration_type::choice:
    for (const auto choice : configuration_choices(key)) {
      if (text == choice)
        return "";
    }
    return "it is none of these";
  default:
    return "";
  }
}

std::string print_milliseconds(std::int64_t amount) {
  return print_configuration_value({configuration_timespan(milliseconds(amount))});
}

} // namespace

std::string configuration_expectation(const configuration_key& key) {
  switch (key.type) {
  case configuration_type::boolean:
    return "true or false";
  case configuration_type::integer:
    if (key.most == std::numeric_limits<std::int64_t>::max())
      return "an integer of at least " + std::to_string(key.least);
    return "an integer from " + std::to_string(key.least) + " to " + std::to_string(key.most);
  case configuration_type::timespan:
    return "a timespan from " + print_milliseconds(key.least) + " to " + print_milliseconds(key.most) +
           " in whole milliseconds";
  case configuration_type::choice: {
    std::string result = "one of \"";
    for (const char c : key.choices)
      result += c == ' ' ? "\", \"" : std::string(1, c);
    return result + '"';
  }
  case configuration_type::text_list:
    return "a list of strings such as [\"a\", \"b\"]";
  case configuration_type::id:
    return "an id: a string of 1 to 128 characters, none of them a control character, and neither \".\" nor "
           "\"..\"";
  case configuration_type::url:
    return "a base URL such as \"https://platform.example/prefix\": http or https, no user information, "
           "query or fragment";
  case configuration_type::path:
    return "a path: a string that is not empty";
  case configuration_type::optional_path:
    return "a path, or \"\" for none";
  case configuration_type::address:
    return "an address such as \"127.0.0.1:9640\": host:port, or \"\" for none";
  case configuration_type::user:
    return "a user's name or uid:gid, or \"\"";
  case configuration_type::anything:
    return "any value";
  }
  return "";
}

std::string check_workspace_id(std::string_view id) {
  if (id.empty())
    return "it is empty";
  if (id == "." || id == "..")
    return "it is \".\" or \"..\"";
  if (utf8::find_invalid(id.begin(), id.end()) != id.end())
    return "it is not valid UTF-8";
  std::size_t length = 0;
  for (auto place = id.begin(); place != id.end(); ++length) {
    const auto character = utf8::unchecked::next(place);
    if (character < 0x20 || (character >= 0x7f && character < 0xa0))
      return "it has a control character";
  }
  return length > 128 ? "it has " + std::to_string(length) + " characters" : "";
}

std::string check_configuration_value(const configuration_key& key, const configuration_value& value) {
  const auto expected =
      "expected " + configuration_expectation(key) + ", found " + describe_configuration_value(value);
  switch (key.type) {
  case configuration_type::boolean:
    return std::holds_alternative<bool>(value.data) ? "" : expected;
  case configuration_type::integer: {
    const auto* integer = std::get_if<std::int64_t>(&value.data);
    return integer && *integer >= key.least && *integer <= key.most ? "" : expected;
  }
  case configuration_type::timespan: {
    const auto* timespan = std::get_if<configuration_timespan>(&value.data);
    if (!timespan)
      return expected;
    const auto whole = std::chrono::duration_cast<milliseconds>(*timespan);
    return whole == *timespan && whole.count() >= key.least && whole.count() <= key.most ? "" : expected;
  }
  case configuration_type::text_list: {
    const auto* list = std::get_if<configuration_list>(&value.data);
    if (!list)
      return expected;
    for (const auto& item : *list) {
      const auto* text = std::get_if<std::string>(&item.data);
      if (!text)
        return expected;
      if (text->find('\0') != std::string::npos)
        return expected + ": a NUL byte in it";
    }
    return "";
  }
  case configuration_type::anything:
    return "";
  default: {
    const auto* text = std::get_if<std::string>(&value.data);
    if (!text)
      return expected;
    const auto problem = check_text(key, *text);
    if (problem.empty())
      return "";
    if (key.type == configuration_type::choice)
      return expected;
    // What stands before '@' in a URL is likely a password.
    if (key.type == configuration_type::url && text->find('@') != std::string::npos)
      return "expected " + configuration_expectation(key) + ", found another: " + problem;
    return expected + ": " + problem;
  }
  }
}

} // namespace workspace_supervisor
