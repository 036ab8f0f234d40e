"use strict";

// Every text that comes from elsewhere is set as textContent: nothing here makes markup of a string, and the
// policy that the page is served with would refuse it.

const rows_a_page = 50;
const events_kept = 400;
const events_shown = 150;
const many = 300; // workspaces; above, the list is asked for less often
const statuses = ["failed", "unauthorized", "unreachable", "starting", "online"]; // the worst first

const state = {
  overview: null,
  workspace: null, // what was last told of the chosen one
  chosen: null,
  clock_ahead: 0, // of the server's clock before this one, seconds
  heard: 0, // when an answer last came, by this clock, ms
  lost: false,
  sort: { key: "status", ascending: true },
  page: 0,
  events: [],
  seen: new Set(),
};

const by_id = (id) => document.getElementById(id);

/// A text without the marks that would turn the reading direction of what stands around it.
const harmless = (text) => String(text).replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g, "\ufffd");

/// Sets a text only when it has changed, so that a screen reader is not told the same again.
function put(element, text) {
  const clean = harmless(text);
  if (element.textContent !== clean) element.textContent = clean;
  return element;
}

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") put(element, value);
    else if (name === "tone") element.dataset.tone = value;
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// -- words for figures

const plural = (count, one, more = one + "s") => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function latency(seconds) {
  if (!seconds) return "–";
  const milliseconds = seconds * 1000;
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)} µs`;
  if (milliseconds < 1000) return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
  return `${seconds.toFixed(1)} s`;
}

const server_now = () => Date.now() / 1000 + state.clock_ahead;
const age_of = (workspace) => (workspace.last_delivered ? server_now() - workspace.last_delivered : null);
const ago = (seconds) => (seconds === null ? "never" : `${duration(seconds)} ago`);
const clock_time = (date) => date.toLocaleTimeString("en-GB");

function silent(workspace) {
  const age = age_of(workspace);
  return age !== null && age > state.overview.liveness_ttl_seconds;
}

function tone_of(workspace) {
  if (workspace.status === "starting") return "idle";
  if (workspace.status !== "online" || silent(workspace)) return "bad";
  return workspace.runtime_state === "wedged" ? "warn" : "good";
}

function word_of(workspace) {
  if (workspace.status === "online" && silent(workspace)) return "silent";
  if (workspace.status === "online" && workspace.runtime_state === "wedged") return "agent wedged";
  return workspace.status;
}

const glyphs = { good: "✓", warn: "!", bad: "✕", idle: "…" };

// -- does it live?

function judge() {
  const all = state.overview.workspaces;
  const count = (test) => all.filter(test).length;
  const bad = all.filter((one) => tone_of(one) === "bad");
  const starting = count((one) => tone_of(one) === "idle");
  const wedged = count((one) => tone_of(one) === "warn");
  if (bad.length > 0) {
    const kinds = [...new Set(bad.map(word_of))];
    const what = kinds.length === 1 ? kinds[0] : "in trouble";
    if (all.length === 1) return ["bad", `${all[0].id} is ${what}`];
    if (bad.length === 1) {
      const others = all.length === 2 ? "the other one is" : `the other ${(all.length - 1).toLocaleString("en")} are`;
      return ["bad", `${bad[0].id} is ${what}; ${others} ${starting > 0 ? "alive or starting" : "alive"}`];
    }
    return ["bad", `${bad.length.toLocaleString("en")} of ${plural(all.length, "workspace")} are ${what}`];
  }
  if (wedged > 0)
    return ["warn", wedged === 1 && all.length === 1 ? `${all[0].id} lives, its agent is wedged`
      : `All reach their platform; ${plural(wedged, "agent is", "agents are")} wedged`];
  if (starting > 0)
    return ["idle", all.length === 1 ? `${all[0].id} is starting` : `${starting} of ${plural(all.length, "workspace")} starting`];
  if (all.length === 1) return ["good", `${all[0].id} is alive`];
  return ["good", `All ${plural(all.length, "workspace")} are alive`];
}

function show_verdict() {
  const box = by_id("verdict");
  let tone = "bad", text, more;
  if (state.lost) {
    text = "The supervisor does not answer";
    more = state.heard ? `What stands below is as of ${clock_time(new Date(state.heard))}, ${ago((Date.now() - state.heard) / 1000)}. Trying again.`
      : "Trying again.";
  } else if (!state.overview) {
    return;
  } else {
    [tone, text] = judge();
    const overview = state.overview;
    const ages = overview.workspaces.map(age_of).filter((age) => age !== null);
    const pending = overview.workspaces.reduce((sum, one) => sum + one.pending, 0);
    const parts = [];
    if (ages.length > 0)
      parts.push(overview.workspaces.length === 1 ? `last beat ${ago(ages[0])}` : `oldest last beat ${ago(Math.max(...ages))}`);
    parts.push(pending > 0 ? `${plural(pending, "delivery", "deliveries")} pending` : "nothing pending");
    parts.push(`up for ${duration(overview.uptime_seconds + (Date.now() - state.heard) / 1000)}`);
    more = parts.join(" · ");
  }
  box.dataset.tone = tone;
  put(by_id("verdict-glyph"), glyphs[tone]);
  put(by_id("verdict-text"), text);
  put(by_id("verdict-more"), more);
  document.title = `${glyphs[tone]} ${harmless(text)} – workspace supervisor`;
}

function show_notices() {
  const overview = state.overview;
  const notices = [];
  if (!overview.store.durable)
    notices.push(`Results are kept in memory alone (${overview.store.unsaved} unsaved): ${overview.store.trouble || "the store is not durable"}`);
  for (const [name, actor] of Object.entries(overview.actors))
    if (actor.state !== "running") notices.push(`The shared actor ${name} is ${actor.state}: ${actor.last_error}`);
  const list = by_id("notices");
  while (list.children.length > notices.length) list.lastChild.remove();
  notices.forEach((notice, index) => {
    if (!list.children[index]) list.append(make("li", { tone: "warn" }));
    put(list.children[index], notice);
  });
  put(by_id("about"), `workspace-supervisor ${overview.version} · ${overview.store.commits} commits to the store, ${overview.store.failures} failed · the same for programs: /v1/stats, /metrics, /readyz`);
}

// -- the list

const columns = [
  { key: "id", head: "Workspace" },
  { key: "status", head: "Status" },
  { key: "last_delivered", head: "Last beat", number: true },
  { key: "consecutive_failures", head: "Failures in a row", number: true, wide: true },
  { key: "restarts", head: "Restarts", number: true, wide: true },
  { key: "pending", head: "Pending", number: true, wide: true },
];

const collator = new Intl.Collator("en", { numeric: true });

function order(a, b) {
  const key = state.sort.key;
  let result = 0;
  if (key === "status") result = rank(a) - rank(b);
  else if (key !== "id") result = (a[key] || 0) - (b[key] || 0);
  if (!state.sort.ascending) result = -result;
  if (result !== 0) return result;
  const names = collator.compare(a.id, b.id);
  return key === "id" && !state.sort.ascending ? -names : names;
}

function rank(workspace) {
  const place = statuses.indexOf(workspace.status);
  return workspace.status === "online" && tone_of(workspace) !== "good" ? place - 0.5 : place;
}

function make_heads() {
  for (const column of columns) {
    const button = make("button", { type: "button", text: column.head });
    const classes = [column.number ? "number" : "", column.wide ? "wide" : ""].join(" ").trim();
    const head = make("th", { scope: "col", class: classes }, button);
    button.addEventListener("click", () => {
      const same = state.sort.key === column.key;
      state.sort = { key: column.key, ascending: same ? !state.sort.ascending : !column.number };
      state.page = 0;
      show_list();
    });
    column.element = head;
    by_id("list-head").append(head);
  }
}

const rows = new Map(); // by workspace, those that are shown

function row_of(id) {
  let row = rows.get(id);
  if (row) return row;
  const link = make("a", { href: "#" + encodeURIComponent(id) });
  const task = make("div", { class: "task" });
  const badge = make("span", { class: "badge" });
  const cells = columns.slice(2).map((column) => make("td", { class: column.wide ? "number wide" : "number" }));
  const element = make("tr", {}, make("th", { scope: "row" }, link, task), make("td", {}, badge), ...cells);
  row = { element, link, task, badge, cells };
  rows.set(id, row);
  return row;
}

function show_row(workspace) {
  const row = row_of(workspace.id);
  put(row.link, workspace.id);
  put(row.task, workspace.current_task);
  row.badge.dataset.tone = tone_of(workspace);
  put(row.badge, `${glyphs[tone_of(workspace)]} ${word_of(workspace)}`);
  put(row.cells[0], ago(age_of(workspace)));
  put(row.cells[1], workspace.consecutive_failures);
  put(row.cells[2], workspace.restarts);
  put(row.cells[3], workspace.pending);
  const chosen = workspace.id === state.chosen;
  row.element.toggleAttribute("data-chosen", chosen);
  if (chosen) row.link.setAttribute("aria-current", "true");
  else row.link.removeAttribute("aria-current");
  return row.element;
}

function show_list() {
  const overview = state.overview;
  if (!overview) return;
  by_id("list").hidden = overview.workspaces.length < 2;
  const wanted = by_id("search").value.trim().toLowerCase();
  const status = by_id("status-filter").value;
  const found = overview.workspaces.filter((one) => (!status || one.status === status) &&
    (!wanted || one.id.toLowerCase().includes(wanted) || one.current_task.toLowerCase().includes(wanted)));
  found.sort(order);
  const pages = Math.max(1, Math.ceil(found.length / rows_a_page));
  state.page = Math.min(state.page, pages - 1);
  const shown = found.slice(state.page * rows_a_page, (state.page + 1) * rows_a_page);
  const body = by_id("list-body");
  const focused = document.activeElement;
  const elements = shown.map(show_row);
  for (const id of [...rows.keys()])
    if (!shown.some((one) => one.id === id)) rows.delete(id);
  if (elements.length !== body.children.length || elements.some((element, index) => body.children[index] !== element)) {
    body.replaceChildren(...elements);
    if (focused && focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
  }
  for (const column of columns) {
    if (column.key === state.sort.key) column.element.setAttribute("aria-sort", state.sort.ascending ? "ascending" : "descending");
    else column.element.removeAttribute("aria-sort");
  }
  put(by_id("list-title"), found.length === overview.workspaces.length ? `Workspaces (${found.length.toLocaleString("en")})`
    : `Workspaces (${found.length.toLocaleString("en")} of ${overview.workspaces.length.toLocaleString("en")})`);
  by_id("pages").hidden = pages === 1;
  put(by_id("page-number"), `Page ${state.page + 1} of ${pages}`);
  by_id("previous").disabled = state.page === 0;
  by_id("next").disabled = state.page === pages - 1;
}

// -- one workspace

function card(title, big, lines, tone) {
  return make("div", { class: "card" }, make("h3", { text: title }),
    make("p", { class: tone === "bad" ? "big trouble" : "big", text: big }),
    ...lines.filter((line) => line).map((line) => make("p", { class: "quiet", text: line })));
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
      activity.runtime_state === "wedged" ? `wedged: ${activity.reason}` : "",
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

// -- events

const level_ranks = { error: 0, warning: 1, info: 2, debug: 3 };
let drawing_events = 0;

function take_event(happened) {
  const key = JSON.stringify(happened);
  if (state.seen.has(key)) return;
  state.seen.add(key);
  happened.key = key;
  state.events.push(happened);
  while (state.events.length > events_kept) {
    // Those of no weight go first: a thousand beats must not push out the one crash.
    const trifle = state.events.findIndex((one) => one.level === "debug");
    const [gone] = state.events.splice(trifle >= 0 ? trifle : 0, 1);
    state.seen.delete(gone.key);
  }
  if (level_ranks[happened.level] <= 1 && Date.now() / 1000 + state.clock_ahead - Date.parse(happened.time) / 1000 < 30)
    put(by_id("alarm"), `${happened.workspace || ""} ${happened.text}`);
  if (happened.level !== "debug" && (!happened.workspace || happened.workspace === state.chosen)) refresh_soon();
  draw_events_soon();
}

function draw_events_soon() {
  if (!drawing_events) drawing_events = setTimeout(show_events, 250);
}

function show_events() {
  drawing_events = 0;
  const most = level_ranks[by_id("event-level").value], own = by_id("event-own").checked;
  const wanted = state.events.filter((one) => level_ranks[one.level] <= most && (!own || one.workspace === state.chosen));
  const list = by_id("events");
  const have = new Map([...list.children].map((element) => [element.dataset.key, element]));
  const elements = wanted.slice(-events_shown).reverse().map((one) => have.get(one.key) || event_row(one));
  if (elements.length !== list.children.length || elements.some((element, index) => list.children[index] !== element))
    list.replaceChildren(...elements);
  by_id("no-events").hidden = elements.length > 0;
}

function event_row(one) {
  const what = make("span", { class: "what" });
  if (one.workspace) what.append(make("span", { class: "where", text: one.workspace + " " }));
  what.append(make("span", { text: one.text }));
  const row = make("li", { "data-level": one.level }, make("time", { datetime: one.time, text: clock_time(new Date(one.time)) }),
    make("span", { class: "name", text: one.event }), what);
  row.dataset.key = one.key;
  return row;
}

function show_live(tone, text) {
  by_id("live").dataset.tone = tone;
  put(by_id("live"), text);
}

/// Reads the stream of events until it ends. Not an EventSource: that one wants the names of the events.
async function follow_events(stop) {
  const answer = await fetch("/v1/events?recent=200", { signal: stop, cache: "no-store" });
  if (!answer.ok) throw new Error(answer.status === 503 ? "no free stream" : `status ${answer.status}`);
  show_live("good", "live");
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error("interrupted");
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks)
      for (const line of block.split("\n"))
        if (line.startsWith("data: ")) take_event(JSON.parse(line.slice(6)));
  }
}

// -- asking

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${path}: status ${answer.status}`);
  return answer.json();
}

function choose() {
  const all = state.overview.workspaces;
  const named = decodeURIComponent(location.hash.slice(1));
  if (named && all.some((one) => one.id === named)) {
    state.chosen = named;
    return;
  }
  // The one in most trouble, and no other as long as it is there: a page that jumps cannot be read.
  if (!state.chosen || !all.some((one) => one.id === state.chosen))
    state.chosen = all.length > 0 ? [...all].sort((a, b) => rank(a) - rank(b) || collator.compare(a.id, b.id))[0].id : null;
}

let timer = 0;
let asking = false;
let next_at = 0; // when the next answer is due, performance.now()

async function refresh() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  let pause = 5000;
  try {
    const overview = await ask("/v1/workspaces");
    state.heard = Date.now();
    state.clock_ahead = overview.time - state.heard / 1000;
    state.overview = overview;
    choose();
    state.workspace = state.chosen === null ? null : await ask("/v1/workspaces/" + encodeURIComponent(state.chosen));
    if (overview.workspaces.length > many) pause = 15000;
    state.lost = false;
    show_notices();
    show_list();
    show_workspace();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException || error.message.includes("status"))) throw error;
    state.lost = true;
    pause = 2000;
  } finally {
    asking = false;
    show_verdict();
    if (!document.hidden) timer = setTimeout(refresh, pause);
    next_at = performance.now() + pause;
  }
}

/// After an event: what it changed is shown at once, but not more than once a second.
function refresh_soon() {
  if (asking || document.hidden || next_at - performance.now() < 1000) return;
  if (state.overview && state.overview.workspaces.length > many) return;
  clearTimeout(timer);
  next_at = performance.now() + 900;
  timer = setTimeout(refresh, 400);
}

let stream_stop = null;

async function keep_following() {
  while (!document.hidden) {
    stream_stop = new AbortController();
    try {
      await follow_events(stream_stop.signal);
    } catch (error) {
      if (document.hidden) break;
      show_live("bad", `${error.name === "Error" ? error.message : "interrupted"}, trying again`);
      if (!asking) refresh();
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  stream_stop = null;
}

// A page that nobody looks at costs the supervisor nothing.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    clearTimeout(timer);
    if (stream_stop) stream_stop.abort();
    show_live("idle", "paused");
  } else {
    refresh();
    if (!stream_stop) keep_following();
  }
});

window.addEventListener("hashchange", () => {
  if (!state.overview) return;
  choose();
  state.workspace = null;
  show_list();
  draw_events_soon();
  refresh().then(() => by_id("detail-title").focus());
});

by_id("search").addEventListener("input", () => { state.page = 0; show_list(); });
by_id("status-filter").addEventListener("change", () => { state.page = 0; show_list(); });
by_id("previous").addEventListener("click", () => { --state.page; show_list(); });
by_id("next").addEventListener("click", () => { ++state.page; show_list(); });
by_id("event-level").addEventListener("change", show_events);
by_id("event-own").addEventListener("change", show_events);

// Ages grow by the second.
setInterval(() => {
  if (document.hidden || !state.overview) return;
  show_verdict();
  for (const [id, row] of rows) {
    const workspace = state.overview.workspaces.find((one) => one.id === id);
    if (workspace) put(row.cells[0], ago(age_of(workspace)));
  }
  if (state.workspace) show_cards(state.workspace);
}, 1000);

make_heads();
refresh();
keep_following();
