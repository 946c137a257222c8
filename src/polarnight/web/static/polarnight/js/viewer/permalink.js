/** The state of the viewer in the address, so that a link shows the same. */

const NUMBERS = ["x", "y", "zoom", "low", "high", "bits"];
const WORDS = ["stretch", "colours", "limits", "key", "compare"];

/** @param {string} search of the address @returns {Record<string, any>} what it says, checked */
export function readState(search) {
  const given = new URLSearchParams(search);
  const state = {};
  for (const name of NUMBERS) {
    const value = Number(given.get(name) ?? NaN);
    if (given.get(name) && Number.isFinite(value)) state[name] = value;
  }
  for (const name of WORDS) {
    const value = given.get(name);
    if (value !== null && /^[A-Za-z0-9.-]{0,40}$/.test(value)) state[name] = value;
  }
  if (given.has("show")) state.show = given.get("show").split(",").filter(Boolean);
  return state;
}

/** @param {Record<string, any>} state @returns {string} beginning with ?, or empty */
export function writeState(state) {
  const parts = [];
  const put = (name, text) => parts.push(`${name}=${encodeURIComponent(text).replaceAll("%2C", ",")}`);
  for (const name of NUMBERS) {
    if (Number.isFinite(state[name])) put(name, Number(state[name].toPrecision(8)));
  }
  for (const name of WORDS) if (state[name]) put(name, state[name]);
  if (state.show) put("show", state.show.join(","));
  return parts.length ? `?${parts.join("&")}` : "";
}

/** Returns a function that writes a state into the address, not more often than browsers allow.
 *  @param {() => Record<string, any>} state */
export function keeper(state) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(() => history.replaceState(null, "", location.pathname + writeState(state())), 250);
  };
}
