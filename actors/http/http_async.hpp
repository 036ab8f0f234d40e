#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

// Asio's types with the loop's own executor: nothing of them is decided at run time.

namespace workspace_supervisor {

using steady_time = std::chrono::steady_clock::time_point;

using loop_executor = boost::asio::io_context::executor_type;
using loop_timer =
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>, loop_executor>;
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, loop_executor>;

/// A coroutine on the loop.
template <class T = void>
using loop_task = boost::asio::awaitable<T, loop_executor>;
/// Has an operation hand its error to the coroutine as a value: `const auto [error, size] = co_await ...`.
inline constexpr boost::asio::as_tuple_t<boost::asio::use_awaitable_t<loop_executor>> as_result{};

} // namespace workspace_supervisor
