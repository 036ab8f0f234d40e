#include "actors/parent_name/workspace_object.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace workspace_supervisor {

bool parse_workspace_object(std::string_view body, workspace_object& object, std::string& error) {
  boost::json::error_code failure;
  const auto value = boost::json::parse({body.data(), body.size()}, failure);
  if (failure || !value.is_object()) {
    error =
        "expected a JSON object: " + (failure ? failure.message() : std::string{"another JSON value came"});
    return false;
  }
  const auto text_of = [&](const char* key, std::string& text) {
    const auto* member = value.as_object().if_contains(key);
    if (member == nullptr || member->is_null())
      return true;
    if (!member->is_string()) {
      error = std::string{"expected a string or null as "} + key;
      return false;
    }
    text = std::string{member->as_string().data(), member->as_string().size()};
    return true;
  };
  return text_of("parent_id", object.parent_id) && text_of("name", object.name);
}

} // namespace workspace_supervisor
