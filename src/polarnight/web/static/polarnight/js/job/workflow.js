// The workflow of a job: its graph with the states of the tasks, and going on with it.

import { ROOT, call, query } from "../api.js";
import { fill } from "../dom.js";
import { drawGraph } from "../console/graph.js";

const CHIPS = { completed: "good", error: "bad", aborted: "bad", running: "running", waiting: "warn" };
const place = document.getElementById("workflow");

/** Draw how far a run is. @param {string} [run] its name, as of the result of the job */
export async function drawWorkflow(run) {
  const jobid = run || place?.dataset.run;
  if (!place || !jobid) return;
  const now = await call("GET", `/ophidia/workflow${query({ jobid })}`);
  const chip = /** @type {HTMLElement} */ (place.querySelector("[data-state]"));
  fill(/** @type {HTMLElement} */ (place.querySelector("[data-graph]")), drawGraph(now.graph));
  chip.textContent = now.status;
  chip.className = `chip ${/** @type {Record<string, string>} */ (CHIPS)[now.status] ?? ""}`;
  chip.hidden = false;
}

document.getElementById("resume")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.currentTarget);
  const told = /** @type {HTMLElement} */ (form.querySelector("[data-told-wrong]"));
  const checkpoint = String(new FormData(form).get("checkpoint") ?? "");
  told.hidden = true;
  try {
    const job = await call("POST", `/jobs/${form.dataset.job}/resume${query({ checkpoint })}`);
    location.href = `${ROOT}/jobs/${job.id}/`;
  } catch (error) {
    told.textContent = /** @type {Error} */ (error).message;
    told.hidden = false;
  }
});
