import { UPSTREAM_STATES } from "./upstream_states.ts";

/**
 * The script of the status page. Whatever comes from the pool (names, reasons) may be anybody's text: it becomes text of the
 * page, never HTML and never an address.
 */
export const PAGE_SCRIPT = String.raw`"use strict";
const STATES = ${JSON.stringify(UPSTREAM_STATES)};
const WINDOW_MS = 5 * 60 * 1000;
const MOST_LINES = 8;
const MOST_CHANGES = 50;
/** Two samples further apart than this have no line between them. */
const GAP_MS = 5000;
const LOST_MS = 4000;
const RETRY_MS = 2000;
const SVG = "http://www.w3.org/2000/svg";

const at = (id) => document.getElementById(id);
const rows = new Map();
const samples = [];
/** The snapshot that is shown. */
let shown;
/** Where the pointer is on the charts, in the time of the samples. */
let cursor;

// --- The connection

let source;
let heard = performance.now();
let isLost = false;
let isRetrying = false;

function listen() {
  isRetrying = false;
  source = new EventSource("events");
  source.onmessage = ({ data }) => receive(JSON.parse(data));
  source.onerror = retry;
}

/** Asks once without a stream: it may only be that too many listen. */
async function retry() {
  if (isRetrying) return;
  isRetrying = true;
  source.close();
  try {
    const response = await fetch("status.json", { cache: "no-store", signal: AbortSignal.timeout(LOST_MS) });
    if (!response.ok) throw new Error("status " + response.status);
    receive(await response.json());
  } catch {
    lose();
  }
  setTimeout(listen, RETRY_MS);
}

function lose() {
  if (isLost) return;
  isLost = true;
  note("bad", "Connection to the program lost");
  renderHead();
}

setInterval(() => {
  const silence = performance.now() - heard;
  if (silence > LOST_MS) lose();
  if (silence > 2 * LOST_MS) retry();
  if (isLost) renderHead();
}, 1000);

// --- What comes in

function receive(snapshot) {
  if (shown !== undefined && shown.startedAt === snapshot.startedAt && snapshot.takenAt <= shown.takenAt) return;
  const restarted = shown !== undefined && shown.startedAt !== snapshot.startedAt;
  heard = performance.now();
  snapshot.upstreams = withKeys(snapshot.upstreams);
  if (restarted) {
    samples.length = 0;
    note("calm", "The program was started anew");
  } else if (isLost) note("good", "Connected again");
  isLost = false;
  noteChanges(restarted ? undefined : shown, snapshot);
  addSample(restarted ? undefined : shown, snapshot);
  shown = snapshot;
  render();
}

/** Makes names fit to be shown, and gives each upstream a key: the same endpoint may be there twice. */
function withKeys(upstreams) {
  const counts = new Map();
  return upstreams.map((upstream) => {
    const endpoint = visible(upstream.endpoint);
    const count = (counts.get(endpoint) ?? 0) + 1;
    counts.set(endpoint, count);
    return { ...upstream, endpoint, why: visible(upstream.why ?? ""), key: count + " " + endpoint };
  });
}

/** Controls, and what turns the direction of text or hides it, could make one name look like another. */
function visible(text) {
  return String(text).toWellFormed().replace(
    /[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g,
    (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

function noteChanges(before, now) {
  if (before === undefined) return;
  const old = new Map(before.upstreams.map((it) => [it.key, it]));
  for (const { key, endpoint, state, why } of now.upstreams) {
    const was = old.get(key);
    old.delete(key);
    const look = lookOf(state);
    if (was === undefined) note(look.tone, look.word, endpoint, "is new");
    else if (was.state !== state) note(look.tone, look.word, endpoint, why || "was " + lookOf(was.state).word);
  }
  for (const { endpoint } of old.values()) note("calm", "gone", endpoint);
}

/** Adds a line to what has changed; a screen reader reads it out. */
function note(tone, word, endpoint, more) {
  const list = at("changes");
  const time = element("time", clock(Date.now()));
  time.dateTime = new Date().toISOString();
  const text = element("span");
  const mark = element("b", word);
  text.dataset.tone = tone;
  if (endpoint !== undefined) text.append(element("bdi", endpoint), ": ");
  text.append(mark);
  if (more !== undefined && more !== "") text.append(" (", element("bdi", more), ")");
  const item = element("li");
  item.append(time, text);
  list.prepend(item);
  while (list.childElementCount > MOST_CHANGES) list.lastElementChild.remove();
  at("no-changes").hidden = true;
}

function addSample(before, now) {
  const old = new Map(before?.upstreams.map((it) => [it.key, it]));
  const seconds = before === undefined ? 0 : (now.takenAt - before.takenAt) / 1000;
  const values = new Map(now.upstreams.map(({ key, requests, latency }) => {
    const sent = requests - (old.get(key)?.requests ?? 0);
    const isKnown = seconds > 0 && seconds * 1000 <= GAP_MS && old.has(key) && sent >= 0;
    return [key, { rate: isKnown ? sent / seconds : null, p95: latency?.p95 ?? null }];
  }));
  samples.push({ time: now.takenAt, values });
  while (samples[0].time < now.takenAt - WINDOW_MS || samples.length > 400) samples.shift();
}

// --- What is seen

function render() {
  renderHead();
  renderTotals();
  renderTable();
  renderCharts();
}

function renderHead() {
  set(at("connection-word"), isLost ? "connection lost" : shown === undefined ? "connecting" : "live");
  at("connection").dataset.tone = isLost ? "bad" : shown === undefined ? "calm" : "good";
  document.body.classList.toggle("lost", isLost);
  const notice = at("notice");
  if (shown === undefined) {
    notice.hidden = !isLost;
    notice.dataset.tone = "bad";
    set(notice, "The program does not answer. Trying again all the time.");
    return;
  }
  const { upstreams, policy, startedAt, takenAt, ready } = shown;
  const up = upstreams.filter(({ state }) => lookOf(state).takesRequests).length;
  const all = upstreams.length;
  const tone = !ready || up === 0 ? "bad" : up < all ? "warn" : "good";
  document.body.dataset.tone = isLost ? "calm" : tone;
  set(at("headline"), isLost ? "Connection to the program lost" : up + " of " + all + (all === 1 ? " upstream up" : " upstreams up"));
  set(at("about"), policy + " \u00b7 running for " + duration(takenAt - startedAt));
  const title = (isLost ? "connection lost" : up + " of " + all + " up") + " \u00b7 mcp-connect";
  if (document.title !== title) document.title = title;
  setIcon(isLost ? "calm" : tone);
  notice.hidden = !isLost && ready;
  notice.dataset.tone = "bad";
  set(notice, isLost
    ? "The program does not answer. What you see is from " + clock(takenAt) + ", " +
      duration(performance.now() - heard) + " ago. Trying again all the time."
    : "Not ready: no upstream takes requests.");
}

function setIcon(tone) {
  const color = { good: "1f8a5b", warn: "c98a00", bad: "c2512f", calm: "8590a3" }[tone];
  const address = "data:image/svg+xml," + encodeURIComponent(
    "<svg xmlns='" + SVG + "' viewBox='0 0 64 64'><circle cx='32' cy='32' r='28' fill='#" + color + "'/></svg>",
  );
  if (at("icon").href !== address) at("icon").href = address;
}

function renderTotals() {
  const sum = (name) => shown.upstreams.reduce((total, it) => total + it[name], 0);
  const rates = [...samples.at(-1).values.values()].map(({ rate }) => rate).filter((rate) => rate !== null);
  set(at("total-rate"), rates.length === 0 ? "\u2013" : count(rates.reduce((a, b) => a + b, 0), 1));
  set(at("total-in-flight"), count(sum("inFlight")));
  set(at("total-requests"), count(sum("requests")));
  setWithPart(at("total-failed"), sum("failed"), sum("requests"));
  setWithPart(at("total-moved"), sum("moved"), sum("failed"));
}

function setWithPart(cell, value, whole) {
  if (cell.children.length === 0) cell.replaceChildren(element("span"), element("small"));
  set(cell.children[0], count(value));
  const percent = whole > 0 ? 100 * value / whole : 0;
  set(cell.children[1], value === 0 ? "" : (percent < 0.01 ? "< 0.01" : count(percent, percent < 1 ? 2 : 1)) + " %");
}

function renderTable() {
  const { upstreams } = shown;
  at("no-upstreams").hidden = upstreams.length > 0;
  const keys = new Set(upstreams.map(({ key }) => key));
  for (const key of rows.keys()) if (!keys.has(key)) rows.delete(key);
  upstreams.forEach((upstream, i) => {
    if (!rows.has(upstream.key)) rows.set(upstream.key, makeRow(upstream.endpoint));
    fillRow(rows.get(upstream.key), upstream, i);
  });
  const body = at("upstreams");
  const order = upstreams.map(({ key }) => rows.get(key).row);
  if (order.length !== body.children.length || order.some((row, i) => row !== body.children[i])) body.replaceChildren(...order);
}

const NUMBERS = ["Weight", "In flight", "Requests", "Failed", "Moved", "p50", "p95", "p99"];

function makeRow(endpoint) {
  const row = element("tr");
  row.setAttribute("role", "row");
  const head = element("th");
  head.scope = "row";
  head.setAttribute("role", "rowheader");
  const name = element("div");
  name.className = "name";
  const swatch = element("span");
  const why = element("bdi");
  why.className = "why";
  name.append(swatch, element("bdi", endpoint));
  head.append(name, why);
  const state = element("td");
  const pill = element("span");
  pill.className = "pill";
  const mark = element("span");
  mark.className = "mark";
  mark.ariaHidden = "true";
  const word = element("span");
  pill.append(mark, word);
  const since = element("time");
  since.className = "since";
  state.append(pill, since);
  const numbers = NUMBERS.map((label) => {
    const cell = element("td");
    cell.dataset.label = label;
    return cell;
  });
  for (const cell of [state, ...numbers]) cell.setAttribute("role", "cell");
  row.append(head, state, ...numbers);
  return { row, swatch, why, mark, word, since, numbers };
}

function fillRow({ row, swatch, why, mark, word, since, numbers }, upstream, i) {
  const look = lookOf(upstream.state);
  row.dataset.tone = look.tone;
  row.dataset.state = upstream.state;
  swatch.className = "swatch line-" + (i < MOST_LINES ? i : "none");
  set(why, upstream.why);
  why.hidden = upstream.why === "";
  set(mark, look.sign);
  set(word, look.word);
  set(since, "for " + duration(shown.takenAt - upstream.since));
  const iso = new Date(upstream.since).toISOString();
  if (since.dateTime !== iso) {
    since.dateTime = iso;
    since.title = "since " + new Date(upstream.since).toLocaleString();
  }
  const { weight, inFlight, requests, failed, moved, latency } = upstream;
  const texts = [
    count(weight, 2),
    count(inFlight),
    count(requests),
    count(failed),
    count(moved),
    time(latency?.p50),
    time(latency?.p95),
    time(latency?.p99),
  ];
  texts.forEach((text, n) => set(numbers[n], text));
  numbers[3].classList.toggle("some", failed > 0);
}

// --- The charts

const CHARTS = [
  { id: "rate", show: (value) => value === null ? "\u2013" : count(value, value < 10 ? 1 : 0) },
  { id: "p95", show: (value) => value === null ? "\u2013" : time(value) },
];
const EDGE = { left: 52, right: 8, top: 8, bottom: 24 };

function renderCharts() {
  for (const chart of CHARTS) renderChart(chart);
}

function renderChart({ id, show }) {
  const svg = at(id);
  const { width, height } = svg.getBoundingClientRect();
  if (width === 0 || shown === undefined) return;
  const lines = shown.upstreams.slice(0, MOST_LINES);
  const now = shown.takenAt;
  const valueOf = (sample, key) => sample.values.get(key)?.[id] ?? null;
  const most = Math.max(0, ...lines.flatMap(({ key }) => samples.map((sample) => valueOf(sample, key) ?? 0)));
  const step = stepFor(most, 4);
  const top = Math.max(step, Math.ceil(most / step - 1e-9) * step);
  const x = (time) => EDGE.left + (width - EDGE.left - EDGE.right) * (1 - (now - time) / WINDOW_MS);
  const y = (value) => height - EDGE.bottom - (height - EDGE.top - EDGE.bottom) * value / top;
  const parts = [];
  for (let value = 0; value <= top * 1.0001; value += step) {
    parts.push(shape("line", { class: value === 0 ? "axis" : "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }));
    parts.push(label(show(value), { x: EDGE.left - 8, y: y(value) + 4, "text-anchor": "end" }));
  }
  for (let minutes = 0; minutes <= 5; minutes += width < 400 ? 2.5 : 1) {
    const text = minutes === 0 ? "now" : "\u2212" + count(minutes, 1) + " min";
    parts.push(label(text, {
      x: x(now - minutes * 60000),
      y: height - 5,
      "text-anchor": minutes === 0 ? "end" : minutes === 5 ? "start" : "middle",
    }));
  }
  const focus = cursor === undefined ? samples.at(-1) : nearest(cursor);
  if (cursor !== undefined) {
    parts.push(shape("line", { class: "cursor", x1: x(focus.time), x2: x(focus.time), y1: EDGE.top, y2: height - EDGE.bottom }));
  }
  const dots = [];
  lines.forEach(({ key }, i) => {
    parts.push(shape("path", { class: "line line-" + i, d: path(key, valueOf, x, y) }));
    const value = valueOf(focus, key);
    if (value !== null) dots.push(shape("circle", { class: "dot line-" + i, cx: x(focus.time), cy: y(value), r: 4.5 }));
  });
  svg.replaceChildren(...parts, ...dots);
  const told = lines.map(({ key, endpoint }, i) => [endpoint, show(valueOf(focus, key)), i]);
  set(at(id + "-when"), cursor === undefined ? "last 5 minutes" : "at " + clock(focus.time));
  set(at(id + "-told"), told.slice(0, 3).map(([endpoint, value]) => endpoint + ": " + value).join("; "));
  renderLegend(at(id + "-legend"), told, shown.upstreams.length);
}

/** One line, with gaps where nothing is known. */
function path(key, valueOf, x, y) {
  let text = "";
  let last;
  for (const sample of samples) {
    const value = valueOf(sample, key);
    if (value === null) {
      last = undefined;
      continue;
    }
    const isJoined = last !== undefined && sample.time - last <= GAP_MS;
    text += (isJoined ? "L" : "M") + x(sample.time).toFixed(1) + " " + y(value).toFixed(1);
    last = sample.time;
  }
  return text;
}

function renderLegend(list, told, all) {
  const rest = all > told.length ? 1 : 0;
  while (list.children.length > told.length + rest) list.lastElementChild.remove();
  while (list.children.length < told.length + rest) {
    const item = element("li");
    item.append(element("span"), element("bdi"), element("b"));
    list.append(item);
  }
  told.forEach(([endpoint, value, i], n) => {
    const [swatch, name, number] = list.children[n].children;
    swatch.className = "swatch line-" + i;
    set(name, endpoint);
    if (name.title !== endpoint) name.title = endpoint;
    set(number, value);
  });
  if (rest === 1) {
    const [swatch, name, number] = list.lastElementChild.children;
    swatch.className = "";
    name.title = "";
    set(name, "the first " + told.length + " of " + all + " are drawn");
    set(number, "");
  }
}

function nearest(time) {
  return samples.reduce((best, sample) => Math.abs(sample.time - time) < Math.abs(best.time - time) ? sample : best);
}

/** A round step of which at most so many reach the value. */
function stepFor(value, steps) {
  const least = Math.max(value, 1e-9) / steps;
  const power = 10 ** Math.floor(Math.log10(least));
  return value <= 0 ? 1 : [1, 2, 5, 10].map((it) => it * power).find((it) => it >= least * 0.999);
}

for (const { id } of CHARTS) {
  const svg = at(id);
  svg.addEventListener("pointermove", ({ clientX }) => {
    if (shown === undefined) return;
    const { left, width } = svg.getBoundingClientRect();
    const part = (clientX - left - EDGE.left) / (width - EDGE.left - EDGE.right);
    cursor = shown.takenAt - WINDOW_MS * (1 - Math.min(1, Math.max(0, part)));
    renderCharts();
  });
  svg.addEventListener("pointerleave", () => {
    cursor = undefined;
    renderCharts();
  });
}
new ResizeObserver(renderCharts).observe(at("rate"));

// --- Pieces

function lookOf(state) {
  return Object.hasOwn(STATES, state) ? STATES[state] : { word: String(state), tone: "calm", sign: "?", takesRequests: false };
}

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function label(text, attributes) {
  const made = shape("text", attributes);
  made.textContent = text;
  return made;
}

/** Leaves alone what is there already: a selection stays, and nothing is read out anew. */
function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function count(value, digits = 0) {
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

function time(ms) {
  if (ms === undefined || ms === null) return "\u2013";
  if (ms >= 1000) return count(ms / 1000, ms < 10000 ? 2 : 1) + " s";
  return count(ms, ms < 10 ? 1 : 0) + " ms";
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour12: false });
}

function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (days > 0) return days + " d " + hours % 24 + " h";
  if (hours > 0) return hours + " h " + minutes % 60 + " min";
  return minutes > 0 ? minutes + " min" : seconds + " s";
}

listen();
`;
