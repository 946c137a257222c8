// What the server tells a page: flags, columns, what the user may do.

/** @type {{flags: Record<string, number>, flagger: boolean, personal: boolean,
 *  operators: Record<string, string>, columns: any[]}} */
export const known = JSON.parse(document.getElementById("known")?.textContent ?? "{}");

/** @param {number} value @returns {string} names of flags, separated by spaces */
export function flagNames(value) {
  return Object.entries(known.flags).filter(([, bit]) => value & bit).map(([name]) => name).join(" ");
}

const kinds = new Map((known.columns ?? []).map((column) => [column.name, column.kind]));

/** A value as an eye wants it. @param {string} name of the column @param {any} value */
export function shown(name, value) {
  if (value === null || value === undefined) return "";
  if (["time", "moment"].includes(kinds.get(name))) return String(value).slice(0, 19).replace("T", " ");
  if (typeof value !== "number" || kinds.get(name) === "integer") return String(value);
  if (/^(jd|bjd|mjd)/.test(name)) return value.toFixed(5);
  if (/^mag/.test(name)) return value.toFixed(3);
  if (/^(p|q|u|v)($|_(err|naive|low|high|limit95|corr|nocorr))/.test(name)) return value.toFixed(5);
  if (/^(chi|fwhm|aper|airmass|exptime|flux|sky)/.test(name)) return value.toFixed(2);
  return String(Number(value.toPrecision(4)));
}
