// The filters above the table: column, operator, value.

import { element, fill } from "../dom.js";
import { heading, inPercent, known } from "../known.js";

const HINTS = /** @type {Record<string, string>} */ ({
  night: "yyyy-mm-dd", time: "yyyy-mm-dd", moment: "yyyy-mm-dd", flags: "BAD_PHOTOMETRY|SATURATED", number: "number", integer: "number",
});
const NO_VALUE = ["null", "notnull"];

/** @param {string} text @returns {string[]} column, operator, value */
function split(text) {
  const [column, operator = "", ...rest] = text.split(":");
  return [column, operator, rest.join(":")];
}

/** What is typed for a fraction is percent, as it is shown; addresses say so. @param {string} typed */
export const asPercent = (typed) => typed.split("|")
  .map((part) => part.trim().replace(/\s*%$/, "")).map((part) => (part ? `${part}%` : part)).join("|");

/** A value of an address as it is shown: `5%` and `0.05` are both 5. @param {string} value */
export const fromPercent = (value) => value.split("|").map((part) => {
  const text = part.trim();
  if (text.endsWith("%")) return text.slice(0, -1).trim();
  return text && Number.isFinite(Number(text)) ? String(Number((100 * Number(text)).toPrecision(12))) : text;
}).join("|");

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
  const percent = inPercent(column.name);
  const columns = select(usable.map((one) => [one.name, heading(one.name)]), column.name, "Column");
  const operators = select(column.operators.map((/** @type {string} */ op) => [op, known.operators[op]]),
    column.operators.includes(operator) ? operator : column.operators[0], "Operator");
  const input = /** @type {HTMLInputElement} */ (element("input", {
    value: percent ? fromPercent(value) : value, "aria-label": percent ? "Value in percent" : "Value", maxlength: "300",
    placeholder: percent ? "percent" : HINTS[column.kind] ?? "text", size: "14",
    list: column.name === "source" ? "sources" : null, hidden: NO_VALUE.includes(operators.value),
  }));
  const apply = () => {
    texts[at] = `${columns.value}:${operators.value}:${percent ? asPercent(input.value) : input.value}`;
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
  return element("span", { class: "filter" }, columns, operators, input, percent ? "%" : null, drop);
}

/** @param {string[]} texts @param {() => void} changed */
export function addFilter(texts, changed) {
  texts.push("mag:lt:");
  drawFilters(texts, changed);
  /** @type {HTMLElement|null} */ (document.querySelector("#filters .filter:last-child select"))?.focus();
}
