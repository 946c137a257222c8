// The filters above the table: column, operator, value.

import { element, fill } from "../dom.js";
import { known } from "../known.js";

const HINTS = /** @type {Record<string, string>} */ ({
  night: "yyyy-mm-dd", time: "yyyy-mm-dd", moment: "yyyy-mm-dd", flags: "BAD_PHOTOMETRY|SATURATED", number: "number", integer: "number",
});
const NO_VALUE = ["null", "notnull"];

/** @param {string} text @returns {string[]} column, operator, value */
function split(text) {
  const [column, operator = "", ...rest] = text.split(":");
  return [column, operator, rest.join(":")];
}

/** @param {[string, string][]} entries @param {string} chosen @param {string} label */
function select(entries, chosen, label) {
  const made = /** @type {HTMLSelectElement} */ (element("select", { "aria-label": label },
    ...entries.map(([value, text]) => element("option", { value, text }))));
  made.value = chosen;
  return made;
}

/**
 * @param {string[]} texts changed in place
 * @param {() => void} changed
 */
export function drawFilters(texts, changed) {
  const place = /** @type {Element} */ (document.getElementById("filters"));
  fill(place, ...texts.map((text, at) => row(texts, at, split(text), changed)));
}

/** @param {string[]} texts @param {number} at @param {string[]} parts @param {() => void} changed */
function row(texts, at, [name, operator, value], changed) {
  const usable = known.columns.filter((column) => column.operators.length);
  const column = usable.find((one) => one.name === name) ?? usable[0];
  const columns = select(usable.map((one) => [one.name, one.title]), column.name, "Column");
  const operators = select(column.operators.map((/** @type {string} */ op) => [op, known.operators[op]]),
    column.operators.includes(operator) ? operator : column.operators[0], "Operator");
  const input = /** @type {HTMLInputElement} */ (element("input", {
    value, "aria-label": "Value", maxlength: "300", placeholder: HINTS[column.kind] ?? "text", size: "14",
    list: column.name === "source" ? "sources" : null, hidden: NO_VALUE.includes(operators.value),
  }));
  const apply = () => {
    texts[at] = `${columns.value}:${operators.value}:${input.value}`;
    if (input.value || NO_VALUE.includes(operators.value)) changed();
  };
  columns.addEventListener("change", () => {
    texts[at] = `${columns.value}::`;
    drawFilters(texts, changed);
  });
  operators.addEventListener("change", () => {
    input.hidden = NO_VALUE.includes(operators.value);
    apply();
  });
  input.addEventListener("change", apply);
  const drop = element("button", { type: "button", class: "icon", "aria-label": "Remove this filter", text: "×",
    onclick: () => { texts.splice(at, 1); drawFilters(texts, changed); changed(); } });
  return element("span", { class: "filter" }, columns, operators, input, drop);
}

/** @param {string[]} texts @param {() => void} changed */
export function addFilter(texts, changed) {
  texts.push("mag:lt:");
  drawFilters(texts, changed);
  /** @type {HTMLElement|null} */ (document.querySelector("#filters .filter:last-child select"))?.focus();
}
