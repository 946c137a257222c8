// What the server tells a page: flags, columns, what the user may do.

/** @type {{flags: Record<string, number>, flagger: boolean, personal: boolean,
 *  operators: Record<string, string>, columns: any[]}} */
export const known = JSON.parse(document.getElementById("known")?.textContent ?? "{}");

/** @param {number} value @returns {string} names of flags, separated by spaces */
export function flagNames(value) {
  return Object.entries(known.flags).filter(([, bit]) => value & bit).map(([name]) => name).join(" ");
}

const columns = new Map((known.columns ?? []).map((column) => [column.name, column]));

/** What stands above a column, with the unit of the values below. @param {string} name */
export function heading(name) {
  const column = columns.get(name);
  if (!column) return name;
  return column.title + (column.shown_unit ? ` (${column.shown_unit})` : "");
}

/** Whether a column is a fraction that pages show in percent. @param {string} name */
export const inPercent = (name) => columns.get(name)?.shown_unit === "%";

/** A value as an eye wants it, in the unit of the heading. @param {string} name of the column @param {any} value */
export function shown(name, value) {
  if (value === null || value === undefined) return "";
  const column = columns.get(name);
  if (["time", "moment"].includes(column?.kind)) return String(value).slice(0, 19).replace("T", " ");
  if (typeof value !== "number" || column?.kind === "integer") return String(value);
  const digits = column?.digits ?? null;
  return digits === null ? String(Number(value.toPrecision(4))) : (value * column.scale).toFixed(digits);
}
