// The page of light curves: asks the server, fills the plot, keeps the address.

import { BASE, call, query } from "../api.js";
import { isDark } from "../base.js";
import { element, fill } from "../dom.js";
import { savedViews } from "../saved.js";
import { Board } from "./board.js";
import { columnsOf } from "./columns.js";
import { closeDrawer, openDrawer } from "./drawer.js";
import { flagBar } from "./flagbar.js";
import { drawLegend, visible } from "./legend.js";
import { drawPoints } from "./points.js";
import { asked, read, write } from "./state.js";

const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (get("ask"));
const board = new Board(get("plot"));
let state = read();
let hidden = new Set(state.hide);
/** @type {any} */
let whole = null;
/** @type {any} */
let answer = null;
let timer = 0;
/** @type {AbortController|null} */
let running = null;

const redraw = () => {
  board.filter(visible(board.data, hidden));
  remember();
};
const selection = flagBar(board, () => {
  board.redraw();
  redraw();
  selected(board.selected);
});

/** @param {number[]} rows */
function selected(rows) {
  state.points = rows.map((at) => board.data.pk[at]);
  remember();
  selection(rows);
  drawPoints(board.data, rows, openDrawer);
  if (rows.length === 1) openDrawer(board.data.pk[rows[0]]);
  else closeDrawer();
}
board.onSelect = selected;
board.onWindow = (start, end) => {
  state.window = [start, end];
  clearTimeout(timer);
  timer = setTimeout(() => refine(start, end), 250);
};

function remember() {
  state.hide = [...hidden];
  history.replaceState(null, "", `?${write(state)}`);
  downloads();
}

/** @param {string} text @param {boolean} [wrong] */
function tell(text, wrong = false) {
  const place = get("told");
  place.hidden = !text;
  place.textContent = text;
  place.classList.toggle("error", wrong);
}

/** Ask for the points of a window, where some of them are hidden. */
async function refine(/** @type {number} */ start, /** @type {number} */ end) {
  remember();
  if (!whole?.window || !whole.hidden) return;
  const room = (end - start) / 2;
  const limits = [Math.max(start - room, whole.window[0]), Math.min(end + room, whole.window[1])];
  const all = limits[0] <= whole.window[0] && limits[1] >= whole.window[1];
  if (all || !(limits[0] < limits[1])) {
    if (answer !== whole) take(whole);
    return;
  }
  running?.abort();
  running = new AbortController();
  try {
    const values = { ...asked(state), start: limits[0], end: limits[1], theme: theme() };
    take(paint(await call("GET", `/plots/light-curve${query(values)}`, { signal: running.signal })));
  } catch (error) {
    if (/** @type {Error} */ (error).name !== "AbortError") tell(/** @type {Error} */ (error).message, true);
  }
}

/** Series of a part have the colours they have in the whole. @param {any} part */
function paint(part) {
  for (const one of part.series) one.colour = whole.series.find((/** @type {any} */ other) => other.name === one.name)?.colour ?? one.colour;
  return part;
}

/** @param {any} got */
function take(got) {
  answer = got;
  board.fill(got.data ??= columnsOf(got));
  board.filter(visible(board.data, hidden));
  get("hidden").textContent = got.hidden
    ? `${got.total - got.hidden} of ${got.total} points are drawn: extremes, outliers and both ends of gaps stay. Zoom in to see all.`
    : `${got.total} points, all drawn.`;
}

const theme = () => (isDark() ? "dark" : "light");

async function plot() {
  if (!state.srcname) return;
  tell("Reading…");
  try {
    const got = await call("GET", `/plots/light-curve${query({ ...asked(state), theme: theme(), document: true, foreign: state.foreign || null })}`);
    get("title").textContent = got.source;
    document.title = `${got.source} · Polarnight`;
    get("board").hidden = !got.total;
    if (!got.total) {
      tell(`${got.source} has no results here. Choose other bands or times.`);
      return;
    }
    whole = got;
    get("host").hidden = !state.corrected;
    get("board").hidden = false;
    await board.embed(got.document);
    const chosen = state.points;
    board.chosen = new Set(chosen);
    take(got);
    const [first, last] = got.window;
    const room = 0.02 * (last - first) || 0.5;
    board.show(first - room, last + room, true);
    board.overview(board.data);
    board.literature(got.literature, got.series, isDark() ? "#e4e8ed" : "#22262b");
    board.foreign(got.foreign);
    tellForeign(got.foreign);
    board.bars(state.errors);
    drawLegend(got.series, hidden, redraw);
    tell("");
    if (state.window) {
      board.show(state.window[0], state.window[1]);
      await refine(state.window[0], state.window[1]);
    }
    // One that is thinned away can still be told of.
    if (chosen.length === 1 && !board.selected.length) openDrawer(chosen[0]);
    remember();
    get("plot").dataset.ready = "true";
  } catch (error) {
    get("board").hidden = true;
    tell(/** @type {Error} */ (error).message, true);
  }
}

/** Say what the hollow points are. @param {Record<string, any[]>|undefined} given */
function tellForeign(given) {
  const count = new Map();
  for (const name of given?.name ?? []) count.set(name, (count.get(name) ?? 0) + 1);
  const text = [...count].map(([name, n]) => `${name} (${n})`).join(", ");
  get("foreign").hidden = !given;
  get("foreign").textContent = text ? `Hollow diamonds are not ours: ${text}.` : "There is no light curve of others of this source.";
}

function downloads() {
  const values = asked(state);
  // No more than is asked for, however far the plot was moved.
  const [first, last] = whole?.window ?? [-Infinity, Infinity];
  const here = state.window ? { ...values, start: Math.max(state.window[0], first), end: Math.min(state.window[1], last) } : values;
  const link = (/** @type {string} */ path, /** @type {string} */ kind, /** @type {any} */ more) =>
    element("a", { href: `${BASE}/plots/light-curve/${path}${query({ ...here, kind, ...more })}`, text: kind.toUpperCase(), download: "" });
  const group = (/** @type {string} */ title, /** @type {HTMLElement[]} */ links) => [element("p", { class: "dim small-text", text: title }), ...links];
  fill(
    get("downloads"),
    ...group("Picture", ["png", "svg", "pdf"].map((kind) => link("picture", kind, { errors: state.errors, foreign: state.foreign || null }))),
    ...group("All rows of this window", ["csv", "ecsv", "parquet", "votable", "pdf"].map((kind) => link("rows", kind, {}))),
  );
}

const box = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));

function fillForm() {
  for (const name of ["srcname", "from", "to"]) box(name).value = /** @type {any} */ (state)[name];
  for (const name of ["errors", "corrected", "naive", "foreign"]) box(name).checked = /** @type {any} */ (state)[name];
  form.querySelectorAll("input[name=band]").forEach((one) => {
    const input = /** @type {HTMLInputElement} */ (one);
    input.checked = state.band.includes(input.value);
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = new FormData(form);
  const text = (/** @type {string} */ name) => String(given.get(name) ?? "").trim();
  state = {
    ...state, srcname: text("srcname"), from: text("from"), to: text("to"), band: given.getAll("band").map(String),
    errors: given.has("errors"), corrected: given.has("corrected"), naive: given.has("naive"), foreign: given.has("foreign"), window: null, points: [],
  };
  board.chosen.clear();
  history.pushState(null, "", `?${write(state)}`);
  plot();
});
box("errors").addEventListener("change", () => {
  state.errors = box("errors").checked;
  if (board.doc) {
    board.bars(state.errors);
    remember();
  }
});
get("plot").addEventListener("keydown", (event) => {
  const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (!step || !board.doc) return;
  event.preventDefault();
  const wanted = visible(board.data, hidden);
  const time = board.model("time");
  const shown = (/** @type {number} */ at) => wanted(at) && board.data.mjd[at] >= time.start && board.data.mjd[at] <= time.end;
  const n = board.data.pk.length;
  let at = board.selected.length ? board.selected[0] + step : step > 0 ? 0 : n - 1;
  while (at >= 0 && at < n && !shown(at)) at += step;
  if (at >= 0 && at < n) board.select([at]);
});
window.addEventListener("popstate", () => {
  state = read();
  hidden = new Set(state.hide);
  fillForm();
  plot();
});
document.addEventListener("polarnight:theme", () => plot());
fillForm();
savedViews("plot");
plot();
