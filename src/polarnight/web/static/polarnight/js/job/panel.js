// A job as it goes: state, stage, progress and a way to cancel it.

import { ROOT, call } from "../api.js";
import { element, fill, toast } from "../dom.js";

const EVERY = 1000;
const WHEN_HIDDEN = 5000;
const LONG = 15; // seconds after which somebody wonders

/** @param {number} seconds @returns {string} such as "1 min 12 s" */
export function duration(seconds) {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** What came of a job, in a line. @param {any} job @returns {string} */
export function summary(job) {
  if (job.error) return job.error;
  if (job.state === "cancelled") return `cancelled by ${job.cancelled_by}; what was finished is kept`;
  const parts = Object.entries(job.result?.parts ?? {}).map(([name, step]) => `${name} ${step.done}`);
  const failed = job.result?.n_failed ? `${job.result.n_failed} failed` : "nothing failed";
  return job.state === "done" ? [...parts, failed].join(", ") : "";
}

/** Why it does not run yet. @param {any} job @returns {string} */
function waiting(job) {
  const seconds = (Date.now() - Date.parse(job.created)) / 1000;
  if (job.stage) return job.stage;
  return seconds < LONG ? "waits for a worker"
    : "waits for a worker: other jobs are first, or none is running (polarnight worker)";
}

/** How long it runs, and how long its stage will still take. @param {any} job @returns {string} */
function times(job) {
  if (job.state !== "running" || job.seconds === null) return "";
  const left = job.remaining === null ? "" : `, about ${duration(job.remaining)} left of this stage`;
  return `${duration(job.seconds)} so far${left}`;
}

/** The parts of a panel. @param {any} job @param {boolean} mayRun @param {() => void} cancel */
function parts(job, mayRun, cancel) {
  const counted = job.n_total ? `: ${job.n_done} of ${job.n_total}` : "";
  const what = job.state === "queued" ? waiting(job) : job.active ? `${job.stage}${counted}` : summary(job);
  const asked = job.active && job.cancel_asked;
  const bar = element("progress", { "aria-label": "Progress", max: "1" });
  if (job.n_total) bar.setAttribute("value", String(Math.min(1, job.n_done / job.n_total)));
  return [
    element(
      "div", { class: "row" },
      element("span", { class: `chip ${job.state}`, text: job.state }),
      element("span", { class: "told", "data-told": true },
        element("a", { href: `${ROOT}/jobs/${job.id}/`, text: job.title }), ` · ${job.who} · `,
        element("span", { class: job.error ? "bad-text" : "", text: asked ? "is being cancelled" : what })),
      job.active && mayRun
        ? element("button", { type: "button", class: "danger small", text: "Cancel", disabled: Boolean(asked), onclick: cancel })
        : null,
    ),
    ...(job.state === "running" ? [bar, element("p", { class: "dim small-text", text: times(job) })] : []),
  ];
}

/**
 * Show a job in a place and keep it up to date until it ends.
 * @param {HTMLElement} place
 * @param {number} id
 * @param {{mayRun?: boolean, each?: (job: any) => void, ended?: (job: any) => void}} [options]
 */
export function watch(place, id, options = {}) {
  const spoken = element("p", { class: "sr-only", role: "status", "aria-live": "polite" });
  const shown = element("div", {});
  fill(place, shown, spoken);
  place.hidden = false;
  let last = "";
  let stage = "";

  const cancel = async () => {
    try {
      draw(await call("POST", `${ROOT}/jobs/${id}/cancel`));
    } catch (error) {
      toast(/** @type {Error} */ (error).message, { kind: "error" });
    }
  };

  /** @param {any} job */
  function draw(job) {
    const now = JSON.stringify([job.state, job.state === "queued" && waiting(job), job.stage, job.n_done, job.n_total, times(job), job.cancel_asked, job.error]);
    if (now !== last) {
      const held = shown.contains(document.activeElement) && document.activeElement?.tagName === "BUTTON";
      fill(shown, ...parts(job, options.mayRun ?? false, cancel));
      if (held) shown.querySelector("button")?.focus();
      last = now;
    }
    // Readers of screens hear stages, not every frame.
    const spokenNow = job.active ? `${job.state} ${job.stage}` : `${job.state}. ${summary(job)}`;
    if (spokenNow !== stage) spoken.textContent = stage = spokenNow;
    options.each?.(job);
  }

  async function look() {
    let go = true;
    try {
      const job = await call("GET", `${ROOT}/jobs/${id}`);
      draw(job);
      go = job.active;
      if (!go) options.ended?.(job);
    } catch (error) {
      // Who is logged out, or asks for what is gone, need not ask again.
      go = !(/** @type {any} */ (error).status >= 400 && /** @type {any} */ (error).status < 500);
    }
    if (go) setTimeout(look, document.hidden ? WHEN_HIDDEN : EVERY);
  }
  look();
}
