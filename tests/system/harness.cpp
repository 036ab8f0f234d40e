#include "tests/system/harness.hpp"

#include "actors/loop/loop.hpp"
#include "actors/workspace/context.hpp"
#include "app/runtime/runtime.hpp"
#include "app/runtime/tree.hpp"
#include "tests/support/certificates.hpp"
#include "tests/system/event_record.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <caf/actor_registry.hpp>
#include <caf/scoped_actor.hpp>

#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>

namespace workspace_supervisor {

namespace {

constexpr std::chrono::milliseconds glance{5}; ///< between two looks at something that tells nobody
/// For a request that is answered: on a busy machine any thread may stand still for seconds.
constexpr milliseconds time_enough{30000};

settings quick_settings() {
  settings quick;
  quick.heartbeat = {milliseconds{200}, time_enough, milliseconds{50}, 10, milliseconds{180000}};
  quick.delegation.interval = milliseconds{200};
  quick.delegation.timeout = time_enough;
  quick.parent.timeout = time_enough;
  quick.connect_timeout = time_enough;
  quick.notifier.cooldown = milliseconds{200};
  quick.notifier.timeout = milliseconds{20000};
  quick.notifier.max_per_hour = 1000;
  quick.supervisor.backoff_min = milliseconds{10};
  quick.supervisor.backoff_max = milliseconds{100};
  return quick;
}

} // namespace

struct system_under_test::impl {
  system_options options;
  temporary_directory folder;
  std::optional<platform_server> platform;
  std::string ca_file;
  event_record record;
  std::optional<runtime> running;

  void prepare(const system_under_test& system);

  workspace_context& context(const std::string& workspace) {
    if (const auto context = running->context().workspaces.find(workspace))
      return *context;
    throw std::logic_error("no such workspace: " + workspace);
  }

  /// Asks, and asks again while the actor is down.
  template <class Reply, class Interface, class Request>
  Reply ask(const address<Interface>& place, const Request& request) {
    caf::scoped_actor self{*running->context().system};
    const auto give_up = std::chrono::steady_clock::now() + generous;
    while (std::chrono::steady_clock::now() < give_up) {
      std::optional<Reply> answer;
      if (const auto handle = place.get())
        self->request(handle, generous, request)
            // A copy: what the answer holds is freed where CAF frees the answer.
            .receive([&](const Reply& reply) { answer.emplace(reply); }, [](caf::error&) {});
      if (answer)
        return std::move(*answer);
      std::this_thread::sleep_for(glance);
    }
    ADD_FAILURE() << "an actor did not answer";
    return {};
  }

  /// So many requests at once, each by an asker of its own.
  template <class Reply, class Interface, class Request>
  std::vector<Reply> ask_at_once(const address<Interface>& place, const Request& request, std::size_t count) {
    std::vector<Reply> answers(count);
    std::vector<std::thread> askers;
    for (std::size_t number = 0; number < count; ++number)
      askers.emplace_back([&, number] { answers[number] = ask<Reply>(place, request); });
    for (auto& asker : askers)
      asker.join();
    return answers;
  }

  actor_probe& probe_of(const std::string& name, const std::string& workspace) {
    const auto place_in = [&name](const auto& names) {
      return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    };
    if (workspace.empty())
      return running->context().actors.at(place_in(shared_actor_names));
    return context(workspace).actors.at(place_in(workspace_actor_names));
  }

  caf::actor handle_of(const std::string& name, const std::string& workspace) {
    std::optional<caf::actor> found;
    const auto look = [&](auto actor, const auto& place) {
      if (name_of(actor) == name)
        found = caf::actor_cast<caf::actor>(place.get());
    };
    if (workspace.empty())
      running->context().each_address(look);
    else
      context(workspace).each_address(look);
    if (found)
      return *found;
    throw std::logic_error("no such actor: " + name);
  }
};

system_under_test::system_under_test(system_options options)
    : impl_{std::make_unique<impl>()} {
  std::signal(SIGPIPE, SIG_IGN);
  impl_->options = std::move(options);
  auto& own = *impl_;
  if (own.options.certificate != platform_certificate::none) {
    const auto made = make_certificates(own.folder.path());
    const auto& files = own.options.certificate == platform_certificate::good         ? made.good
                        : own.options.certificate == platform_certificate::expired    ? made.expired
                        : own.options.certificate == platform_certificate::wrong_host ? made.wrong_host
                                                                                      : made.self_signed;
    own.options.platform.certificate_file = files.certificate;
    own.options.platform.key_file = files.key;
    own.ca_file = made.ca_file;
  }
  own.platform.emplace(own.options.platform);
  for (const auto& workspace : own.options.workspaces) {
    std::filesystem::create_directories(configs_dir(workspace));
    own.platform->add_workspace(workspace, "name of " + workspace, "", "token-of-" + workspace,
                                token_file(workspace));
    if (own.options.write_tokens)
      own.platform->write_token_file(workspace);
  }
}

system_under_test::~system_under_test() {
  stop();
}

void system_under_test::start() {
  impl_->prepare(*this);
  impl_->running->start();
}

void system_under_test::start_crashing(const std::string& name, const std::string& workspace,
                                       std::uint64_t message) {
  impl_->prepare(*this);
  impl_->probe_of(name, workspace).crash_at(message);
  impl_->running->start();
}

void system_under_test::impl::prepare(const system_under_test& system) {
  auto& own = *this;
  auto configuration = quick_settings();
  for (const auto& id : own.options.workspaces)
    configuration.workspaces.push_back(
        {id, own.platform->url(), system.configs_dir(id), system.results_file(id), {}});
  configuration.ca_file = own.ca_file;
  configuration.state_dir = own.folder.file("state");
  std::filesystem::create_directories(configuration.state_dir);
  if (own.options.adjust)
    own.options.adjust(configuration);
  const auto state_dir = configuration.state_dir;
  own.running.emplace(std::move(configuration), own.record,
                      own.options.durable ? make_durable_store(state_dir) : make_memory_store());
  EXPECT_EQ(own.running->prepare(), "");
}

void system_under_test::stop() {
  if (!impl_->running)
    return;
  impl_->running->stop();
  EXPECT_TRUE(impl_->running->wait_ended(generous)) << "the tree did not stop";
  impl_->running.reset();
}

platform_server& system_under_test::platform() {
  return *impl_->platform;
}

std::string system_under_test::configs_dir(const std::string& workspace) const {
  return impl_->folder.file("configs-" + workspace);
}

std::string system_under_test::token_file(const std::string& workspace) const {
  return configs_dir(workspace) + "/.auth_token";
}

std::string system_under_test::results_file(const std::string& workspace) const {
  return configs_dir(workspace) + "/delegation_results.jsonl";
}

std::vector<std::string> system_under_test::take_results(const std::string& workspace) const {
  const auto taken = results_file(workspace) + ".taken";
  std::vector<std::string> lines;
  if (std::rename(results_file(workspace).c_str(), taken.c_str()) != 0)
    return lines;
  std::istringstream text{content_of(taken)};
  std::remove(taken.c_str());
  for (std::string line; std::getline(text, line);)
    lines.push_back(line);
  return lines;
}

void system_under_test::add_result(const std::string& delegation_id, const std::string& status,
                                   const std::string& workspace) {
  platform_delegation row;
  row.delegation_id = delegation_id;
  row.source_id = workspace;
  row.target_id = "target-1";
  row.status = status;
  row.summary = "summary of " + delegation_id;
  row.response_preview = "preview of " + delegation_id;
  if (status == "failed")
    row.error = "error of " + delegation_id;
  platform().add_delegation(workspace, row);
}

void system_under_test::say(const set_activity& change, const std::string& workspace) {
  impl_->ask<done>(impl_->context(workspace).activity, change);
}
void system_under_test::say(const record_outcomes& outcomes, const std::string& workspace) {
  impl_->ask<done>(impl_->context(workspace).activity, outcomes);
}
void system_under_test::say(const set_runtime_state& state, const std::string& workspace) {
  impl_->ask<done>(impl_->context(workspace).activity, state);
}
void system_under_test::say(const set_runtime_metadata& metadata, const std::string& workspace) {
  impl_->ask<done>(impl_->context(workspace).activity, metadata);
}
void system_under_test::set_task(const std::string& text, const std::string& workspace) {
  say(set_activity{true, text.empty() ? 0 : 1, true, text}, workspace);
}
void system_under_test::record_error(const std::string& text, const std::string& workspace) {
  say(record_outcomes{0, 1, true, text}, workspace);
}
activity_report system_under_test::activity(const std::string& workspace) {
  return impl_->ask<activity_report>(impl_->context(workspace).activity, get_activity{});
}
beat_outcome system_under_test::beat(const std::string& workspace) {
  return impl_->ask<beat_outcome>(impl_->context(workspace).heartbeat, beat_now{});
}
poll_outcome system_under_test::poll(const std::string& workspace) {
  auto& context = impl_->context(workspace);
  const auto& begun = context.probe.polls;
  const auto ask = [&] {
    return impl_->ask<poll_outcome>(context.delegation_poller, poll_now{});
  };
  // The first one, which nobody asks for, would come some time after this one, and see whatever is listed by
  // then.
  if (context.first_at == 0)
    wait_until([&] { return begun.load() > 0; });
  const auto before = begun.load();
  auto outcome = ask();
  if (begun.load() > before)
    return outcome;
  // One that was under way, and may have been before what it is to see was there, has answered for this one.
  const auto found = outcome.news;
  outcome = ask();
  outcome.news += found;
  return outcome;
}
parent_name system_under_test::parent(const std::string& workspace) {
  return impl_->ask<parent_name>(impl_->context(workspace).parent_name, get_parent_name{});
}
std::string system_under_test::save_token(const std::string& token, const std::string& workspace) {
  return impl_->ask<file_outcome>(impl_->context(workspace).token, save_token_request{token}).error;
}
std::string system_under_test::token(const std::string& workspace) {
  return impl_->ask<token_state>(impl_->context(workspace).token, get_token{}).token;
}
std::string system_under_test::refresh(const std::string& workspace) {
  return impl_->ask<token_state>(impl_->context(workspace).token, refresh_token{}).token;
}
std::vector<parent_name> system_under_test::parents_at_once(std::size_t count, const std::string& workspace) {
  return impl_->ask_at_once<parent_name>(impl_->context(workspace).parent_name, get_parent_name{}, count);
}
std::vector<beat_outcome> system_under_test::beats_at_once(std::size_t count, const std::string& workspace) {
  return impl_->ask_at_once<beat_outcome>(impl_->context(workspace).heartbeat, beat_now{}, count);
}

const actor_probe& system_under_test::actor(const std::string& name, const std::string& workspace) {
  return impl_->probe_of(name, workspace);
}

const workspace_probe& system_under_test::probe(const std::string& workspace) {
  return impl_->context(workspace).probe;
}

bool system_under_test::strike(const std::string& name, const std::string& workspace) {
  const auto handle = impl_->handle_of(name, workspace);
  if (!handle)
    return false;
  crash_actor(handle, "struck by a test");
  return true;
}

bool system_under_test::crash(const std::string& name, const std::string& workspace) {
  const auto& probe = impl_->probe_of(name, workspace);
  const auto before = probe.restarts();
  return wait_until([&] { return strike(name, workspace); }) &&
         wait_until([&] { return probe.restarts() > before && probe.state() == actor_state::running; });
}

bool system_under_test::crash_for_good(const std::string& name, const std::string& workspace) {
  const bool supervisor = name == "supervisor";
  const auto given_up = [&] {
    std::size_t times = 0;
    for (const auto& happened : events("actor.given-up", supervisor ? "" : workspace))
      times += field(happened, "actor") == (supervisor ? name + ' ' + workspace : name) ? 1 : 0;
    return times;
  };
  const auto before = given_up();
  return wait_until([&] {
    if (given_up() > before)
      return true;
    strike(name, workspace);
    return false;
  });
}

std::size_t system_under_test::running_actors() const {
  return impl_->running->context().system->registry().running();
}

std::size_t system_under_test::timers() const {
  auto& loop = impl_->running->loop();
  std::size_t count = 0;
  loop.post_and_wait([&] { count = loop.timers(); });
  return count;
}

int system_under_test::put(const std::string& workspace) {
  added_workspace wanted;
  wanted.id = workspace;
  wanted.configs_dir = impl_->folder.path() + "/" + workspace;
  wanted.platform_url = platform().url();
  std::filesystem::create_directories(wanted.configs_dir);
  return impl_->ask<workspace_change>(impl_->running->context().workspaces_actor, put_workspace{wanted})
      .status;
}

int system_under_test::remove(const std::string& workspace) {
  return impl_->ask<workspace_change>(impl_->running->context().workspaces_actor, remove_workspace{workspace})
      .status;
}

bool system_under_test::ended() const {
  return wait_ended(std::chrono::milliseconds{0});
}
bool system_under_test::wait_ended(std::chrono::milliseconds timeout) const {
  return impl_->running->wait_ended(timeout);
}
bool system_under_test::gave_up() const {
  return impl_->running->gave_up();
}

std::vector<event> system_under_test::events(const std::string& name, const std::string& workspace) const {
  return impl_->record.get(name, workspace);
}

bool system_under_test::wait_for_event(const std::string& name, std::size_t count,
                                       const std::string& workspace) const {
  if (impl_->record.wait(name, count, workspace, generous))
    return true;
  std::cerr << "no " << name << " within the limit; what happened:\n"
            << impl_->record.text() << "what was asked:\n";
  for (const auto& request : impl_->platform->requests())
    std::cerr << request.seq << ' ' << request.method << ' ' << request.target << " on connection "
              << request.connection << ": "
              << (request.ended ? "status " + std::to_string(request.status) : "not ended") << '\n';
  return false;
}

std::size_t system_under_test::count(request_class kind, const std::string& workspace) {
  std::size_t counted = 0;
  platform().wait_until([&](const platform_view& view) {
    counted = view.count(kind, workspace);
    return true;
  });
  return counted;
}

bool system_under_test::wait_for_more(request_class kind, std::size_t more, const std::string& workspace) {
  return platform().wait_for(kind, count(kind, workspace) + more, workspace);
}

bool system_under_test::wait_until(const std::function<bool()>& predicate) {
  const auto give_up = std::chrono::steady_clock::now() + generous;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > give_up)
      return false;
    std::this_thread::sleep_for(glance);
  }
  return true;
}

void only_when_asked(settings& configuration) {
  configuration.heartbeat.interval = std::chrono::hours{1};
  configuration.heartbeat.retry_min = std::chrono::hours{1};
  configuration.delegation.interval = std::chrono::hours{1};
}

std::string field(const event& happened, const std::string& key) {
  for (const auto& one : happened.fields)
    if (one.key == key)
      return one.value;
  return {};
}

platform_fault fault(fault_action action, request_class kind, unsigned times) {
  platform_fault ordered;
  ordered.action = action;
  ordered.kind = kind;
  ordered.times = times;
  return ordered;
}

platform_fault answer_status(int status, request_class kind, unsigned times) {
  auto ordered = fault(fault_action::status, kind, times);
  ordered.status = status;
  return ordered;
}

std::string member(const std::string& json, const std::string& pointer) {
  boost::json::error_code error;
  const auto value = boost::json::parse(json, error);
  if (error)
    return {};
  const auto* found = value.find_pointer(pointer, error);
  if (error || found == nullptr)
    return {};
  return found->is_string() ? std::string{found->as_string().c_str(), found->as_string().size()}
                            : boost::json::serialize(*found);
}

} // namespace workspace_supervisor
