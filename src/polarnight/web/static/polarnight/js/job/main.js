// The page of a job: progress, log, and doing it again.

import { ROOT, call } from "../api.js";
import { toast } from "../dom.js";
import { watch } from "./panel.js";

const place = document.getElementById("panel");
const log = document.getElementById("log");
const follow = 2000;
let asked = 0;

async function showLog() {
  if (!log || Date.now() - asked < follow) return;
  asked = Date.now();
  const lines = await call("GET", `/jobs/${log.dataset.job}/log`);
  const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 20;
  log.textContent = lines.join("\n") || (place?.dataset.active === "true" ? "Nothing yet." : "Nothing was logged.");
  if (atEnd) log.scrollTop = log.scrollHeight;
}

if (place?.dataset.active === "true") {
  watch(place, Number(place.dataset.job), {
    mayRun: place.dataset.run === "true",
    each: () => { showLog().catch(() => {}); },
    ended: () => location.reload(),
  });
} else {
  showLog().catch(() => {});
}

document.getElementById("again")?.addEventListener("click", async (event) => {
  const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
  button.disabled = true;
  try {
    const job = await call("POST", `/jobs/${button.dataset.job}/requeue`);
    location.href = `${ROOT}/jobs/${job.id}/`;
  } catch (error) {
    button.disabled = false;
    toast(/** @type {Error} */ (error).message, { kind: "error" });
  }
});
