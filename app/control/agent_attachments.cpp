#include "app/control/agent_attachments.hpp"

#include "actors/agent/process_look.hpp"
#include "actors/loop/loop.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <map>
#include <poll.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace workspace_supervisor {

namespace {

using clock = std::chrono::steady_clock;
using descriptor = boost::asio::posix::stream_descriptor;

void emit(log_level level, const char* name, const workspace_context& workspace, const std::string& text,
          pid_t process) {
  auto happened = make_event(level, name, workspace.settings.id, text);
  if (process > 0)
    happened.with("process", std::int64_t{process});
  workspace.process->events->emit(std::move(happened));
}

std::string whose(pid_t process) {
  return process > 0 ? "process " + std::to_string(process) : std::string{"a process that is not known here"};
}

/// Asio may call a descriptor ready for what had come to another one, closed just before, whose place in its
/// books this one has.
bool is_readable(int handle) {
  pollfd look{handle, POLLIN, 0};
  return ::poll(&look, 1, 0) > 0;
}

bool child_runs(const workspace_context& workspace) {
  return workspace.process->launched.update(
      [](const launched_agent& launched) { return launched.process != 0; });
}

/// What it shall see stands in the facts already: a word that is lost in a crash is not missed.
void have_actor_look(const workspace_context& workspace) {
  if (const auto agent = workspace.agent.get())
    caf::anon_send(agent, agent_facts_changed{});
}

} // namespace

struct agent_attachments::impl : std::enable_shared_from_this<impl> {
  struct attachment {
    workspace_table::pointer workspace;
    pid_t process = 0;
    std::shared_ptr<control_stream> stream;
    std::unique_ptr<descriptor> process_end; ///< readable when the process has ended; null: not to be had
  };

  explicit impl(boost::asio::io_context& context)
      : context{context} {}

  boost::asio::io_context& context;
  std::map<std::uint64_t, attachment> open; ///< by number
  std::uint64_t last_number = 0;

  void watch_process(std::uint64_t number, attachment& added);
  void wait_for_end(std::uint64_t number, descriptor& process_end);
  void process_ended(std::uint64_t number);
  void connection_ended(std::uint64_t number);
  void close(const std::vector<std::uint64_t>& numbers);
};

void agent_attachments::impl::watch_process(std::uint64_t number, attachment& added) {
  const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, added.process, 0));
  if (handle < 0)
    return; // the agent actor looks at it every now and then all the same
  added.process_end = std::make_unique<descriptor>(context, handle);
  wait_for_end(number, *added.process_end);
}

void agent_attachments::impl::wait_for_end(std::uint64_t number, descriptor& process_end) {
  process_end.async_wait(descriptor::wait_read,
                         [weak = weak_from_this(), number](boost::system::error_code error) {
                           const auto self = weak.lock();
                           if (!self || error)
                             return;
                           const auto found = self->open.find(number);
                           if (found == self->open.end() || !found->second.process_end)
                             return;
                           auto& waited_for = *found->second.process_end;
                           if (is_readable(waited_for.native_handle()))
                             self->process_ended(number);
                           else
                             self->wait_for_end(number, waited_for);
                         });
}

void agent_attachments::impl::process_ended(std::uint64_t number) {
  const auto found = open.find(number);
  if (found == open.end())
    return;
  const auto held = found->second.workspace;
  auto& workspace = *held;
  const auto process = found->second.process;
  const auto removed = workspace.agent_facts.update(
      [&](agent_facts& facts) { return facts.process_gone(process, child_runs(workspace), clock::now()); });
  if (!removed.empty())
    emit(log_level::info, "agent.detached", workspace, "the agent's " + whose(process) + " has ended",
         process);
  have_actor_look(workspace);
  close(removed);
  open.erase(number);
}

/// Of those whose process is watched, its end is still waited for: it may follow at once.
void agent_attachments::impl::connection_ended(std::uint64_t number) {
  const auto found = open.find(number);
  if (found == open.end())
    return;
  auto& ended = found->second;
  ended.stream.reset();
  const auto held = ended.workspace;
  auto& workspace = *held;
  const bool was_there = workspace.agent_facts.update([&](agent_facts& facts) {
    const auto before = facts.attachments.size();
    facts.connection_ended(number, child_runs(workspace), clock::now());
    return facts.attachments.size() < before;
  });
  if (was_there)
    emit(log_level::info, "agent.detached", workspace,
         "the agent's connection has ended: " + whose(ended.process), ended.process);
  have_actor_look(workspace);
  if (!was_there || !ended.process_end)
    open.erase(found);
}

void agent_attachments::impl::close(const std::vector<std::uint64_t>& numbers) {
  for (const auto number : numbers)
    if (const auto found = open.find(number); found != open.end() && found->second.stream)
      found->second.stream->close();
}

agent_attachments::agent_attachments(actor_loop& loop)
    : impl_{std::make_shared<impl>(loop.context())} {}

agent_attachments::~agent_attachments() = default;

void agent_attachments::clear() {
  impl_->open.clear();
}

void agent_attachments::let_go(const workspace_context& workspace) {
  std::vector<std::shared_ptr<control_stream>> streams;
  std::erase_if(impl_->open, [&](auto& entry) {
    if (entry.second.workspace.get() != &workspace)
      return false;
    streams.push_back(std::move(entry.second.stream));
    return true;
  });
  for (const auto& stream : streams)
    if (stream)
      stream->close();
}

void agent_attachments::attach(control_exchange& exchange, workspace_context& workspace) {
  const auto process = exchange.peer().process;
  const auto number = ++impl_->last_number;
  const auto seen = process > 0 ? look_at_process(process) : process_look{};
  // Whoever waited for the end of an earlier process waits no more: the agent is here.
  std::erase_if(impl_->open, [&](const auto& entry) {
    return entry.second.workspace.get() == &workspace && !entry.second.stream;
  });
  const bool taken = workspace.agent_facts.update([&](agent_facts& facts) {
    return facts.attach({number, process, seen.born}, clock::now());
  });
  if (!taken)
    return exchange.answer(error_answer(503, std::to_string(agent_facts::most_attachments) +
                                                 " attachments of this workspace are open already"));
  auto& added = impl_->open[number];
  added.workspace = workspace.shared_from_this();
  added.process = process;
  added.stream = exchange.open_stream("text/event-stream", ": attached\n\n",
                                      [state = impl_, number] { state->connection_ended(number); });
  if (!added.stream)
    return impl_->connection_ended(number);
  if (process > 0)
    impl_->watch_process(number, added);
  emit(log_level::info, "agent.attached", workspace, "the agent is here: " + whose(process), process);
  have_actor_look(workspace);
}

void agent_attachments::detach(control_exchange& exchange, workspace_context& workspace) {
  const auto process = exchange.peer().process;
  const auto removed =
      workspace.agent_facts.update([&](agent_facts& facts) { return facts.goodbye(process, clock::now()); });
  if (!removed.empty())
    emit(log_level::info, "agent.detached", workspace, "the agent says goodbye: " + whose(process), process);
  have_actor_look(workspace);
  impl_->close(removed);
  control_answer answer;
  answer.body = "{\"ok\":true,\"detached\":" + std::to_string(removed.size()) + "}\n";
  exchange.answer(std::move(answer));
}

} // namespace workspace_supervisor
