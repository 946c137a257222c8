// Logs: the last lines first, older ones on demand; what a line says stays text.

import { call, query } from "../api.js";
import { element, fill, toast } from "../dom.js";

const form = /** @type {HTMLFormElement} */ (document.getElementById("ask"));
const place = /** @type {HTMLElement} */ (document.getElementById("lines"));
const told = /** @type {HTMLElement} */ (document.getElementById("told"));
const older = /** @type {HTMLButtonElement} */ (document.getElementById("older"));
const LIMIT = 500;
const MOST_SHOWN = 20_000;
const EVERY = 2500;

let begin = 0;
let end = 0;
let turn = 0; // answers to questions that are no longer asked are dropped
/** @type {number | undefined} */
let timer;

function asked() {
  const data = new FormData(form);
  return { log_file: String(data.get("log_file")), text: String(data.get("text")).trim(), level: data.getAll("level").map(String) };
}

/** @param {Record<string, any>} where before or after which byte */
function ask(where) {
  const { log_file: name, text, level } = asked();
  return call("GET", `/logs/lines${query({ name, text, level, ...where })}`);
}

/** The text of a line, with what is looked for marked. @param {string} text @param {string} wanted */
function marked(text, wanted) {
  if (!wanted) return [text];
  const parts = [];
  const [low, needle] = [text.toLowerCase(), wanted.toLowerCase()];
  let from = 0;
  for (let at = low.indexOf(needle); at >= 0 && low.length === text.length; at = low.indexOf(needle, from)) {
    parts.push(text.slice(from, at), element("mark", { text: text.slice(at, at + needle.length) }));
    from = at + needle.length;
  }
  return [...parts, text.slice(from)];
}

/** @param {any[]} lines */
function drawn(lines) {
  const wanted = asked().text;
  return lines.map((line) => element("div", { class: line.level || null }, ...marked(line.text, wanted)));
}

/** @param {any} answer */
function tell(answer) {
  const shown = place.querySelectorAll("div").length;
  const read = answer.size ? Math.round((100 * (answer.size - begin)) / answer.size) : 100;
  told.textContent = `${shown} lines; ${read} % of the log looked through`;
  older.hidden = begin === 0;
}

async function start() {
  const mine = ++turn;
  const { log_file, text, level } = asked();
  history.replaceState(null, "", `${query({ log_file, text, level })}`);
  try {
    const answer = await ask({ limit: LIMIT });
    if (mine !== turn) return;
    ({ begin, end } = answer);
    fill(place, ...drawn(answer.lines));
    place.scrollTop = place.scrollHeight;
    tell(answer);
  } catch (error) {
    if (mine === turn) toast(/** @type {Error} */ (error).message, { kind: "error" });
  }
}

async function more() {
  const mine = turn;
  older.disabled = true;
  try {
    const answer = await ask({ before: begin, limit: LIMIT });
    if (mine !== turn) return;
    begin = answer.begin;
    const height = place.scrollHeight - place.scrollTop;
    place.prepend(...drawn(answer.lines));
    place.scrollTop = place.scrollHeight - height;
    tell(answer);
  } catch (error) {
    toast(/** @type {Error} */ (error).message, { kind: "error" });
  } finally {
    older.disabled = false;
  }
}

async function follow() {
  const mine = turn;
  if (!document.hidden) {
    try {
      const answer = await ask({ after: end, limit: 2000 });
      if (mine === turn) {
        const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 40;
        end = answer.end;
        place.append(...drawn(answer.lines));
        while (place.childElementCount > MOST_SHOWN) place.firstElementChild?.remove();
        if (atEnd) place.scrollTop = place.scrollHeight;
        if (answer.lines.length) tell(answer);
      }
    } catch {
      // The server is away for a moment: the next look will tell.
    }
  }
  if (following()) timer = setTimeout(follow, EVERY);
}

function following() {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem("follow")).checked;
}

/** @type {number | undefined} */
let pause;
form.addEventListener("input", (event) => {
  if (/** @type {HTMLInputElement} */ (event.target).name === "follow") {
    clearTimeout(timer);
    if (following()) follow();
    return;
  }
  clearTimeout(pause);
  pause = setTimeout(start, 250);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
older.addEventListener("click", more);
place.addEventListener("scroll", () => {
  if (place.scrollTop < 40 && begin > 0 && !older.disabled && place.childElementCount) more();
});
start();
