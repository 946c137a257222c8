// The page of a job: progress, log, and doing it again.

import { ROOT, call, query } from "../api.js";
import { toast } from "../dom.js";
import { watch } from "./panel.js";
import { drawWorkflow } from "./workflow.js";

const place = document.getElementById("panel");
const log = document.getElementById("log");
const level = /** @type {HTMLSelectElement | null} */ (document.getElementById("level"));
const follow = 2000;
let asked = 0;

async function showLog() {
  if (!log || Date.now() - asked < follow) return; // its worker writes no faster
  asked = Date.now();
  const lines = await call("GET", `/jobs/${log.dataset.job}/log${query({ level: level?.value ?? "" })}`);
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
  log.textContent = lines.join("\n") || (place?.dataset.active === "true" ? "Nothing yet." : level?.value ? "Nothing of this level." : "Nothing was logged.");
  if (atEnd) log.scrollTop = log.scrollHeight;
}

if (place?.dataset.active === "true") {
  watch(place, Number(place.dataset.job), {
    mayRun: place.dataset.run === "true",
    each: (job) => {
      showLog().catch(() => {});
      drawWorkflow(job.result?.workflow).catch(() => {});
    },
    ended: () => location.reload(),
  });
} else {
  showLog().catch(() => {});
  drawWorkflow().catch(() => {}); // of another user's it is not told
}

level?.addEventListener("change", () => {
  asked = 0;
  showLog().catch(() => {});
});

for (const one of document.querySelectorAll("[data-again]")) one.addEventListener("click", async (event) => {
  const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
  button.disabled = true;
  try {
    const job = await call("POST", `/jobs/${button.dataset.job}/${button.dataset.again}`);
    location.href = `${ROOT}/jobs/${job.id}/`;
  } catch (error) {
    button.disabled = false;
    toast(/** @type {Error} */ (error).message, { kind: "error" });
  }
});
