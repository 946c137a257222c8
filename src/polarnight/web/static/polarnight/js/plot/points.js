// The table of the selected points.

import { element, fill } from "../dom.js";
import { digits as number } from "./columns.js";

const MOST = 200;
const COLUMNS = /** @type {[string, string, number][]} */ ([
  ["series", "series", 0], ["date", "date (UTC)", 0], ["mjd", "MJD", 5], ["mag_told", "mag", 3],
  ["p_told", "p", 2], ["chi_told", "χ", 1], ["q", "q (%)", 2], ["u", "u (%)", 2], ["flag_names", "flags", 0],
]);

/** @param {Record<string, any>} data @param {string} name @param {number} at @param {number} digits */
function cell(data, name, at, digits) {
  if (name === "date") return new Date(data.ms[at]).toISOString().slice(0, 19).replace("T", " ");
  const value = data[name][at];
  if (typeof value !== "number") return value;
  return number(value, digits);
}

/**
 * @param {Record<string, any>} data @param {number[]} rows @param {(pk: number) => void} open
 */
export function drawPoints(data, rows, open) {
  const place = /** @type {Element} */ (document.getElementById("points"));
  if (!rows.length) {
    fill(place, element("p", { class: "dim small-text", text: "Select points with the lasso, a box, a click or the arrow keys: they are listed here." }));
    return;
  }
  const head = COLUMNS.map(([name, title, digits]) => element("th", { scope: "col", class: digits ? "num" : null, text: title, "data-name": name }));
  const body = rows.slice(0, MOST).map((at) => element(
    "tr", {},
    element("th", { scope: "row" }, element("button", { type: "button", class: "small quiet", text: String(data.pk[at]), onclick: () => open(data.pk[at]) })),
    ...COLUMNS.map(([name, , digits]) => element("td", { class: digits ? "num" : null, text: cell(data, name, at, digits) })),
  ));
  fill(
    place,
    element("div", { class: "scroll" }, element("table", { class: "dense" },
      element("thead", {}, element("tr", {}, element("th", { scope: "col", text: "id" }), ...head)), element("tbody", {}, ...body))),
    rows.length > MOST ? element("p", { class: "dim", text: `${MOST} of ${rows.length} selected points are listed` }) : "",
  );
}
