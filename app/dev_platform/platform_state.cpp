#include "app/dev_platform/platform_state.hpp"

#include <algorithm>
#include <strings.h>

namespace workspace_supervisor {

namespace {

template <class T>
void push_bounded(std::deque<T>& list, T&& value, std::size_t keep) {
  list.push_back(std::move(value));
  while (list.size() > keep)
    list.pop_front();
}

std::size_t index_of(request_class kind) {
  return static_cast<std::size_t>(kind);
}

bool fits(const ordered_fault& order, const recorded_request& request, const std::string& workspace,
          const platform_state& state) {
  const auto& fault = order.fault;
  if (fault.kind != request_class::any && fault.kind != request.kind)
    return false;
  if (!fault.workspace.empty() && fault.workspace != workspace)
    return false;
  if (fault.reused_only && request.on_connection < 2)
    return false;
  if (fault.action == fault_action::reject_token) {
    auto found = state.workspaces.find(workspace);
    return found == state.workspaces.end() || found->second.rotation <= order.rotation;
  }
  return true;
}

} // namespace

const char* to_string(request_class kind) {
  switch (kind) {
  case request_class::beat:
    return "beat";
  case request_class::delegations:
    return "delegations";
  case request_class::workspace:
    return "workspace";
  case request_class::a2a:
    return "a2a";
  case request_class::notify:
    return "notify";
  case request_class::other:
    return "other";
  case request_class::any:
    break;
  }
  return "any";
}

const char* to_string(fault_action action) {
  switch (action) {
  case fault_action::answer:
    return "answer";
  case fault_action::reject_token:
    return "reject_token";
  case fault_action::status:
    return "status";
  case fault_action::hang:
    return "hang";
  case fault_action::close:
    return "close";
  case fault_action::close_in_body:
    return "close_in_body";
  case fault_action::reset:
    return "reset";
  case fault_action::slow:
    return "slow";
  case fault_action::large_body:
    return "large_body";
  case fault_action::invalid_json:
    return "invalid_json";
  case fault_action::wrong_content_type:
    return "wrong_content_type";
  case fault_action::gzip:
    return "gzip";
  case fault_action::raw:
    return "raw";
  case fault_action::huge_headers:
    return "huge_headers";
  case fault_action::close_after:
    return "close_after";
  }
  return "unknown";
}

std::string recorded_request::header(const std::string& name) const {
  for (const auto& [key, value] : headers)
    if (strcasecmp(key.c_str(), name.c_str()) == 0)
      return value;
  return {};
}

platform_state::platform_state(const platform_options& options)
    : keep(std::max<std::size_t>(options.keep, 1))
    , recording(options.recording)
    , message_status(options.message_status)
    , liveness_ttl(options.liveness_ttl)
    , on_event(options.on_event) {}

void platform_state::notify() const {
  if (waiting != 0)
    changed.notify_all();
}

void platform_state::emit(platform_event event) const {
  if (!on_event)
    return;
  event.wall = std::chrono::system_clock::now();
  on_event(event);
}

recorded_request* platform_state::find(std::uint64_t seq) {
  // Numbers of kept requests are in order, but not without gaps: what is recorded can be switched.
  auto found =
      std::lower_bound(requests.begin(), requests.end(), seq,
                       [](const recorded_request& request, std::uint64_t n) { return request.seq < n; });
  return found != requests.end() && found->seq == seq ? &*found : nullptr;
}

bool platform_state::keeps_requests() const {
  std::lock_guard lock{mutex};
  return recording == platform_recording::whole;
}

void platform_state::count(const std::function<void(platform_counts&)>& change) {
  std::lock_guard lock{mutex};
  change(counts);
  notify();
}

std::uint64_t platform_state::arrived(recorded_request&& request, const std::string& workspace,
                                      std::optional<ordered_fault>& fault) {
  std::lock_guard lock{mutex};
  request.seq = ++counts.requests;
  ++counts.by_class[index_of(request.kind)];
  platform_arrival arrival{request.at, UINT32_MAX, request.kind};
  if (auto found = workspaces.find(workspace); found != workspaces.end()) {
    ++found->second.info.requests[index_of(request.kind)];
    arrival.workspace = found->second.index;
  }
  push_bounded(arrivals, std::move(arrival), keep * 10);
  for (auto order = faults.begin(); order != faults.end(); ++order) {
    if (!fits(*order, request, workspace, *this))
      continue;
    if (order->skipped < order->fault.skip) {
      ++order->skipped;
      continue;
    }
    fault = *order;
    request.fault = to_string(order->fault.action);
    if (order->fault.times != 0 && ++order->applied >= order->fault.times)
      faults.erase(order);
    break;
  }
  auto seq = request.seq;
  if (recording == platform_recording::whole) {
    request.workspace = workspace;
    push_bounded(requests, std::move(request), keep);
  }
  notify();
  return seq;
}

platform_reply platform_state::answer(std::uint64_t seq, const platform_call& call) {
  std::vector<platform_event> events;
  platform_reply result;
  {
    std::lock_guard lock{mutex};
    result = answer_call(*this, call, events);
  }
  answering(seq, call, result.status);
  for (auto& event : events)
    emit(std::move(event));
  return result;
}

void platform_state::answering(std::uint64_t seq, const platform_call& call, int status) {
  {
    std::lock_guard lock{mutex};
    ++counts.answered;
    if (status == 401)
      ++counts.unauthorized;
    if (auto* request = find(seq))
      request->status = status;
    notify();
  }
  if (!on_event)
    return;
  platform_event event;
  event.workspace = call.workspace;
  event.request = call.kind;
  event.status = status;
  switch (call.kind) {
  case request_class::beat:
    event.text = call.beat.current_task;
    break;
  case request_class::a2a:
    event.text = call.message.text;
    break;
  case request_class::notify:
    event.text = call.notification.message;
    break;
  default:
    break;
  }
  emit(std::move(event));
}

void platform_state::ended(std::uint64_t seq, std::uint64_t bytes_sent, bool client_gone) {
  std::lock_guard lock{mutex};
  if (auto* request = find(seq)) {
    request->ended = true;
    request->ended_at = std::chrono::steady_clock::now();
    request->bytes_sent = bytes_sent;
    request->client_gone = client_gone;
    notify();
  }
}

void platform_state::check_liveness() {
  std::vector<std::string> silent;
  {
    std::lock_guard lock{mutex};
    auto now = std::chrono::steady_clock::now();
    for (auto& [id, entry] : workspaces) {
      if (entry.info.online && now - entry.last_beat_at > liveness_ttl) {
        entry.info.online = false;
        silent.push_back(id);
      }
    }
    if (!silent.empty())
      notify();
  }
  for (auto& id : silent) {
    platform_event event;
    event.what = platform_event::kind::offline;
    event.workspace = id;
    emit(std::move(event));
  }
}

void platform_state::add_workspace(const std::string& id, const std::string& name,
                                   const std::string& parent_id) {
  std::lock_guard lock{mutex};
  auto [found, added] = workspaces.try_emplace(id);
  auto& entry = found->second;
  if (added)
    entry.index = next_index++;
  else
    tokens.erase(entry.info.token);
  entry.info.id = id;
  entry.info.name = name;
  entry.info.parent_id = parent_id;
  entry.info.token.clear();
  entry.info.token_file.clear();
  entry.rotation = ++rotations;
  notify();
}

void platform_state::remove_workspace(const std::string& id) {
  std::lock_guard lock{mutex};
  auto found = workspaces.find(id);
  if (found == workspaces.end())
    return;
  tokens.erase(found->second.info.token);
  workspaces.erase(found);
  notify();
}

std::string platform_state::set_token(const std::string& id, const std::string& token) {
  {
    std::lock_guard lock{mutex};
    auto found = workspaces.find(id);
    if (found == workspaces.end())
      return {};
    auto& entry = found->second;
    if (!entry.info.token.empty())
      tokens.erase(entry.info.token);
    entry.info.token = token;
    entry.rotation = ++rotations;
    if (!token.empty())
      tokens[token] = id;
    notify();
  }
  platform_event event;
  event.what = platform_event::kind::token_rotated;
  event.workspace = id;
  emit(std::move(event));
  return token;
}

void platform_state::add_row(const std::string& workspace, std::string json, const std::string& text) {
  {
    std::lock_guard lock{mutex};
    auto found = workspaces.find(workspace);
    if (found == workspaces.end())
      return;
    found->second.rows.push_front(std::move(json));
    found->second.listing_is_current = false;
    notify();
  }
  platform_event event;
  event.what = platform_event::kind::delegation_added;
  event.workspace = workspace;
  event.text = text;
  emit(std::move(event));
}

// -- the view
// ---------------------------------------------------------------------------------------------------

const platform_counts& platform_view::counts() const {
  return state_.counts;
}
const std::deque<recorded_request>& platform_view::requests() const {
  return state_.requests;
}
const std::deque<platform_beat>& platform_view::beats() const {
  return state_.beats;
}
const std::deque<platform_message>& platform_view::messages() const {
  return state_.messages;
}
const std::deque<platform_notification>& platform_view::notifications() const {
  return state_.notifications;
}

const platform_workspace* platform_view::workspace(const std::string& id) const {
  auto found = state_.workspaces.find(id);
  return found == state_.workspaces.end() ? nullptr : &found->second.info;
}

std::size_t platform_view::count(request_class kind, const std::string& workspace, int status) const {
  if (status >= 0) {
    return static_cast<std::size_t>(
        std::count_if(state_.requests.begin(), state_.requests.end(), [&](const recorded_request& request) {
          return (kind == request_class::any || request.kind == kind) &&
                 (workspace.empty() || request.workspace == workspace) && request.status == status;
        }));
  }
  const auto* of = &state_.counts.by_class;
  if (!workspace.empty()) {
    auto found = this->workspace(workspace);
    if (found == nullptr)
      return 0;
    of = &found->requests;
  }
  if (kind != request_class::any)
    return (*of)[index_of(kind)];
  std::size_t sum = 0;
  for (auto n : *of)
    sum += n;
  return sum;
}

} // namespace workspace_supervisor
