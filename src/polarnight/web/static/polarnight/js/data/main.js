// The page of the table: the address is its state, the server sorts, filters and pages.

import { BASE, ROOT, call, query } from "../api.js";
import { element, fill } from "../dom.js";
import { savedViews } from "../saved.js";
import { drawColumns } from "./columns.js";
import { addFilter, drawFilters } from "./filters.js";
import { asked, read } from "./state.js";
import { drawPager, drawTable } from "./table.js";

const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const form = /** @type {HTMLFormElement} */ (get("ask"));
const source = /** @type {HTMLInputElement} */ (form.elements.namedItem("source"));
let state = read();
/** @type {AbortController|null} */
let running = null;

/** @param {boolean} [kept] whether the place in the table stays */
function changed(kept = false) {
  if (!kept) state.offset = 0;
  history.pushState(null, "", query(asked(state, { page: true })) || location.pathname);
  show();
}

async function show() {
  running?.abort();
  running = new AbortController();
  const told = get("told");
  try {
    const page = await call("GET", `/results${query(asked(state, { page: true }))}`, { signal: running.signal });
    told.hidden = true;
    drawTable(page, state.sort, (sort) => { state.sort = sort; changed(); });
    drawPager(page, state.limit, (offset, limit) => { Object.assign(state, { offset, limit }); changed(true); });
    get("count").textContent = `${page.count}`;
    get("table").dataset.ready = location.search || "?";
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") return;
    told.hidden = false;
    told.textContent = /** @type {Error} */ (error).message;
  }
  downloads();
}

function downloads() {
  const values = asked(state);
  const links = ["csv", "ecsv", "parquet", "votable", "pdf"].map((kind) => element("a", {
    href: `${BASE}/results/export${query({ ...values, kind })}`, text: kind.toUpperCase(), download: "",
  }));
  fill(get("downloads"), element("p", { class: "dim small-text", text: "All rows that fit, with the columns shown" }), ...links);
  const plot = /** @type {HTMLAnchorElement} */ (get("toplot"));
  plot.hidden = !state.source;
  plot.href = `${ROOT}/explore/plot/${query({ srcname: state.source, f: state.f })}`;
}

function start() {
  source.value = state.source;
  drawFilters(state.f, () => changed());
  drawColumns(state.columns, (names) => { state.columns = names; changed(true); });
  show();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  state.source = source.value.trim();
  changed();
});
source.addEventListener("change", () => form.requestSubmit());
get("add").addEventListener("click", () => addFilter(state.f, () => changed()));
window.addEventListener("popstate", () => { state = read(); start(); });
savedViews("data");
start();
