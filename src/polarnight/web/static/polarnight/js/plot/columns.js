// Columns as the server packs them, and those that follow from them.

import { flagNames, known } from "../known.js";

const KINDS = /** @type {Record<string, any>} */ ({ f8: Float64Array, f4: Float32Array, i4: Int32Array });

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
  remark(data);
  return data;
}
