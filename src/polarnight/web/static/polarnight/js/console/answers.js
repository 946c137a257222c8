// Answers of commands as elements: texts, tables and graphs; never as HTML.

import { element } from "../dom.js";

const MOST_ROWS = 500;

/** @param {any} answer of the API @returns {string} what went wrong, "" where nothing did */
export function errorOf(answer) {
  const status = answer.response?.response?.at(-1)?.objcontent?.[0];
  return status && status.title !== "SUCCESS" ? status.message || "the command failed" : "";
}

/** @param {any} answer @returns {Record<string, string>} where the client is from now on */
export function placeOf(answer) {
  const { keys = [], values = [] } = answer.response?.extra ?? {};
  return Object.fromEntries(keys.map((/** @type {string} */ key, /** @type {number} */ n) => [key, String(values[n])]));
}

/**
 * @param {any} answer
 * @param {(pid: string) => Node} link makes a link of a PID
 * @returns {Node[]}
 */
export function shown(answer, link) {
  const items = answer.response?.response ?? [];
  const made = [];
  for (const item of items) {
    if (item.objkey === "status") continue;
    for (const content of item.objcontent ?? []) made.push(...one(item, content, link));
  }
  const error = errorOf(answer);
  if (error) made.push(element("p", { class: "note error", text: error }));
  return made;
}

function one(/** @type {any} */ item, /** @type {any} */ content, /** @type {(pid: string) => Node} */ link) {
  const title = element("h3", { text: content.title ?? "" });
  if (item.objclass === "text") {
    if (item.objkey === "warnings") return [element("p", { class: "note warning", text: content.message })];
    const text = content.message ?? "";
    return [title, /^https?:\S+\/\d+\/\d+$/.test(text) ? element("p", {}, link(text)) : element("pre", { text })];
  }
  if (item.objclass === "grid") return [title, ...grid(content, link)];
  if (item.objclass === "digraph") {
    const count = content.nodevalues?.length ?? 0;
    return [element("p", { class: "dim", text: `${content.title}: ${count} cubes; the page of a cube draws them` })];
  }
  return [];
}

function grid(/** @type {any} */ content, /** @type {(pid: string) => Node} */ link) {
  const rows = content.rowvalues ?? [];
  const numbers = (content.rowfieldtypes ?? []).map((/** @type {string} */ type) => /int|long|float|double|short/.test(type));
  const cell = (/** @type {string} */ text, /** @type {number} */ n) =>
    element("td", { class: numbers[n] ? "num" : null },
      /^https?:\S+\/\d+\/\d+$/.test(text) ? link(text) : clipped(text));
  const table = element("table", { class: "dense" },
    element("thead", {}, element("tr", {}, ...(content.rowkeys ?? []).map((/** @type {string} */ key, /** @type {number} */ n) =>
      element("th", { scope: "col", class: numbers[n] ? "num" : null, text: key })))),
    element("tbody", {}, ...rows.slice(0, MOST_ROWS).map((/** @type {string[]} */ row) =>
      element("tr", {}, ...row.map(cell)))));
  const made = [element("div", { class: "scroll", tabindex: 0 }, table)];
  if (!rows.length) made.push(element("p", { class: "dim", text: "no rows" }));
  if (rows.length > MOST_ROWS) made.push(element("p", { class: "dim", text: `${rows.length - MOST_ROWS} more rows are not shown` }));
  return made;
}

function clipped(/** @type {string} */ text) {
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
