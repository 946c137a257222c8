// The rows of a page, and the heads that sort them.

import { ROOT } from "../api.js";
import { element, fill } from "../dom.js";
import { heading, known, shown } from "../known.js";

const byName = new Map(known.columns.map((column) => [column.name, column]));
const isNumber = (/** @type {string} */ name) => ["number", "integer"].includes(byName.get(name)?.kind);

/**
 * @param {any} page as from the API
 * @param {string} sort
 * @param {(sort: string) => void} resort
 */
export function drawTable(page, sort, resort) {
  const [first = ""] = (sort || "-date").split(",");
  const heads = page.columns.map((/** @type {string} */ name) => {
    const column = byName.get(name);
    const order = first === name ? "ascending" : first === `-${name}` ? "descending" : null;
    const next = order === "ascending" ? `-${name}` : name;
    return element("th", { scope: "col", class: isNumber(name) ? "num" : null, "aria-sort": order, title: column.description },
      column.sortable ? element("button", { type: "button", class: "sort", text: heading(name), onclick: () => resort(next) }) : heading(name));
  });
  const rows = page.rows.map((/** @type {any[]} */ values, /** @type {number} */ at) => element(
    "tr", { dataset: { id: page.ids[at] } },
    element("th", { scope: "row" }, element("a", { href: `${ROOT}/results/${page.ids[at]}/`, text: "open", "aria-label": `Open result ${page.ids[at]}` })),
    ...values.map((value, place) => {
      const name = page.columns[place];
      const text = shown(name, value);
      return element("td", { class: isNumber(name) ? "num" : null, title: text.length > 30 ? text : null },
        name === "source" ? element("a", { href: `${ROOT}/explore/plot/?srcname=${encodeURIComponent(text)}`, text }) : text);
    }),
  ));
  const table = /** @type {Element} */ (document.getElementById("table"));
  fill(/** @type {Element} */ (table.querySelector("thead")), element("tr", {}, element("td", { "aria-hidden": "true" }), ...heads));
  fill(/** @type {Element} */ (table.querySelector("tbody")), ...rows);
}

/**
 * @param {any} page @param {number} limit @param {(offset: number, limit: number) => void} go
 */
export function drawPager(page, limit, go) {
  const last = Math.max(0, Math.floor((page.count - 1) / limit) * limit);
  const button = (/** @type {string} */ text, /** @type {number} */ offset) => element("button", {
    type: "button", class: "small quiet", text, disabled: offset === page.offset || offset < 0 || offset > last,
    onclick: () => go(offset, limit),
  });
  const size = /** @type {HTMLSelectElement} */ (element("select", { "aria-label": "Rows of a page",
    onchange: () => go(0, Number(size.value)) },
    ...[...new Set([25, 50, 100, 500, limit])].sort((a, b) => a - b).map((n) => element("option", { value: n, text: `${n} rows` }))));
  size.value = String(limit);
  const end = Math.min(page.offset + page.rows.length, page.count);
  fill(
    /** @type {Element} */ (document.getElementById("pager")),
    button("First", 0), button("Previous", Math.max(0, page.offset - limit)),
    element("span", { text: page.rows.length ? `${page.offset + 1} to ${end} of ${page.count}` : "no rows" }),
    button("Next", page.offset + limit), button("Last", last), element("label", { class: "inline" }, size),
  );
}
