#include "actors/http/http_connection.hpp"
#include "actors/http/http_pool.hpp"
#include "actors/http/http_request_text.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace workspace_supervisor {

namespace {

constexpr std::size_t lane_count = 3;

http_engine_options usable(http_engine_options options) {
  options.user_agent = without_control_characters(options.user_agent);
  options.connections_per_lane = std::max<std::size_t>(options.connections_per_lane, 1);
  return options;
}

} // namespace

// --- http_exchange

http_exchange::http_exchange(http_request asked, http_engine::completion completion)
    : request(std::move(asked))
    , done(std::move(completion))
    , answer(request.expects_json, request.max_body)
    , deadline(std::chrono::steady_clock::now() + request.timeout) {}

// --- http_core

http_core::http_core(boost::asio::io_context& loop, http_engine_options given)
    : options(usable(std::move(given)))
    , context(loop)
    , resolver_(options.look_up ? options.look_up : look_up_host,
                [this](const std::string& host, const resolved_host& found) {
                  post([this, host, found] { looked_up(host, found); });
                }) {}

http_core::~http_core() = default;

http_core::origin_entry& http_core::origin(const platform_url& url) {
  if (last_origin_ != nullptr && last_origin_->record.host == url.host &&
      last_origin_->record.port == url.port && last_origin_->record.tls == url.tls)
    return *last_origin_;
  origin_entry& entry = origins_[origin_key{url.tls, url.port, url.host}];
  if (entry.record.addresses == nullptr) {
    host_record& host = hosts_[url.host];
    if (host.name.empty()) {
      host.name = url.host;
      host.literal = is_literal_address(url.host);
      if (host.literal)
        host.addresses = {url.host};
    }
    entry.record.tls = url.tls;
    entry.record.host = url.host;
    entry.record.port = url.port;
    entry.record.addresses = &host;
    for (std::size_t lane = 0; lane < lane_count; ++lane)
      entry.lanes.push_back(std::make_unique<http_pool>(*this, entry.record));
  }
  last_origin_ = &entry;
  return entry;
}

void http_core::submit(http_request request, http_engine::completion done) {
  std::string problem = check_request(request);
  auto exchange = std::make_unique<http_exchange>(std::move(request), std::move(done));
  if (!problem.empty()) {
    complete(std::move(exchange), http_outcome::connect_failed, std::move(problem));
    return;
  }
  const auto lane = static_cast<std::size_t>(exchange->request.lane);
  http_pool& pool = *origin(exchange->request.url).lanes.at(lane);
  pool.submit(std::move(exchange));
}

void http_core::reconnect(const platform_url& url) {
  origin_entry& entry = origin(url);
  ++entry.record.generation;
  entry.record.session->clear();
  forget_addresses(*entry.record.addresses);
  for (const auto& pool : entry.lanes)
    pool->close_idle();
}

void http_core::cancel(workspace_number owner) {
  for (auto& [key, entry] : origins_)
    for (const auto& pool : entry.lanes)
      pool->cancel(owner);
  forget_unused();
}

/// Whoever comes back to such a host has it looked up anew.
void http_core::forget_unused() {
  last_origin_ = nullptr;
  std::erase_if(origins_, [](const auto& entry) {
    const auto& lanes = entry.second.lanes;
    return std::all_of(lanes.begin(), lanes.end(), [](const auto& pool) { return pool->is_unused(); });
  });
  std::unordered_set<const host_record*> used;
  for (const auto& [key, entry] : origins_)
    used.insert(entry.record.addresses);
  std::erase_if(hosts_, [&used](const auto& entry) {
    return !entry.second.look_up_under_way && !used.contains(&entry.second);
  });
}

void http_core::stop() {
  for (auto& [key, entry] : origins_)
    for (const auto& pool : entry.lanes)
      pool->cancel_all();
}

void http_core::complete(exchange_ptr exchange, http_outcome outcome, std::string error) {
  http_response response = std::move(exchange->answer.response());
  response.outcome = outcome;
  response.error = std::move(error);
  if (outcome != http_outcome::answered) {
    response.body.clear();
    if (outcome != http_outcome::bad_answer)
      response.status = 0;
  }
  if (exchange->begun != steady_time{})
    response.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - exchange->begun).count();
  const http_engine::completion done = std::move(exchange->done);
  exchange.reset();
  if (done)
    done(std::move(response));
}

void http_core::look_up(host_record& host, const std::shared_ptr<http_connection>& connection) {
  // those that gave up meanwhile must not pile up behind a look-up that hangs
  std::erase_if(host.waiting, [](const auto& entry) { return entry.expired(); });
  host.waiting.push_back(connection);
  if (host.look_up_under_way)
    return;
  host.look_up_under_way = true;
  resolver_.resolve(host.name);
}

void http_core::looked_up(const std::string& name, const resolved_host& found) {
  host_record& host = hosts_[name];
  host.look_up_under_way = false;
  host.addresses = found.addresses;
  for (const auto& entry : std::exchange(host.waiting, {}))
    if (const auto connection = entry.lock())
      connection->addresses_found(found);
}

void http_core::forget_addresses(host_record& host) {
  if (!host.literal)
    host.addresses.clear();
}

boost::asio::ssl::context* http_core::tls(std::string& error) {
  if (!tls_)
    tls_ = make_tls_context(options.ca_file, error);
  return tls_.get();
}

void http_core::post(std::function<void()> function) {
  boost::asio::post(context, [function = std::move(function), watched = std::weak_ptr(alive)] {
    if (!watched.expired())
      function();
  });
}

} // namespace workspace_supervisor
