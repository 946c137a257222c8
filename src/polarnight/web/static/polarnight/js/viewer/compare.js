/** Another frame of the same field in place of this one: by hand, or blinking. */

import { BASE, call } from "../api.js";
import { toast } from "../dom.js";
import { preset } from "./limits.js";
import { Layer } from "./paint.js";
import { Look } from "./stretch.js";
import { TileSource } from "./tiles.js";

const PERIOD = 700; // ms

export class Compare {
  /**
   * @param {string} path of this frame in the API
   * @param {HTMLElement} place holds the controls
   * @param {import("./stage.js").Stage} stage
   * @param {() => {stretch: string, colours: string}} style of this frame
   * @param {() => void} changed
   */
  constructor(path, place, stage, style, changed) {
    Object.assign(this, { path, stage, style, changed });
    this.select = place.querySelector("select");
    this.blinking = place.querySelector("input[name=blink]");
    this.flipButton = place.querySelector("button[name=flip]");
    this.told = place.querySelector("[data-shown]");
    this.how = place.querySelector("[data-how]");
    this.select.addEventListener("change", () => this.choose(this.select.value));
    this.flipButton.addEventListener("click", () => this.flip());
    this.blinking.addEventListener("change", () => this.#blink());
    this.#enable();
  }

  /** Kind and number of the other frame, such as `raw-5`. */
  get state() {
    return this.select.value;
  }

  /** @param {string} name such as `raw-5`; empty for none */
  async choose(name) {
    this.select.value = name || "";
    if (this.select.selectedIndex < 0) this.select.value = ""; // an old link
    const [kind, pk] = this.select.value.split("-");
    this.stage.other = null;
    this.stage.showOther = false;
    if (kind) {
      try {
        await this.#load(`/frames/${kind}/${pk}`);
        this.stage.showOther = true;
      } catch (error) {
        toast(`The other frame cannot be shown: ${error.message}`, { kind: "error" });
        this.select.value = "";
      }
    }
    this.#enable();
    this.#blink();
    this.changed();
    this.stage.redraw();
  }

  flip() {
    if (!this.stage.other) return;
    this.stage.showOther = !this.stage.showOther;
    this.#tell();
    this.stage.redraw();
  }

  /** Show the other frame in the style of this one, with limits of its own. */
  restyle() {
    if (this.stage.other) {
      const [low, high] = preset(this.figures, "zscale");
      this.stage.other.look = new Look({ ...this.style(), low, high });
    }
  }

  async #load(path) {
    const [meta, lies] = await Promise.all([
      call("GET", `${path}/image`),
      call("GET", `${path}/onto${this.path.replace("/frames", "")}`),
    ]);
    this.figures = meta.statistics;
    const redraw = () => this.stage.redraw();
    const source = new TileSource(`${BASE}${path}`, meta.planes[0], meta, redraw, (text) => toast(text, { kind: "error" }));
    this.stage.other = new Layer(source, null);
    this.stage.other.matrix = lies.matrix;
    this.how.textContent = this.#words(meta, lies);
    this.restyle();
  }

  #words(meta, lies) {
    if (lies.by_sky) return `Laid over this one by the plate solutions of both, to ${lies.rms.toFixed(2)} pixels.`;
    const { width, height } = this.stage.view;
    const alike = meta.width === width && meta.height === height;
    const sizes = `; it has ${meta.width} × ${meta.height} pixels, this one ${width} × ${height}: the lower left corners coincide`;
    return `Laid pixel on pixel: ${lies.why}${alike ? "" : sizes}.`;
  }

  #blink() {
    clearInterval(this.timer);
    if (this.blinking.checked && this.stage.other) this.timer = setInterval(() => this.flip(), PERIOD);
    this.#tell();
  }

  #enable() {
    this.flipButton.disabled = !this.stage.other;
    this.blinking.disabled = !this.stage.other;
    if (!this.stage.other) this.blinking.checked = false;
    this.#tell();
  }

  #tell() {
    const { selectedOptions } = this.select;
    this.how.hidden = !this.stage.other;
    this.told.hidden = !(this.stage.other && this.stage.showOther);
    this.told.textContent = `shown: ${selectedOptions[0]?.textContent ?? ""}`;
  }
}
