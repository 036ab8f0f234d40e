#include "app/dev_platform/platform.hpp"

#include "app/dev_platform/platform_connection.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <future>
#include <stdexcept>
#include <thread>
#include <unistd.h>

namespace workspace_supervisor {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

std::string url_of(bool tls, std::uint16_t port) {
  return (tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port);
}

/// As an operator's tool replaces a secret: written beside it, synced, renamed into place.
bool replace_file(const std::string& path, const std::string& text) {
  auto temporary = path + ".new";
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return false;
  bool written =
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  written = ::close(fd) == 0 && written;
  return written && std::rename(temporary.c_str(), path.c_str()) == 0;
}

} // namespace

struct platform_server::impl {
  impl(platform_server& server, const platform_options& options)
      : state(options)
      , io(context, state, server)
      , acceptor(context)
      , holder(context)
      , admin_acceptor(context)
      , liveness(context) {
    io.prefix = options.prefix;
    io.admin = options.admin;
    try {
      if (!options.certificate_file.empty() || !options.key_file.empty()) {
        tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
        tls->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
        tls->use_certificate_chain_file(options.certificate_file);
        tls->use_private_key_file(options.key_file, asio::ssl::context::pem);
        io.tls = tls.get();
      }
      bind(acceptor, options.port);
      port = acceptor.local_endpoint().port();
      bind(holder, port);
      acceptor.listen(longest_queue);
      if (options.admin) {
        bind(admin_acceptor, options.admin_port);
        admin_acceptor.listen(longest_queue);
        admin_port = admin_acceptor.local_endpoint().port();
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string{"the platform cannot listen: "} + error.what());
    }
    accept(acceptor, false);
    if (options.admin)
      accept(admin_acceptor, true);
    watch_liveness();
  }

  static constexpr int longest_queue = 4096;

  static void bind(tcp::acceptor& acceptor, std::uint16_t port) {
    tcp::endpoint endpoint{asio::ip::address_v4::loopback(), port};
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address{true});
    acceptor.bind(endpoint);
  }

  void accept(tcp::acceptor& from, bool admin_only) {
    from.async_accept([this, &from, admin_only](const error_code& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !from.is_open())
        return;
      if (!error)
        serve_connection(io, std::move(socket), admin_only);
      accept(from, admin_only);
    });
  }

  void watch_liveness() {
    auto step = std::clamp<std::chrono::milliseconds>(state.liveness_ttl / 10, std::chrono::milliseconds{20},
                                                      std::chrono::milliseconds{1000});
    liveness.expires_after(step);
    liveness.async_wait([this](const error_code& error) {
      if (error)
        return;
      state.check_liveness();
      watch_liveness();
    });
  }

  /// Runs `action` on the server's thread and waits for it.
  void on_thread(const std::function<void()>& action) {
    if (context.get_executor().running_in_this_thread())
      return action();
    std::packaged_task<void()> task{action};
    auto done = task.get_future();
    asio::post(context, [&task] { task(); });
    done.get();
  }

  void wake_held(const std::function<bool(std::uint64_t)>& chosen) {
    on_thread([&] {
      for (auto* connection : io.open)
        if (connection->held_by() != 0 && chosen(connection->held_by()))
          connection->wake();
    });
  }

  platform_state state;
  std::unique_ptr<asio::ssl::context> tls;
  platform_io io;
  // After what the connections refer to: those still open end with the context.
  asio::io_context context{1};
  tcp::acceptor acceptor;
  /// Has the kernel give the port to nobody else while `acceptor` is closed. Never listens itself.
  tcp::acceptor holder;
  tcp::acceptor admin_acceptor;
  asio::steady_timer liveness;
  std::uint16_t port = 0;
  std::uint16_t admin_port = 0;
  std::thread thread;
};

platform_server::platform_server(platform_options options)
    : impl_(std::make_unique<impl>(*this, options)) {
  impl_->thread = std::thread([this] { impl_->context.run(); });
}

platform_server::~platform_server() {
  impl_->context.stop();
  impl_->thread.join();
}

std::string platform_server::url() const {
  return url_of(impl_->io.tls != nullptr, impl_->port) + impl_->io.prefix;
}
std::uint16_t platform_server::port() const {
  return impl_->port;
}
std::string platform_server::admin_url() const {
  return impl_->admin_port == 0 ? std::string{} : url_of(false, impl_->admin_port);
}

// -- the model
// --------------------------------------------------------------------------------------------------

std::string platform_server::add_workspace(const std::string& id, const std::string& name,
                                           const std::string& parent_id, const std::string& token,
                                           const std::string& token_file) {
  add_open_workspace(id, name, parent_id);
  auto& state = impl_->state;
  auto issued = token.empty() ? new_token() : token;
  std::lock_guard lock{state.mutex};
  auto& info = state.workspaces[id].info;
  info.token = issued;
  info.token_file = token_file;
  state.tokens[issued] = id;
  return issued;
}

void platform_server::add_open_workspace(const std::string& id, const std::string& name,
                                         const std::string& parent_id) {
  impl_->state.add_workspace(id, name, parent_id);
}

void platform_server::remove_workspace(const std::string& id) {
  impl_->state.remove_workspace(id);
}

std::string platform_server::rotate_token(const std::string& id, bool write_file) {
  auto token = impl_->state.set_token(id, new_token());
  if (!token.empty() && write_file)
    write_token_file(id);
  return token;
}

void platform_server::set_token(const std::string& id, const std::string& token) {
  impl_->state.set_token(id, token);
}

bool platform_server::write_token_file(const std::string& id) {
  auto found = workspace(id);
  return !found.token_file.empty() && replace_file(found.token_file, found.token + "\n");
}

platform_workspace platform_server::workspace(const std::string& id) const {
  std::lock_guard lock{impl_->state.mutex};
  auto found = impl_->state.workspaces.find(id);
  return found == impl_->state.workspaces.end() ? platform_workspace{} : found->second.info;
}

void platform_server::add_delegation(const std::string& workspace, platform_delegation row) {
  if (row.id.empty()) {
    std::lock_guard lock{impl_->state.mutex};
    row.id = "row-" + std::to_string(impl_->state.next_row++);
  }
  if (row.created_at.empty())
    row.created_at = utc_time(std::chrono::system_clock::now());
  impl_->state.add_row(workspace, delegation_text(row), row.delegation_id + ' ' + row.status);
}

void platform_server::add_raw_delegation(const std::string& workspace, const std::string& json) {
  impl_->state.add_row(workspace, json, "raw row");
}

void platform_server::set_raw_delegations(const std::string& workspace, std::vector<std::string> rows) {
  auto& state = impl_->state;
  std::lock_guard lock{state.mutex};
  auto found = state.workspaces.find(workspace);
  if (found == state.workspaces.end())
    return;
  found->second.rows.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  found->second.listing_is_current = false;
  state.notify();
}

void platform_server::set_message_status(int status) {
  std::lock_guard lock{impl_->state.mutex};
  impl_->state.message_status = status;
}

void platform_server::set_recording(platform_recording recording) {
  std::lock_guard lock{impl_->state.mutex};
  impl_->state.recording = recording;
}

// -- faults
// -----------------------------------------------------------------------------------------------------

std::uint64_t platform_server::order(platform_fault fault) {
  auto& state = impl_->state;
  std::lock_guard lock{state.mutex};
  ordered_fault order;
  order.id = state.next_fault++;
  order.fault = std::move(fault);
  order.rotation = state.rotations;
  state.faults.push_back(std::move(order));
  return state.faults.back().id;
}

void platform_server::clear_fault(std::uint64_t id) {
  {
    std::lock_guard lock{impl_->state.mutex};
    std::erase_if(impl_->state.faults, [id](const ordered_fault& order) { return order.id == id; });
  }
  impl_->wake_held([id](std::uint64_t order) { return order == id; });
}

void platform_server::clear_faults() {
  {
    std::lock_guard lock{impl_->state.mutex};
    impl_->state.faults.clear();
  }
  release();
}

void platform_server::release() {
  impl_->wake_held([](std::uint64_t) { return true; });
}

void platform_server::stop_listening() {
  impl_->on_thread([this] { impl_->acceptor.close(); });
}

void platform_server::listen_again() {
  impl_->on_thread([this] {
    if (impl_->acceptor.is_open())
      return;
    try {
      impl::bind(impl_->acceptor, impl_->port);
      impl_->acceptor.listen(impl::longest_queue);
    } catch (const std::exception& error) {
      impl_->acceptor.close();
      throw std::runtime_error(std::string{"the platform cannot listen again: "} + error.what());
    }
    impl_->accept(impl_->acceptor, false);
  });
}

void platform_server::set_reading(bool reading) {
  impl_->on_thread([this, reading] {
    impl_->io.reading = reading;
    for (auto* connection : impl_->io.open)
      if (connection->kept_from_reading())
        connection->wake();
  });
}

void platform_server::close_connections(bool idle_only) {
  impl_->on_thread([this, idle_only] {
    for (auto* connection : impl_->io.open)
      if (!connection->admin_only() && (!idle_only || connection->idle()))
        connection->close();
  });
}

// -- the record
// -------------------------------------------------------------------------------------------------

bool platform_server::wait_until(const std::function<bool(const platform_view&)>& predicate,
                                 std::chrono::milliseconds timeout) const {
  auto& state = impl_->state;
  std::unique_lock lock{state.mutex};
  ++state.waiting;
  platform_view view{state};
  bool holds = state.changed.wait_for(lock, timeout, [&] { return predicate(view); });
  --state.waiting;
  return holds;
}

bool platform_server::wait_for(request_class kind, std::size_t count, const std::string& workspace,
                               std::chrono::milliseconds timeout) const {
  return wait_until([&](const platform_view& view) { return view.count(kind, workspace) >= count; }, timeout);
}

std::vector<recorded_request> platform_server::requests(request_class kind,
                                                        const std::string& workspace) const {
  return requests([&](const recorded_request& request) {
    return (kind == request_class::any || request.kind == kind) &&
           (workspace.empty() || request.workspace == workspace);
  });
}

std::vector<recorded_request>
platform_server::requests(const std::function<bool(const recorded_request&)>& filter) const {
  std::lock_guard lock{impl_->state.mutex};
  std::vector<recorded_request> result;
  for (const auto& request : impl_->state.requests)
    if (filter(request))
      result.push_back(request);
  return result;
}

std::vector<platform_beat> platform_server::beats(const std::string& workspace) const {
  return impl_->state.copy_of(impl_->state.beats, workspace);
}

std::vector<platform_message> platform_server::messages(const std::string& workspace) const {
  return impl_->state.copy_of(impl_->state.messages, workspace);
}

std::vector<platform_notification> platform_server::notifications(const std::string& workspace) const {
  return impl_->state.copy_of(impl_->state.notifications, workspace);
}

std::vector<platform_arrival> platform_server::arrivals(request_class kind) const {
  std::lock_guard lock{impl_->state.mutex};
  std::vector<platform_arrival> result;
  for (const auto& arrival : impl_->state.arrivals)
    if (kind == request_class::any || arrival.kind == kind)
      result.push_back(arrival);
  return result;
}

platform_counts platform_server::counts() const {
  std::lock_guard lock{impl_->state.mutex};
  return impl_->state.counts;
}

void platform_server::forget_records() {
  auto& state = impl_->state;
  std::lock_guard lock{state.mutex};
  state.requests.clear();
  state.beats.clear();
  state.messages.clear();
  state.notifications.clear();
  state.arrivals.clear();
}

} // namespace workspace_supervisor
