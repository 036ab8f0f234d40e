#include "actors/notifier/notifier_requests.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

namespace workspace_supervisor {

namespace json = boost::json;

std::string make_message_id() {
  return boost::uuids::to_string(boost::uuids::random_generator()());
}

std::string self_message_body(const std::string& message_id, const std::string& text) {
  return json::serialize(json::value{
      {"jsonrpc", "2.0"},
      {"id", message_id},
      {"method", "message/send"},
      {"params",
       {{"message",
         {{"kind", "message"},
          {"role", "user"},
          {"messageId", message_id},
          // Platforms of either generation of the protocol read one of the two.
          {"parts", json::array{json::object{{"kind", "text"}, {"type", "text"}, {"text", text}}}}}}}}});
}

std::string user_notification_body(const std::string& text) {
  return json::serialize(json::value{{"message", text}, {"type", "delegation_result"}});
}

} // namespace workspace_supervisor
