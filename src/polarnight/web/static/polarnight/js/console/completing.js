// Completion: candidates from the server under a text field, chosen by keys or pointer.

import { call } from "../api.js";
import { element, fill } from "../dom.js";

/** A list of candidates for a text field. */
export class Completion {
  /**
   * @param {HTMLTextAreaElement} field
   * @param {HTMLElement} list
   * @param {() => Record<string, string>} place where the client is
   */
  constructor(field, list, place) {
    this.field = field;
    this.list = list;
    this.place = place;
    /** @type {{text: string, start: number, about: string}[]} */ this.found = [];
    this.chosen = -1;
    this.turn = 0;
  }

  get open() {
    return !this.list.hidden;
  }

  close() {
    this.turn += 1;
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  /** Ask for candidates; what all of them begin with is put in at once. */
  async ask() {
    const mine = ++this.turn;
    const line = this.field.value.slice(0, this.field.selectionStart);
    const found = await call("POST", "/ophidia/complete", { body: { line, ...this.place() } });
    if (mine !== this.turn) return;
    this.found = found;
    if (!found.length) return this.close();
    if (found.length === 1) return this.take(0);
    const typed = line.slice(line.length + found[0].start);
    const common = found.map((/** @type {any} */ one) => one.text).reduce(commonStart);
    if (common.length > typed.length && common.toLowerCase().startsWith(typed.toLowerCase())) {
      this.put(common, found[0].start);
      this.found = found.map((/** @type {any} */ one) => ({ ...one, start: -common.length }));
    }
    this.show();
  }

  show() {
    this.chosen = 0;
    fill(this.list, ...this.found.map((one, n) =>
      element("li", { role: "option", id: `candidate-${n}`,
        onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.take(n); } },
        element("code", { text: one.text }), element("span", { text: one.about }))));
    this.list.hidden = false;
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === this.chosen)));
    this.list.children[this.chosen]?.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", `candidate-${this.chosen}`);
  }

  /** @param {number} step */
  move(step) {
    this.chosen = (this.chosen + step + this.found.length) % this.found.length;
    this.mark();
  }

  /** @param {number} [n] */
  take(n = this.chosen) {
    const one = this.found[n];
    this.close();
    if (one) this.put(one.text, one.start);
  }

  /** @param {string} text @param {number} start counted back from the cursor */
  put(text, start) {
    const at = this.field.selectionStart;
    this.field.setRangeText(text, Math.max(0, at + start), at, "end");
    this.field.dispatchEvent(new Event("input"));
  }
}

function commonStart(/** @type {string} */ a, /** @type {string} */ b) {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n += 1;
  return a.slice(0, n);
}
