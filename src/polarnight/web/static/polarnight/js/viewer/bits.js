/** Switches for the bits of pixels, with their colours. */

import { element, fill } from "../dom.js";
import { flagColour } from "./stretch.js";

/**
 * @param {HTMLElement} place
 * @param {{name: string, value: number, short: string, long: string}[]} legend worst first
 * @param {number} chosen
 * @param {(bits: number) => void} changed
 */
export function showBits(place, legend, chosen, changed) {
  let bits = chosen;
  const items = legend.map((bit, rank) => {
    const swatch = element("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = `rgb(${flagColour(rank).join(" ")})`;
    const box = element("input", {
      type: "checkbox", value: bit.value, checked: Boolean(bits & bit.value),
      onchange: (event) => {
        bits = event.target.checked ? bits | bit.value : bits & ~bit.value;
        changed(bits);
      },
    });
    return element("label", { title: bit.long }, box, swatch, bit.short);
  });
  const all = element("button", { type: "button", class: "quiet small", text: "All or none",
    onclick: () => {
      bits = bits ? 0 : legend.reduce((sum, bit) => sum | bit.value, 0);
      for (const box of place.querySelectorAll("input")) box.checked = Boolean(bits & Number(box.value));
      changed(bits);
    } });
  fill(place, ...items, all);
  return all;
}
