// Which columns are shown.

import { element, fill } from "../dom.js";
import { known } from "../known.js";

/** @returns {string[]} */
export const usual = () => known.columns.filter((column) => column.visible).map((column) => column.name);

/** @param {string[]} chosen @param {(names: string[]) => void} changed */
export function drawColumns(chosen, changed) {
  const current = chosen.length ? chosen : usual();
  const boxes = known.columns.map((column) => {
    const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", value: column.name, onchange: read }));
    box.checked = current.includes(column.name);
    return element("label", { class: "tick", title: column.description }, box, column.title,
      element("span", { class: "dim small-text", text: column.name === column.title ? "" : column.name }));
  });
  const place = /** @type {Element} */ (document.getElementById("columns"));
  function read() {
    const ticked = [...place.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);
    changed(ticked.length ? ticked : usual());
  }
  const all = (/** @type {string} */ text, /** @type {string[]} */ names) => element("button", {
    type: "button", class: "small quiet", text, onclick: () => { changed(names); drawColumns(names, changed); },
  });
  fill(place, element("p", { class: "row" }, all("Usual", usual()), all("All", known.columns.map((one) => one.name))), ...boxes);
}
