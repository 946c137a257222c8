// Flagging: b or p, a reason, Enter; u takes back.

import { call } from "../api.js";
import { toast } from "../dom.js";
import { known } from "../known.js";
import { remark } from "./columns.js";

const KEYS = /** @type {Record<string, string>} */ ({ b: "BAD_PHOTOMETRY", p: "BAD_POLARIMETRY" });
const get = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {import("./board.js").Board} board
 * @param {() => void} changed after flags have changed
 * @returns {(rows: number[]) => void} to be told of selections
 */
export function flagBar(board, changed) {
  const form = /** @type {HTMLFormElement} */ (get("flagbar"));
  const why = /** @type {HTMLInputElement} */ (form.elements.namedItem("why"));
  const value = /** @type {HTMLSelectElement} */ (form.elements.namedItem("value"));
  const undoButton = /** @type {HTMLButtonElement} */ (get("undo"));
  /** @type {number[][]} */
  const done = [];
  let flag = "";

  const begin = (/** @type {string} */ name) => {
    const rows = board.selected;
    if (!rows.length) return;
    flag = name;
    get("flagname").textContent = name.toLowerCase().replace("_", " ");
    const all = rows.every((at) => Number(board.data.flags[at]) & known.flags[name]);
    value.value = all ? "false" : "true";
    get("reasoning").hidden = false;
    why.focus();
  };
  const end = () => {
    get("reasoning").hidden = true;
    flag = "";
  };
  const take = (/** @type {any} */ answer) => {
    for (let at = 0; at < board.data.pk.length; at += 1) {
      const now = answer.flags[board.data.pk[at]];
      if (now !== undefined) board.data.flags[at] = now;
    }
    remark(board.data);
    changed();
  };
  const undo = async () => {
    const changes = done.pop();
    undoButton.disabled = !done.length;
    if (!changes) return;
    try {
      take(await call("POST", "/flags/undo", { body: { changes } }));
      toast("Taken back", { kind: "success", seconds: 4 });
    } catch (error) {
      toast(/** @type {Error} */ (error).message, { kind: "error" });
    }
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!flag) return;
    if (!why.value.trim()) {
      toast("Say why: the reason is kept with the flag", { kind: "info" });
      why.focus();
      return;
    }
    const ids = board.selected.map((at) => board.data.pk[at]);
    try {
      const answer = await call("POST", "/flags", { body: { ids, flag, value: JSON.parse(value.value), why: why.value } });
      if (answer.changes.length) done.push(answer.changes);
      undoButton.disabled = !done.length;
      take(answer);
      why.value = "";
      end();
      board.place.focus({ preventScroll: true });
      toast(`${answer.changes.length} of ${ids.length} points changed`, { kind: "success", action: "Undo", act: undo });
    } catch (error) {
      toast(/** @type {Error} */ (error).message, { kind: "error" });
    }
  });
  form.querySelectorAll("[data-flag]").forEach((button) =>
    button.addEventListener("click", () => begin(/** @type {HTMLElement} */ (button).dataset.flag ?? "")));
  undoButton.addEventListener("click", undo);
  get("none").addEventListener("click", () => board.select([]));
  document.addEventListener("keydown", (event) => {
    const typing = /** @type {Element} */ (event.target).closest?.("input:not([type=checkbox]), select, textarea");
    if (event.key === "Escape") end();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !known.flagger || !board.doc) return;
    if (KEYS[event.key]) {
      event.preventDefault();
      begin(KEYS[event.key]);
    } else if (event.key === "u") undo();
  });
  return (rows) => {
    form.hidden = !known.flagger || (!rows.length && !done.length);
    get("chosen").textContent = `${rows.length} selected`;
    if (!rows.length) end();
  };
}
