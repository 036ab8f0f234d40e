#pragma once

#include <string>

namespace workspace_supervisor {

/// @returns an identifier for a new self-message that no other has: a random UUID.
std::string make_message_id();

/// The JSON-RPC body of a self-message.
std::string self_message_body(const std::string& message_id, const std::string& text);

/// The JSON body of a user notification.
std::string user_notification_body(const std::string& text);

} // namespace workspace_supervisor
