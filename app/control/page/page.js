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
