// The console: a line, its answers, where the session is.

import { element } from "../dom.js";
import { errorOf, placeOf, shown } from "./answers.js";
import { Completion } from "./completing.js";
import { showHelp } from "./help.js";
import { Runner } from "./runs.js";

const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const field = /** @type {HTMLTextAreaElement} */ (get("command"));
const output = get("output");
const sessions = /** @type {HTMLSelectElement} */ (get("session"));
const runner = new Runner();

/** Where the session is; empty until the first answer says it. @type {Record<string, string>} */
let place = {};
/** @type {string[]} */
let history = [];
let at = 0;

try {
  history = JSON.parse(localStorage.getItem("polarnight-console") ?? "[]");
} catch {
  // Without storage it begins anew with every page.
}
at = history.length;

const completion = new Completion(field, get("candidates"), () => ({ ...place }));

function remember(/** @type {string} */ line) {
  if (history.at(-1) !== line) history.push(line);
  history = history.slice(-200);
  at = history.length;
  try {
    localStorage.setItem("polarnight-console", JSON.stringify(history));
  } catch {
    // As above.
  }
}

function cubeLink(/** @type {string} */ pid) {
  const pages = location.pathname.replace(/console\/$/, "");
  return element("a", { href: `${pages}${pid.split("/").at(-1)}/`, text: pid });
}

function follow(/** @type {any} */ answer) {
  const now = placeOf(answer);
  place = { session: answer.session || now.sessionid || place.session || "" };
  for (const key of ["cwd", "cdd", "cube"]) if (now[key] !== undefined) place[key] = now[key];
  get("cwd").textContent = place.cwd || "/";
  get("cdd").textContent = place.cdd || "/";
  get("cube").replaceChildren(place.cube ? cubeLink(place.cube) : "–");
  get("prompt").textContent = `${place.cwd || "/"} ❯`;
}

async function run(/** @type {string} */ line, quiet = false) {
  const entry = element("div", { class: "entry" }, element("div", { class: "asked", text: line }));
  const bar = /** @type {HTMLProgressElement} */ (element("progress", { max: 1, "aria-label": "Progress" }));
  const what = element("p", { class: "foot", text: "running…" });
  entry.append(bar, what);
  if (!quiet) output.append(entry);
  output.scrollTop = output.scrollHeight;
  get("stop").hidden = false;
  try {
    const answer = await runner.submit(line, place, (far) => {
      if (far.fraction > 0) bar.value = far.fraction;
      what.textContent = `${far.what || "running"}… ${Math.round(100 * far.fraction)} %`;
    }, true);
    follow(answer);
    entry.append(...shown(answer, cubeLink));
    const seconds = placeOf(answer).execution_time;
    entry.append(element("p", { class: "foot", text: `${errorOf(answer) ? "failed" : "done"} in ${seconds ?? "?"} s · job ${answer.jobid.split("?").at(-1) || "–"}` }));
  } catch (error) {
    entry.append(element("p", { class: "note error", text: String(/** @type {Error} */ (error).message) }));
  } finally {
    bar.remove();
    what.remove();
    get("stop").hidden = true;
    output.scrollTop = Math.max(0, entry.offsetTop - output.offsetTop - 8);
  }
}

get("line").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = field.value.trim();
  if (!line || runner.busy) return;
  completion.close();
  remember(line);
  field.value = "";
  grow();
  run(line);
});

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

function recall(/** @type {number} */ step) {
  at = Math.min(history.length, Math.max(0, at + step));
  field.value = history[at] ?? "";
  grow();
  field.setSelectionRange(field.value.length, field.value.length);
}

/** @type {Record<string, (event: KeyboardEvent) => boolean>} whether the key was for us */
const KEYS = {
  Enter: (event) => {
    if (event.shiftKey) return false;
    if (completion.open) completion.take();
    else /** @type {HTMLFormElement} */ (get("line")).requestSubmit();
    return true;
  },
  Tab: (event) => {
    if (event.shiftKey || (!field.value.trim() && !completion.open)) return false; // on to the next field
    if (completion.open) completion.take();
    else completion.ask().catch(() => completion.close());
    return true;
  },
  Escape: () => {
    const was = completion.open;
    completion.close();
    return was;
  },
  ArrowUp: () => {
    if (completion.open) completion.move(-1);
    else if (!field.value.slice(0, field.selectionStart).includes("\n")) recall(-1);
    else return false;
    return true;
  },
  ArrowDown: () => {
    if (completion.open) completion.move(1);
    else if (!field.value.slice(field.selectionEnd).includes("\n")) recall(1);
    else return false;
    return true;
  },
  F1: () => {
    showHelp(get("help"), field.value).catch(() => {});
    get("help").scrollIntoView({ block: "nearest" });
    return true;
  },
};

field.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "l") {
    output.replaceChildren();
    event.preventDefault();
  } else if (event.ctrlKey && event.key === "c" && runner.busy && field.selectionStart === field.selectionEnd) {
    runner.stop().catch(() => {});
    event.preventDefault();
  } else if (!event.ctrlKey && !event.altKey && !event.metaKey && KEYS[event.key]?.(event)) {
    event.preventDefault();
  }
});

let timer = 0;
field.addEventListener("input", () => {
  grow();
  completion.close();
  clearTimeout(timer);
  timer = setTimeout(() => showHelp(get("help"), field.value).catch(() => {}), 250);
});

get("stop").addEventListener("click", () => runner.stop().catch(() => {}));
get("new-session")?.addEventListener("click", () => { if (!runner.busy) run("oph_manage_session action=new;"); });
sessions.addEventListener("change", () => {
  if (runner.busy) return;
  place = { session: sessions.value };
  run("oph_get_config key=OPH_SESSION_ID;");
});

const wanted = new URLSearchParams(location.hash.slice(1)).get("cube");
if (wanted) {
  field.value = `oph_cubeschema cube=${wanted};`;
  grow();
}
run("oph_get_config key=all;save=no;", true);
