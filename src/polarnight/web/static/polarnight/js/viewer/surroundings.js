/** What stands below the picture: the source that was clicked, and what is stale. */

import { call } from "../api.js";
import { element, fill } from "../dom.js";

/** @param {string} pattern address with 0 for the number @param {number} pk */
function address(pattern, pk) {
  return pattern ? pattern.replace(/\/0(?=\/|$)/, `/${pk}`) : "";
}

function link(text, href) {
  return href ? element("a", { href, text }) : element("span", { text });
}

const number = (value, error, digits, scale = 1, unit = "") =>
  value === null || value === undefined
    ? "—"
    : `${(value * scale).toFixed(digits)}${error === null || error === undefined ? "" : ` ± ${(error * scale).toFixed(digits)}`}${unit}`;

/**
 * Show a source with what was measured of it in this frame.
 * @param {HTMLElement} place
 * @param {{kind: string, one: object} | null} found
 * @param {object[]} apertures of the frame @param {object[]} results
 * @param {{source: string, aperture: string, plot: string}} addresses
 */
export function showChosen(place, found, apertures, results, addresses) {
  place.hidden = !found;
  if (!found) return;
  const name = found.one.source || found.one.name;
  const id = found.one.source_id || found.one.id;
  const measured = apertures.filter((one) => one.source_id === id);
  const own = results.filter((one) => one.source_id === id);
  const parts = [
    element("h3", {}, link(name, address(addresses.source, id)), " ",
      addresses.plot ? element("a", { class: "button quiet small", text: "Light curve",
        href: `${addresses.plot}?srcname=${encodeURIComponent(name)}` }) : null),
  ];
  for (const one of measured) {
    parts.push(element("p", {},
      element("span", { class: "chip accent", text: one.pair === "E" ? "extraordinary" : "ordinary" }),
      ` ${number(one.flux, one.flux_err, 1)} ADU in r = ${number(one.r, null, 2)} px at ${one.x.toFixed(2)}, ${one.y.toFixed(2)}`,
      ...[...one.flags, ...one.bits].map((flag) => element("span", { class: "chip warn", text: flag })),
      " ", link("aperture", address(addresses.aperture, one.id))));
  }
  if (own.length) parts.push(resultTable(own));
  else parts.push(element("p", { class: "dim", text: measured.length ? "No result was made of it." : "Not measured in this frame." }));
  fill(place, ...parts);
}

function resultTable(results) {
  const titles = ["result", "band", "mag", "p / %", "χ / °", "flags"];
  const rows = results.map((one) => element("tr", {},
    element("th", { scope: "row", text: one.reduction === "relpol" ? "polarimetry" : "photometry" }),
    element("td", { text: one.band }),
    element("td", { text: number(one.mag, one.mag_err, 3) }),
    element("td", { text: number(one.p, one.p_err, 2, 100) }),
    element("td", { text: number(one.chi, one.chi_err, 1) }),
    element("td", { text: one.error || one.flags.join(", ") || "—" })));
  return element("div", { class: "scroll" },
    element("table", { class: "dense" },
      element("thead", {}, element("tr", {}, ...titles.map((text) => element("th", { scope: "col", text })))),
      element("tbody", {}, ...rows)));
}

/** Ask what the next run would make again, and mark it in the graph.
 *  @param {HTMLElement} place @param {string} path of the frame in the API */
export async function showStale(place, path) {
  try {
    const stale = await call("GET", `${path}/stale`);
    place.className = stale.length ? "note warning" : "note success";
    const list = stale.map((one) => element("li", {}, element("b", { text: one.product }), `: ${one.why}`));
    if (stale.length) fill(place, element("p", { text: "Out of date; the next run makes again:" }), element("ul", {}, ...list));
    else fill(place, element("p", { text: "Current: nothing changed since the last run." }));
    const made = { frame: ".kind-reduced", master: ".kind-bias.focus, .kind-dark.focus, .kind-flat.focus" };
    for (const one of stale) {
      const marked = document.querySelectorAll(`svg.provenance :is(${made[one.product] || ".kind-result"})`);
      for (const node of marked) node.classList.add("stale");
    }
  } catch (error) {
    place.className = "note error";
    fill(place, element("p", { text: `Whether it is current is not known: ${error.message}` }));
  }
}
