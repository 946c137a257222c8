// The manual of the operator that is typed.

import { call } from "../api.js";
import { element, fill } from "../dom.js";

/** @type {Map<string, any>} */
const known = new Map();
let shown = "";

/** @type {{operators: {name: string, title: string, allowed: boolean}[], aliases: Record<string, string>} | null} */
let all = null;

/** @param {HTMLElement} place @param {string} line */
export async function showHelp(place, line) {
  all ??= await call("GET", "/ophidia/operators");
  const word = line.trim().split(/[\s;]/)[0].toLowerCase();
  const alias = all?.aliases[word];
  const name = (alias ?? word).split(" ")[0];
  const found = all?.operators.find((one) => one.name === name || one.name === `oph_${name}`);
  if (!found || found.name === shown) return;
  shown = found.name;
  if (!known.has(found.name)) known.set(found.name, await call("GET", `/ophidia/operators/${found.name}`));
  if (shown === found.name) draw(place, known.get(found.name), found.allowed, alias);
}

function draw(/** @type {HTMLElement} */ place, /** @type {any} */ manual, /** @type {boolean} */ may, /** @type {string|undefined} */ alias) {
  const own = manual.arguments.filter((/** @type {any} */ one) => one.own);
  fill(place,
    element("h2", { text: manual.name }),
    element("p", { text: manual.title }),
    ...(alias ? [element("p", { class: "dim small-text" }, "stands for ", element("code", { text: alias }))] : []),
    ...(may ? [] : [element("p", { class: "note warning", text: "For users of the group operator." })]),
    ...(manual.text ? [element("p", { class: "dim small-text", text: manual.text })] : []),
    element("dl", {}, ...own.flatMap((/** @type {any} */ one) => [
      element("dt", {}, one.name, one.needed ? element("span", { class: "bad-text", text: " needed" }) : null,
        one.default ? element("span", { class: "dim", text: ` ${one.default}` }) : null),
      element("dd", { text: one.choices.length ? `${one.help} (${one.choices.join(", ")})` : one.help }),
    ])));
}
