/** The canvas: layers of pixels below, drawings above, redrawn once per change. */

import { drawApertures, drawCompass, drawScale, drawSources } from "./overlays.js";
import { Layer, prepare } from "./paint.js";
import { FlagLook, Look } from "./stretch.js";

export class Stage {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./view.js").View} view
   * @param {Record<string, import("./tiles.js").TileSource>} planes
   * @param {object[]} legend of the bits
   */
  constructor(canvas, view, planes, legend) {
    Object.assign(this, { canvas, view, planes, legend });
    this.layer = new Layer(planes.sci, null);
    this.flags = planes.bits ? new Layer(planes.bits, null) : null;
    /** Another frame that is shown in place of this one. @type {Layer | null} */
    this.other = null;
    this.showOther = false;
    this.chosenBits = 0;
    this.overlays = { apertures: [], sources: [] };
    this.shown = new Set();
    this.chosen = null;
    this.sky = null;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.#resize();
  }

  /** @param {{stretch: string, colours: string, low: number, high: number}} options */
  look(options) {
    this.layer.look = new Look(options);
    this.redraw();
  }

  /** @param {number} bits that are coloured, 0 for none */
  colourBits(bits) {
    this.chosenBits = bits;
    if (this.flags) this.flags.look = new FlagLook(this.legend, bits);
    this.redraw();
  }

  /** What may be clicked: what is drawn. */
  get clickable() {
    const { apertures, sources } = this.overlays;
    return [this.shown.has("apertures") ? apertures : [], this.shown.has("sources") ? this.inSight(sources) : []];
  }

  /** Sources by the plate solution that is chosen. */
  inSight(sources) {
    const keys = new Set(sources.map((one) => one.key));
    return sources.filter((one) => !keys.has(this.key) || one.key === this.key);
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.#draw();
    });
  }

  #resize() {
    this.view.resize(this.canvas.clientWidth, this.canvas.clientHeight);
    this.redraw();
  }

  #draw() {
    if (!this.layer.look) return;
    const density = devicePixelRatio || 1;
    const context = prepare(this.canvas, density);
    const below = this.other && this.showOther ? this.other : this.layer;
    let complete = below.draw(context, this.view, density);
    if (this.flags && this.chosenBits) complete = this.flags.draw(context, this.view, density) && complete;
    context.font = "12px system-ui, sans-serif";
    const [apertures, sources] = this.clickable;
    const measured = new Set(apertures.map((one) => one.source_id));
    const named = (one) => sources.length < 80 && !measured.has(one.id);
    drawSources(context, this.view, sources, this.chosen, named);
    drawApertures(context, this.view, apertures, this.chosen);
    if (this.shown.has("directions")) {
      if (this.sky) drawCompass(context, this.view, this.sky);
      drawScale(context, this.view, this.sky);
    }
    // For those who wait until the picture is there.
    this.canvas.dataset.complete = String(complete);
    this.canvas.dataset.shows = below === this.layer ? "own" : "other";
  }
}
