// The drawer: one result with its frames, its night, its history and why it is so.

import { ROOT, call } from "../api.js";
import { element, fill } from "../dom.js";
import { heading, shown } from "../known.js";

const VALUES = ["instrument", "band", "date", "mjd", "mag", "mag_err", "mag_limit", "mag_corr", "p", "p_err", "p_naive",
  "p_limit95", "chi", "chi_err", "q", "q_err", "u", "u_err", "airmass", "fwhm", "aperture", "n_frames", "exptime"];

let asked = 0;

/** @param {number} pk */
export async function openDrawer(pk) {
  const place = /** @type {HTMLElement} */ (document.getElementById("drawer"));
  asked = pk;
  let result;
  try {
    result = await call("GET", `/results/${pk}`);
  } catch (error) {
    result = { problem: /** @type {Error} */ (error).message };
  }
  if (asked !== pk) return; // another one was opened in the meantime
  place.hidden = false;
  fill(place, head(pk), ...(result.problem ? [element("p", { class: "bad-text", text: result.problem })] : content(result)));
}

export function closeDrawer() {
  asked = 0;
  const place = document.getElementById("drawer");
  if (place) place.hidden = true;
}

/** @param {number} pk */
function head(pk) {
  return element("div", { class: "row spread" }, element("h2", { text: `Result ${pk}` }),
    element("button", { type: "button", class: "icon", "aria-label": "Close", text: "×", onclick: closeDrawer }));
}

/** @param {any} result */
function content(result) {
  const rows = VALUES.filter((name) => result.values[name] !== null && result.values[name] !== undefined)
    .map((name) => element("tr", {}, element("th", { scope: "row", text: heading(name) }), element("td", { text: shown(name, result.values[name]) })));
  const frames = result.frames.map((/** @type {any} */ frame) => element("li", {},
    element("a", { href: `${ROOT}/frames/reduced/${frame.id}/`, text: frame.fileloc.split("/").pop() })));
  const history = result.history.map((/** @type {any} */ change) =>
    element("li", { text: `${change.when.slice(0, 16).replace("T", " ")} ${change.who}: ${change.what}${change.why ? `: ${change.why}` : ""}` }));
  const why = element("pre", { hidden: true });
  return [
    element("p", { class: "row" }, element("a", { href: `${ROOT}/results/${result.id}/`, text: "Diagnostics and all values" }),
      element("a", { href: `${ROOT}/nights/${result.telescope}/${result.night}/`, text: result.epoch })),
    element("p", {}, ...(result.flags.length ? result.flags.map((/** @type {string} */ name) => element("span", { class: "chip warn", text: name })) : [element("span", { class: "dim", text: "no flags" })])),
    result.comment ? element("p", { class: "note", text: result.comment }) : "",
    element("table", { class: "dense facts" }, element("tbody", {}, ...rows)),
    element("h3", { text: "Frames" }), element("ul", { class: "small-text" }, ...frames),
    history.length ? element("h3", { text: "History" }) : "", element("ul", { class: "small-text" }, ...history),
    element("button", { type: "button", class: "small quiet", text: "Why is it so?", onclick: () => explain(result.id, why) }), why,
  ];
}

/** @param {number} pk @param {HTMLElement} place */
async function explain(pk, place) {
  place.hidden = false;
  place.textContent = "…";
  try {
    const told = (await call("GET", `/results/${pk}/why`)).frames;
    place.textContent = Object.values(told).join("\n\n") || "its frames are no longer in the database";
  } catch (error) {
    place.textContent = /** @type {Error} */ (error).message;
  }
}
