// The list of jobs: forms that start others, and rows that keep up while some run.

import { ROOT } from "../api.js";
import { starts } from "./start.js";

const EVERY = 2000;

for (const form of document.querySelectorAll("form[data-starts]")) {
  starts(/** @type {HTMLFormElement} */ (form), (job) => { location.href = `${ROOT}/jobs/${job.id}/`; });
}

async function keepUp() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return false; // logged out meanwhile
  // Our own page, made by our own templates: what is in it is escaped already.
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, now] = [document.getElementById("jobs"), page.getElementById("jobs")];
  if (old && now && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(now));
  return now?.dataset.running === "true";
}

async function again() {
  let go = true;
  try {
    if (!document.hidden) go = await keepUp();
  } catch {
    // The server is away for a moment: the next look will tell.
  }
  if (go) setTimeout(again, EVERY);
}

if (document.getElementById("jobs")?.dataset.running === "true") setTimeout(again, EVERY);
