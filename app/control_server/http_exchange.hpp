#pragma once

#include "app/control_server/http_server.hpp"

#include <cstdint>
#include <memory>

namespace workspace_supervisor {

struct http_server_core;
class http_session;

/// The request number `number` of a session, in the hands of whoever answers it.
std::shared_ptr<control_exchange> make_exchange(const std::shared_ptr<http_server_core>& core,
                                                std::weak_ptr<http_session> session, std::uint64_t number,
                                                control_request request, control_peer peer);

} // namespace workspace_supervisor
