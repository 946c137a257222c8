// Columns as the server packs them, and those that follow from them.

import { flagNames, known } from "../known.js";

const KINDS = /** @type {Record<string, any>} */ ({ f8: Float64Array, f4: Float32Array, i4: Int32Array });

const UNDETERMINED = 90; // degrees: the error of an angle that may be any

/** @param {{dtype: string, data: string}} packed */
function unpack(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return new KINDS[packed.dtype](bytes.buffer);
}

/** @param {number} flags @param {string} bad @param {boolean} limit */
function mark(flags, bad, limit) {
  if (flags & known.flags[bad]) return "x";
  if (limit) return "dash";
  return flags ? "square" : "circle";
}

/** A number, or "–" for none. @param {number} value @param {number} digits */
export const digits = (value, digits) => (Number.isNaN(value) ? "–" : value.toFixed(digits));

/** Say magnitude, p, χ, q and u in words: limits with what they mean. @param {Record<string, any>} data */
function tell(data) {
  const words = (/** @type {(at: number) => string} */ of) => Array.from(data.pk, (_, at) => of(at));
  const one = (/** @type {string} */ name, /** @type {number} */ at, /** @type {number} */ places) => digits(data[name][at], places);
  const none = (/** @type {string} */ name, /** @type {number} */ at) => Number.isNaN(data[name][at]);
  data.mag_told = words((at) => {
    if (!none("mag_arrow", at)) return `> ${one("mag_arrow", at, 2)} (3 σ)`;
    return none("mag", at) ? "–" : `${one("mag", at, 3)} ± ${one("mag_err", at, 3)}`;
  });
  data.p_told = words((at) => {
    if (!none("p_arrow", at)) return `< ${one("p_arrow", at, 2)} % (95 %)`;
    return none("p", at) ? "–" : `${one("p", at, 2)} % (${one("p_low", at, 2)} to ${one("p_high", at, 2)})`;
  });
  for (const name of ["q", "u"]) {
    data[`${name}_told`] = words((at) => (none(name, at) ? "–" : `${one(name, at, 2)} ± ${one(`${name}_err`, at, 2)} %`));
  }
  data.chi_told = words((at) => {
    if (none("chi", at)) return "–";
    return data.chi_err[at] >= UNDETERMINED ? "undetermined" : `${one("chi", at, 1)}° ± ${one("chi_err", at, 1)}°`;
  });
}

/** Room for arrows, and limits of panels in which there is nothing. @param {Record<string, any>} data */
export function roomOf(data) {
  const known = (/** @type {string} */ name) => Array.from(data[name]).filter(Number.isFinite);
  const [mags, limits] = [known("mag_y"), known("mag_arrow")];
  const deep = mags.length ? 0.15 * (Math.max(...mags) - Math.min(...mags)) || 0.1 : 0;
  return {
    mag: limits.length ? [Math.max(...limits) + deep] : mags.length ? [] : [0, 1],
    p: known("p_arrow").length ? [0] : known("p_y").length ? [] : [0, 1],
    chi: known("chi").length ? [] : [0, 180],
  };
}

/** Make the signs and names of flags anew. @param {Record<string, any>} data */
export function remark(data) {
  const n = data.pk.length;
  data.mark_phot = Array.from({ length: n }, (_, at) => mark(data.flags[at], "BAD_PHOTOMETRY", !Number.isNaN(data.mag_arrow[at])));
  data.mark_pol = Array.from({ length: n }, (_, at) => mark(data.flags[at], "BAD_POLARIMETRY", !Number.isNaN(data.p_arrow[at])));
  data.flag_names = Array.from(data.flags, (value) => flagNames(Number(value)) || "none");
}

/**
 * All columns of the plot from an answer of the server.
 * @param {any} answer
 * @returns {Record<string, any>}
 */
export function columnsOf(answer) {
  const raw = /** @type {Record<string, any>} */ ({});
  for (const [name, packed] of Object.entries(answer.columns)) raw[name] = unpack(/** @type {any} */ (packed));
  const n = raw.pk.length;
  const make = (/** @type {(at: number) => number} */ of) => Float64Array.from({ length: n }, (_, at) => of(at));
  const either = (/** @type {string} */ one, /** @type {string} */ other) =>
    make((at) => (Number.isNaN(raw[one][at]) ? raw[other][at] : raw[one][at]));
  const data = /** @type {Record<string, any>} */ ({
    ...raw,
    ms: make((at) => (raw.mjd[at] - 40587) * 86400e3),
    series: Array.from(raw.series, (code) => answer.series[code].name),
    colour: Array.from(raw.series, (code) => answer.series[code].colour),
    mag_y: either("mag", "mag_limit"),
    mag_arrow: raw.mag_limit,
    p_y: either("p", "p_limit"),
    p_arrow: raw.p_limit,
  });
  for (const name of ["mag", "chi", "q", "u"]) {
    data[`${name}_low`] = make((at) => raw[name][at] - raw[`${name}_err`][at]);
    data[`${name}_high`] = make((at) => raw[name][at] + raw[`${name}_err`][at]);
  }
  delete data.mag_limit;
  delete data.p_limit;
  tell(data);
  remark(data);
  return data;
}
