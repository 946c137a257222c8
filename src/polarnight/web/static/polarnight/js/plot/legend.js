// The legend: series and states of flags, each of which can be hidden.

import { element, fill } from "../dom.js";
import { known } from "../known.js";

const STATES = /** @type {[string, string, string][]} */ ([
  ["flag:none", "●", "without flags"],
  ["flag:BAD_PHOTOMETRY", "×", "bad photometry"],
  ["flag:BAD_POLARIMETRY", "×", "bad polarimetry"],
  ["flag:other", "■", "other flags"],
]);

/** @param {number} flags @returns {string[]} */
function statesOf(flags) {
  const found = [];
  if (flags & known.flags.BAD_PHOTOMETRY) found.push("flag:BAD_PHOTOMETRY");
  if (flags & known.flags.BAD_POLARIMETRY) found.push("flag:BAD_POLARIMETRY");
  if (!found.length) found.push(flags ? "flag:other" : "flag:none");
  return found;
}

/**
 * @param {any[]} series
 * @param {Set<string>} hidden changed in place
 * @param {() => void} changed
 */
export function drawLegend(series, hidden, changed) {
  const tick = (/** @type {string} */ key, /** @type {HTMLElement} */ sign, /** @type {string} */ text) => {
    const box = /** @type {HTMLInputElement} */ (element("input", {
      type: "checkbox", "aria-label": `Show ${text}`,
      onchange: () => {
        if (box.checked) hidden.delete(key);
        else hidden.add(key);
        changed();
      },
    }));
    box.checked = !hidden.has(key);
    return element("label", { class: "tick" }, box, sign, text);
  };
  const rows = series.map((one) => {
    const sign = element("span", { class: "swatch" });
    sign.style.background = one.colour;
    return tick(one.name, sign, `${one.name} (${one.n})`);
  });
  const states = STATES.map(([key, sign, text]) => tick(key, element("span", { text: sign, "aria-hidden": "true" }), text));
  fill(/** @type {Element} */ (document.getElementById("legend")), ...rows, ...states);
}

/**
 * @param {Record<string, any>} data @param {Set<string>} hidden
 * @returns {(at: number) => boolean}
 */
export function visible(data, hidden) {
  return (at) => !hidden.has(data.series[at]) && !statesOf(Number(data.flags[at])).some((key) => hidden.has(key));
}
