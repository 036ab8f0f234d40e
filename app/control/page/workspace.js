// -- one workspace

function card(title, big, lines, tone) {
  return make("div", { class: "card" }, make("h3", { text: title }),
    make("p", { class: tone === "bad" ? "big trouble" : "big", text: big }),
    ...lines.filter((line) => line).map((line) => make("p", { class: "quiet", text: line })));
}

/// "running as process 812, restarted 2 times"
function presence_of(agent) {
  if (!agent || agent.state === "none") return "";
  return [agent.state + (agent.pid ? ` as process ${agent.pid}` : ""),
    agent.attachments > 0 ? plural(agent.attachments, "attachment") : "",
    agent.launched ? plural(agent.restarts, "restart") : "",
    agent.last_exit ? `the last one ${agent.last_exit}` : ""].filter((part) => part).join(", ");
}

let cards_shown = "";

function show_cards(workspace) {
  // Made anew only when one has changed.
  const beats = workspace.heartbeat, outbox = workspace.outbox.pending, activity = workspace.activity;
  const pending = outbox.file + outbox.self_message + outbox.notification;
  const summary = { last_delivered: beats.last_delivered, status: workspace.status, runtime_state: activity.runtime_state };
  const cards = [
    ["Heartbeat", word_of(summary), [
      `last delivered ${ago(age_of(summary))}`, beats.consecutive_failures > 0 ? `${plural(beats.consecutive_failures, "failure")} in a row` : "",
      `${plural(beats.sent, "beat")} sent, ${beats.failed.toLocaleString("en")} failed`,
      `p50 ${latency(beats.latency_p50_seconds)}, p99 ${latency(beats.latency_p99_seconds)}`], tone_of(summary)],
    ["Agent", activity.current_task || (activity.active_tasks > 0 ? plural(activity.active_tasks, "active task") : "idle"), [
      activity.current_task ? plural(activity.active_tasks, "active task") : "",
      activity.runtime_state === "wedged" ? `wedged: ${activity.reason}` : "", presence_of(workspace.agent),
      activity.errors > 0 ? `${activity.errors} of ${plural(activity.requests, "request")} failed` : "",
      activity.sample_error ? `last error: ${activity.sample_error}` : ""], activity.runtime_state === "wedged" ? "bad" : "good"],
    ["Pending", pending > 0 ? plural(pending, "delivery", "deliveries") : "nothing", [
      pending > 0 ? `${outbox.file} to the results file, ${outbox.self_message} to the agent, ${outbox.notification} to the user` : "",
      pending > 0 ? `the oldest for ${duration(workspace.outbox.oldest_age_seconds)}` : "",
      workspace.notifier.suspected_loop ? "the agent seems to delegate in a loop" : ""], workspace.notifier.suspected_loop ? "bad" : "good"],
    ["Delegations", `${workspace.delegations.new.completed.toLocaleString("en")} completed, ${workspace.delegations.new.failed.toLocaleString("en")} failed`, [
      `${plural(workspace.delegations.polls, "poll")}, ${workspace.delegations.failures.toLocaleString("en")} failed`,
      workspace.delegations.foreign + workspace.delegations.malformed > 0
        ? `rejected: ${workspace.delegations.foreign} foreign, ${workspace.delegations.malformed} malformed` : "",
      `agent woken ${workspace.notifier.self_messages.delivered}×, user told ${workspace.notifier.notifications.delivered}×`], "good"],
    ["Token", workspace.token.present ? "present" : "absent", [workspace.token.reason, `${plural(workspace.token.refreshes, "refresh", "refreshes")}`],
      workspace.token.present ? "good" : "bad"],
  ];
  const text = JSON.stringify(cards);
  if (text === cards_shown) return;
  cards_shown = text;
  by_id("cards").replaceChildren(...cards.map((parts) => card(...parts)));
}

const svg = (tag, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

let strip_shown = "";

/// Up from the axis: the slowest beat of the minute. Down from it: how many failed.
function show_beats(history) {
  const text = JSON.stringify(history);
  if (!history || text === strip_shown) return;
  strip_shown = text;
  const count = history.delivered.length;
  const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
  const slowest = Math.max(0, ...history.latency_max), most_failed = Math.max(3, ...history.failed);
  const delivered = sum(history.delivered), failed = sum(history.failed);
  const words = `${plural(delivered, "beat")} delivered, ${failed.toLocaleString("en")} failed` +
    (slowest > 0 ? `; the slowest took ${latency(slowest)}` : "");
  put(by_id("beats-summary"), words + ".");
  put(by_id("strip-key"), slowest > 0 ? `▲ slowest, up to ${latency(slowest)} · ▼ failed` : "▲ slowest · ▼ failed");
  const drawing = svg("svg", { viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img", "aria-label": words });
  const axis = 66;
  drawing.append(svg("rect", { class: "axis", x: 0, y: axis, width: 600, height: 1 }));
  for (let index = 0; index < count; ++index) {
    const x = 600 - 10 * (count - index) + 1;
    if (history.delivered[index] > 0) {
      const height = 6 + 52 * (slowest > 0 ? history.latency_max[index] / slowest : 0);
      drawing.append(svg("rect", { class: "latency", x, y: axis - height, width: 8, height, rx: 1 }));
    }
    if (history.failed[index] > 0) {
      const height = 10 + 20 * Math.min(1, history.failed[index] / most_failed);
      drawing.append(svg("rect", { class: "failure", x, y: axis + 2, width: 8, height, rx: 1 }));
    }
  }
  by_id("strip").replaceChildren(drawing);
  const minutes = [];
  for (let index = count - 1; index >= 0; --index)
    minutes.push(make("tr", {},
      make("th", { scope: "row", text: clock_time(new Date((history.start + index * history.step_seconds) * 1000)).slice(0, 5) }),
      make("td", { class: "number", text: history.delivered[index] }), make("td", { class: "number", text: history.failed[index] }),
      make("td", { class: "number", text: latency(history.latency_max[index]) })));
  by_id("minutes").replaceChildren(...minutes);
}

const tree_rows = new Map();
const actor_tones = { running: "good", restarting: "warn", failed: "bad" };

function tree_row(key, name, depth, below, actor) {
  let row = tree_rows.get(key);
  if (!row) {
    const label = make("span"), under = make("span", { class: "unseen" }), error = make("span", { class: "error" });
    const badge = make("span", { class: "badge" });
    const cells = ["number", "number wide", "number wide", "number wide"].map((kind) => make("td", { class: kind }));
    const element = make("tr", { "data-depth": depth }, make("th", { scope: "row" }, label, under, error), make("td", {}, badge), ...cells);
    row = { element, label, under, error, badge, cells };
    tree_rows.set(key, row);
  }
  put(row.label, name);
  put(row.under, below ? ` (below ${below})` : "");
  put(row.error, actor.last_error ? `last error: ${actor.last_error}` : "");
  row.error.hidden = !actor.last_error;
  row.badge.dataset.tone = actor_tones[actor.state];
  put(row.badge, `${glyphs[actor_tones[actor.state]]} ${actor.state}`);
  put(row.cells[0], actor.restarts);
  put(row.cells[1], actor.messages.toLocaleString("en"));
  put(row.cells[2], actor.mailbox);
  put(row.cells[3], latency(actor.handler_seconds_p99));
  return row.element;
}

function show_tree(overview, workspace) {
  const elements = [];
  const { root, ...shared } = overview.actors;
  elements.push(tree_row("root", "root", 0, "", root));
  for (const [name, actor] of Object.entries(shared)) elements.push(tree_row("shared " + name, name, 1, "root", actor));
  const { supervisor, ...own } = workspace.actors;
  elements.push(tree_row("supervisor", `supervisor of ${workspace.id}`, 1, "root", supervisor));
  for (const [name, actor] of Object.entries(own)) elements.push(tree_row("own " + name, name, 2, "supervisor", actor));
  const body = by_id("tree");
  if (elements.length !== body.children.length || elements.some((element, index) => body.children[index] !== element))
    body.replaceChildren(...elements);
}

function show_workspace() {
  const workspace = state.workspace;
  by_id("detail").hidden = !workspace;
  if (!workspace) return;
  put(by_id("detail-title"), workspace.id);
  show_cards(workspace);
  show_beats(workspace.history);
  show_tree(state.overview, workspace);
}
