// Workflows: paste or upload, check, run, watch, stop.

import { call, query } from "../api.js";
import { element, fill } from "../dom.js";
import { errorOf, shown } from "./answers.js";
import { drawGraph } from "./graph.js";
import { Runner } from "./runs.js";

const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const text = /** @type {HTMLTextAreaElement} */ (get("text"));
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
    const found = await call("POST", "/ophidia/workflow/check", { body: { text: text.value } });
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
get("workflow").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (runner.busy || !(await check())) return;
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
