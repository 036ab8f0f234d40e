#include "app/client/json_look.hpp"

#include "app/client/terminal_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace workspace_supervisor {

namespace json = boost::json;

const json::object& object_in(const json::object& object, std::string_view name) {
  static const json::object none;
  const auto* found = object.if_contains(name);
  return found && found->is_object() ? found->get_object() : none;
}

const json::array& array_in(const json::object& object, std::string_view name) {
  static const json::array none;
  const auto* found = object.if_contains(name);
  return found && found->is_array() ? found->get_array() : none;
}

std::string text_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found && found->is_string() ? safe_text(std::string_view{found->get_string()}) : std::string{};
}

double number_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found && found->is_number() ? found->to_number<double>() : 0;
}

std::string count_in(const json::object& object, std::string_view name) {
  const auto number = number_in(object, name);
  return number >= 0 && number < 9e18 ? std::to_string(static_cast<long long>(number)) : "?";
}

bool flag_in(const json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found && found->is_bool() && found->get_bool();
}

} // namespace workspace_supervisor
