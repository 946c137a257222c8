/** Flags, comment and history of a row: shown, changed with a reason, undone. */

import { call } from "../api.js";
import { element, fill, toast } from "../dom.js";

const mood = (name) =>
  /ERROR|^BAD/.test(name) ? "bad" : /^(DOWNLOADED|CLASSIFIED|BUILT_REDUCED|LISTED|HOST_CORRECTED)$/.test(name) ? "good" : "warn";

/** @param {HTMLElement} place @param {string} path of the row in the API
 *  @param {{flag: boolean, comment: boolean}} may what the user may do */
export function showJudgement(place, path, may) {
  const part = (name) => place.querySelector(`[data-part=${name}]`);
  const dialog = place.querySelector("dialog");
  const reason = dialog.querySelector("[name=why]");
  let pending = null;

  const change = async (action, body, done) => {
    try {
      show(await call("POST", `${path}/${action}`, { body }));
      toast(done, { kind: "success", ...(action === "flags" ? { action: "Undo", act: undo } : {}) });
      return true;
    } catch (error) {
      toast(error.message, { kind: "error" });
      return false;
    }
  };
  const undo = () => change("undo", undefined, "The decision before is in force again");

  const ask = (flag, value) => {
    pending = { flag: flag.name, value };
    const verb = value === null ? "Leave to the pipeline" : value ? "Set" : "Clear";
    dialog.querySelector("h3").textContent = `${verb}: ${flag.name}`;
    reason.value = "";
    reason.required = value !== null;
    dialog.showModal();
    reason.focus();
  };

  const flagRow = (flag) => {
    const by = flag.human !== null ? "a person" : flag.machine ? "the pipeline" : "";
    const button = (text, value) =>
      element("button", { type: "button", class: "quiet small", text, onclick: () => ask(flag, value) });
    const actions = may.flag ? [button(flag.on ? "Clear" : "Set", !flag.on)] : [];
    if (may.flag && flag.human !== null) actions.push(button("Leave to pipeline", null));
    return element("tr", {},
      element("th", { scope: "row" }, element("code", { text: flag.name })),
      element("td", {}, element("span", { class: flag.on ? `chip ${mood(flag.name)}` : "dim", text: flag.on ? "set" : "—" })),
      element("td", { class: "dim", text: by }),
      element("td", { class: "num" }, ...actions));
  };

  const show = (state) => {
    fill(part("flags"), ...state.flags.map(flagRow));
    fill(part("history"), ...state.history.map((entry) =>
      element("li", {},
        element("span", { class: "dim nowrap", text: `${entry.when} ` }),
        element("b", { text: entry.who }), `: ${entry.what}`,
        entry.why && entry.why !== entry.what ? element("span", { class: "dim", text: ` — ${entry.why}` }) : null)));
    part("no-history").hidden = state.history.length > 0;
    part("undo").hidden = !(may.flag && state.can_undo);
    showComment(state);
  };

  /** The server has sanitised it; it is parsed apart and scripts are not run. */
  const showComment = (state) => {
    const parsed = new DOMParser().parseFromString(state.comment_html, "text/html");
    fill(part("comment"), ...parsed.body.childNodes);
    part("comment").hidden = !state.comment;
    const text = place.querySelector("textarea[name=text]");
    if (text) text.value = state.comment;
  };

  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!pending) return;
    const [body, done] = [{ ...pending, why: reason.value }, `${pending.flag}: kept, with your name`];
    if (await change("flags", body, done)) dialog.close();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  part("undo").addEventListener("click", undo);
  place.querySelector("[data-part=comment-form]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    change("comment", { text: event.target.elements.text.value }, "The comment is kept");
  });
  call("GET", `${path}/judgement`).then(show, (error) => {
    part("no-history").textContent = `Flags cannot be shown: ${error.message}`;
  });
}
