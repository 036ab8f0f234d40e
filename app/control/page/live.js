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
