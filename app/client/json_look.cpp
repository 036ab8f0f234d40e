#include "app/client/json_look.hpp"

#include "app/client/terminal_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <cmath>

namespace workspace_supervisor {

namespace json = boost::json;

namespace {

/// Beyond any count, byte, second or time there is: sums and conversions to integers stay in range.
constexpr double largest_number = 1e15;

} // namespace

json::object parsed(const std::string& text) {
  json::error_code error;
  auto value = json::parse(text, error);
  auto* object = error ? nullptr : value.if_object();
  return object ? std::move(*object) : json::object{};
}

const json::object& object_in(const json::object& object, std::string_view name) {
  static const json::object none;
  const auto* found = object.if_contains(name);
  const auto* inner = found ? found->if_object() : nullptr;
  return inner ? *inner : none;
}

const json::array& array_in(const json::object& object, std::string_view name) {
  static const json::array none;
  const auto* found = object.if_contains(name);
  const auto* inner = found ? found->if_array() : nullptr;
  return inner ? *inner : none;
}

std::string text_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  const auto* text = found ? found->if_string() : nullptr;
  return text ? safe_text(std::string_view{*text}) : std::string{};
}

double number_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  const double number = found && found->is_number() ? found->to_number<double>() : 0;
  // Boost.JSON reads 0e400 as no number.
  return std::isnan(number) ? 0 : std::clamp(number, -largest_number, largest_number);
}

std::string count_in(const json::object& object, std::string_view name) {
  const auto number = number_in(object, name);
  return number >= 0 && number < largest_number ? std::to_string(static_cast<long long>(number)) : "?";
}

bool flag_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  const auto* flag = found ? found->if_bool() : nullptr;
  return flag && *flag;
}

} // namespace workspace_supervisor
