// All that the page of light curves shows, in its address.

/**
 * @typedef {{srcname: string, band: string[], from: string, to: string, errors: boolean,
 *  corrected: boolean, naive: boolean, foreign: boolean, f: string[], hide: string[], window: number[]|null, points: number[]}} State
 */

const MOST_POINTS = 50; // of a selection that an address carries

const off = (/** @type {string|null} */ text) => text === "0" || text === "false";
const on = (/** @type {string|null} */ text) => text !== null && !off(text);

/** @returns {State} */
export function read() {
  const given = new URLSearchParams(location.search);
  const window = (given.get("window") ?? "").split(",").map(Number);
  return {
    srcname: given.get("srcname") ?? given.get("source") ?? "",
    band: given.getAll("band").flatMap((text) => text.split(",")).filter(Boolean),
    from: given.get("from") ?? "",
    to: given.get("to") ?? "",
    // "fast" of the first portal: no error bars.
    errors: !off(given.get("errors")) && !on(given.get("fast")),
    corrected: on(given.get("corrected")),
    naive: on(given.get("naive")),
    foreign: on(given.get("foreign")),
    f: given.getAll("f"),
    hide: given.getAll("hide"),
    window: window.length === 2 && window.every(Number.isFinite) && window[0] < window[1] ? window : null,
    points: (given.get("points") ?? "").split(",").map(Number).filter((pk) => pk > 0).slice(0, MOST_POINTS),
  };
}

/** @param {State} state @returns {string} the query string, without the ? */
export function write(state) {
  const made = new URLSearchParams();
  made.set("srcname", state.srcname);
  state.band.forEach((band) => made.append("band", band));
  if (state.from) made.set("from", state.from);
  if (state.to) made.set("to", state.to);
  if (!state.errors) made.set("errors", "0");
  if (state.corrected) made.set("corrected", "1");
  if (state.naive) made.set("naive", "1");
  if (state.foreign) made.set("foreign", "1");
  state.f.forEach((text) => made.append("f", text));
  state.hide.forEach((text) => made.append("hide", text));
  if (state.window) made.set("window", state.window.map((mjd) => mjd.toFixed(4)).join(","));
  if (state.points.length && state.points.length <= MOST_POINTS) made.set("points", state.points.join(","));
  return made.toString();
}

/** @param {State} state @returns {Record<string, any>} as the API takes it */
export function asked(state) {
  return {
    source: state.srcname, band: state.band, start: state.from, end: state.to, f: state.f,
    corrected: state.corrected || null, naive: state.naive || null,
  };
}
