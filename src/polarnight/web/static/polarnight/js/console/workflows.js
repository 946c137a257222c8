// Workflows: paste or upload, check, run, watch, stop.

import { ROOT, call, query } from "../api.js";
import { element, fill } from "../dom.js";
import { errorOf, shown } from "./answers.js";
import { drawGraph } from "./graph.js";
import { Runner } from "./runs.js";

const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const text = /** @type {HTMLTextAreaElement} */ (get("text"));
const words = /** @type {HTMLInputElement} */ (get("arguments"));
const file = /** @type {HTMLInputElement} */ (get("file"));
const bar = /** @type {HTMLProgressElement} */ (get("progress"));
const state = get("state");
const runner = new Runner();
const CHIPS = { completed: "good", error: "bad", aborted: "bad", running: "running", waiting: "warn" };

function told(/** @type {string} */ message, kind = "info") {
  fill(get("told"), element("p", { class: `note ${kind}`, text: message }));
}

function cubeLink(/** @type {string} */ pid) {
  return element("a", { href: `../${pid.split("/").at(-1)}/`, text: pid });
}

/** The arguments; quotes hold blanks together. @returns {string[]} */
function given() {
  return [...words.value.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((one) => one[1] ?? one[2] ?? one[3]);
}

file.addEventListener("change", async () => {
  const one = file.files?.[0];
  if (!one) return;
  if (one.size > 4_000_000) {
    told("The file is larger than 4 MB.", "error");
    return;
  }
  text.value = await one.text();
  check();
});

async function check() {
  fill(get("answer"));
  state.hidden = true;
  if (!text.value.trim()) {
    told("Paste the JSON of a workflow, or choose its file.", "warning");
    return false;
  }
  try {
    const found = await call("POST", "/ophidia/workflow/check", { body: { text: text.value, arguments: given() } });
    if (found.ok) {
      told(`It can be run: ${found.graph.nodes.length} tasks.`, "success");
      fill(get("graph"), drawGraph(found.graph));
    } else {
      fill(get("graph"));
      fill(get("told"), element("div", { class: "note error", role: "alert" }, element("p", { text: "It cannot be run as it is written:" }),
        element("ul", {}, ...found.faults.map((/** @type {string} */ one) => element("li", { text: one })))));
    }
    return found.ok;
  } catch (error) {
    told(String(/** @type {Error} */ (error).message), "error");
    return false;
  }
}

async function watch(/** @type {string} */ jobid) {
  if (!jobid) return;
  try {
    const now = await call("GET", `/ophidia/workflow${query({ jobid })}`);
    fill(get("graph"), drawGraph(now.graph));
    state.textContent = now.status;
    state.className = `chip ${/** @type {Record<string, string>} */ (CHIPS)[now.status] ?? ""}`;
    state.hidden = false;
    bar.value = now.fraction;
  } catch {
    // It is told at the next look, or by the answer.
  }
}

get("check").addEventListener("click", check);
get("background").addEventListener("click", async () => {
  if (!(await check())) return;
  const button = /** @type {HTMLButtonElement} */ (get("background"));
  button.disabled = true;
  try {
    const name = /"name"\s*:\s*"([^"\\]{1,60})"/.exec(text.value)?.[1].trim() || "workflow";
    const job = await call("POST", "/jobs", { body: { kind: "workflow", name, text: text.value, arguments: given() } });
    location.href = `${ROOT}/jobs/${job.id}/`;
  } catch (error) {
    told(String(/** @type {Error} */ (error).message), "error");
  } finally {
    button.disabled = false;
  }
});
get("workflow").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (runner.busy || !(await check())) return;
  if (given().length) {
    told("A workflow with arguments is started as a job.", "warning");
    return;
  }
  get("stop").hidden = bar.hidden = false;
  bar.value = 0;
  told("Running…");
  try {
    const answer = await runner.submit(text.value, {}, (far) => {
      told(far.what ? `${far.what}…` : "Running…");
      watch(far.jobid);
    });
    await watch(answer.jobid);
    const error = errorOf(answer);
    told(error || "Done.", error ? "error" : "success");
    fill(get("answer"), ...shown(answer, cubeLink));
  } catch (error) {
    told(String(/** @type {Error} */ (error).message), "error");
  } finally {
    get("stop").hidden = bar.hidden = true;
  }
});
get("stop").addEventListener("click", () => runner.stop().catch(() => {}));
