// All that the table shows, in its address.

/** @typedef {{source: string, f: string[], sort: string, columns: string[], offset: number, limit: number}} State */

/** @returns {State} */
export function read() {
  const given = new URLSearchParams(location.search);
  const number = (/** @type {string} */ name, /** @type {number} */ otherwise) => {
    const value = Number.parseInt(given.get(name) ?? "", 10);
    return Number.isFinite(value) && value >= 0 ? value : otherwise;
  };
  return {
    source: given.get("source") ?? given.get("srcname") ?? "",
    f: given.getAll("f"),
    sort: given.get("sort") ?? "",
    columns: (given.get("columns") ?? "").split(",").filter(Boolean),
    offset: number("offset", 0),
    limit: Math.min(Math.max(number("limit", 50), 1), 1000),
  };
}

/** @param {State} state @param {{page?: boolean}} [what] with the place in the table or without */
export function asked(state, what = {}) {
  const values = /** @type {Record<string, any>} */ ({
    source: state.source, f: state.f, sort: state.sort, columns: state.columns.join(","),
  });
  return what.page ? { ...values, offset: state.offset || null, limit: state.limit } : values;
}
