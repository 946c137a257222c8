// While a source is written down: what its coordinates mean, and what stands there already.

import { call, query } from "../api.js";
import { element, fill } from "../dom.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("source-form"));
const place = /** @type {HTMLElement} */ (document.getElementById("place"));
const hints = /** @type {HTMLElement} */ (document.getElementById("hints"));
const WATCHED = ["name", "other_names", "ra_hms", "dec_dms"];
const PAUSE = 350;

/** @type {number | undefined} */
let timer;
/** @type {AbortController | undefined} */
let running;

/** @param {string} name @returns {HTMLInputElement} */
function field(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

async function check() {
  running?.abort();
  running = new AbortController();
  const [name, others, ra, dec] = WATCHED.map((one) => field(one).value.trim());
  let told;
  try {
    told = await call("GET", `/sources/check${query({ name, other_names: others, ra, dec, but: form.dataset.pk })}`,
      { signal: running.signal });
  } catch {
    return; // when it is saved the server will say what is wrong
  }
  for (const one of ["ra_hms", "dec_dms"]) mark(one, told.errors[one] ?? "");
  place.textContent = told.ra === null ? "" : `${told.ra_hms} ${told.dec_dms} = ${told.ra.toFixed(6)}° ${told.dec.toFixed(6)}°`;
  fill(hints, ...told.warnings.map((/** @type {string} */ text) => element("li", { text })));
}

/** Show what is wrong with a field beside it. @param {string} name @param {string} text */
function mark(name, text) {
  const input = field(name);
  const around = /** @type {HTMLElement} */ (input.closest(".field"));
  around.classList.toggle("wrong", text !== "");
  around.querySelector(".errorlist")?.remove();
  input.toggleAttribute("aria-invalid", text !== "");
  if (text) around.append(element("ul", { class: "errorlist" }, element("li", { text })));
}

for (const name of WATCHED) {
  field(name).addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  });
}
if (field("ra_hms").value && !form.querySelector(".errorlist")) check();
