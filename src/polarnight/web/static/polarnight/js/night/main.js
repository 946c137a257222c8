// The page of a night: reducing it, watching that, and what the next run would make again.

import { call } from "../api.js";
import { element, fill } from "../dom.js";
import { watch } from "../job/panel.js";
import { starts } from "../job/start.js";

const panel = /** @type {HTMLElement} */ (document.getElementById("panel"));
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("reduce"));
const mayRun = panel.dataset.run === "true";

/** @param {number} id */
function follow(id) {
  if (form) form.hidden = true;
  watch(panel, id, {
    mayRun,
    ended: (job) => {
      if (form) form.hidden = false;
      // What it made is on the page that the server draws; the panel says how it ended.
      if (job.state === "done") location.href = `${location.pathname}?ended=${job.id}`;
    },
  });
}

if (form) starts(form, (job) => follow(job.id));
const ended = new URLSearchParams(location.search).get("ended") ?? "";
if (panel.dataset.job) follow(Number(panel.dataset.job));
else if (/^\d{1,15}$/.test(ended)) watch(panel, Number(ended), { mayRun });

const stale = /** @type {HTMLDetailsElement | null} */ (document.getElementById("stale"));
const list = /** @type {HTMLElement | null} */ (stale?.querySelector("[data-list]") ?? null);
const MOST = 200;

stale?.addEventListener("toggle", async () => {
  if (!stale.open || !list || list.dataset.asked) return;
  list.dataset.asked = "yes";
  try {
    const rows = await call("GET", `/nights/${stale.dataset.night}/stale`);
    fill(list, rows.length ? table(rows) : element("p", { class: "good-text", text: "Nothing: all is current." }));
  } catch (error) {
    delete list.dataset.asked;
    fill(list, element("p", { class: "bad-text", text: /** @type {Error} */ (error).message }));
  }
});

/** @param {any[]} rows */
function table(rows) {
  const body = rows.slice(0, MOST).map((row) => element(
    "tr", {},
    element("td", { text: row.product }),
    element("th", { scope: "row" }, element("code", { text: row.what }), row.files > 1 ? ` and ${row.files - 1} more` : ""),
    element("td", { text: row.why }),
  ));
  return element(
    "div", { class: "scroll" },
    element("p", { class: "dim", text: `The next run would make ${rows.length} again` + (rows.length > MOST ? `; the first ${MOST}:` : ":") }),
    element("table", { class: "dense" }, element("tbody", {}, ...body)),
  );
}
