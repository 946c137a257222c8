// The page of a result: flags and comments, why it is so, the evidence.

import { call } from "../api.js";
import { showJudgement } from "../viewer/judgement.js";

const judged = /** @type {HTMLElement} */ (document.getElementById("judged"));
showJudgement(judged, judged.dataset.path ?? "", {
  flag: "mayFlag" in judged.dataset,
  comment: "mayComment" in judged.dataset,
});

const why = /** @type {HTMLDetailsElement} */ (document.getElementById("why"));
why.addEventListener("toggle", async () => {
  const place = /** @type {HTMLElement} */ (why.querySelector("pre"));
  place.textContent = "…";
  try {
    const told = (await call("GET", `${why.dataset.path}/why`)).frames;
    place.textContent = Object.values(told).join("\n\n") || "its frames are no longer in the database";
  } catch (error) {
    place.textContent = /** @type {Error} */ (error).message;
  }
}, { once: true });

const evidence = /** @type {HTMLElement} */ (document.getElementById("evidence"));
/** @type {HTMLElement} */ (document.getElementById("evidence-text")).textContent =
  JSON.stringify(JSON.parse(evidence.textContent ?? "null"), null, 2);
