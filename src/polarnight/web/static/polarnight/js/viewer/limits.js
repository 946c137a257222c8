/** Limits between black and white: presets, numbers, and two sliders on a histogram. */

import { colour } from "./colours.js";
import { bend } from "./stretch.js";

const STEPS = 1000;

/** Limits of a preset. @param {object} figures of the plane @param {string} name
 *  @returns {[number, number]} */
export function preset(figures, name) {
  const percent = figures.percentiles;
  const found = {
    zscale: figures.zscale,
    minmax: [figures.min, figures.max],
    99: percent && [percent["0.5"], percent["99.5"]],
    98: percent && [percent["1"], percent["99"]],
    90: percent && [percent["5"], percent["95"]],
  }[name] || figures.zscale;
  const [low, high] = found || [0, 1];
  return high > low ? [low, high] : [low, low + 1];
}

export class Limits {
  /**
   * @param {HTMLElement} place holds the controls
   * @param {object} figures of the plane
   * @param {() => void} changed
   */
  constructor(place, figures, changed) {
    Object.assign(this, { figures, changed });
    this.canvas = place.querySelector("canvas");
    this.preset = place.querySelector("select[name=limits]");
    this.numbers = ["low", "high"].map((name) => place.querySelector(`input[name=${name}]`));
    this.sliders = ["low", "high"].map((name) => place.querySelector(`input[name=${name}-slider]`));
    this.from = figures.histogram_min ?? 0;
    this.to = figures.histogram_max ?? 1;
    [this.low, this.high] = preset(figures, "zscale");
    this.preset.addEventListener("change", () => {
      if (this.preset.value !== "own") this.#take(...preset(figures, this.preset.value), this.preset.value);
    });
    this.numbers.forEach((input) => input.addEventListener("change", () => {
      const [low, high] = this.numbers.map((one) => Number(one.value));
      if (Number.isFinite(low + high) && high > low) this.#take(low, high, "own");
      else this.#show();
    }));
    this.sliders.forEach((input, which) => {
      input.max = String(STEPS);
      input.addEventListener("input", () => this.#slide(which, Number(input.value)));
    });
  }

  /** @param {{limits?: string, low?: number, high?: number}} state */
  restore({ limits, low, high }) {
    if (low !== undefined && high !== undefined && high > low) this.#set(low, high, "own");
    else this.#set(...preset(this.figures, limits), limits || "zscale");
  }

  /** What a permalink says of it. */
  get state() {
    return this.preset.value === "own"
      ? { low: this.low, high: this.high }
      : { limits: this.preset.value === "zscale" ? "" : this.preset.value };
  }

  #slide(which, step) {
    const value = this.from + ((this.to - this.from) * step) / STEPS;
    const least = (this.to - this.from) / STEPS;
    if (which === 0) this.#take(Math.min(value, this.high - least), this.high, "own");
    else this.#take(this.low, Math.max(value, this.low + least), "own");
  }

  #take(low, high, name) {
    this.#set(low, high, name);
    this.changed();
  }

  #set(low, high, name) {
    Object.assign(this, { low, high });
    this.preset.value = name;
    if (!this.preset.value) this.preset.value = "zscale";
    this.#show();
  }

  #show() {
    const step = (value) => Math.round(((value - this.from) / (this.to - this.from)) * STEPS);
    [this.low, this.high].forEach((value, i) => {
      this.numbers[i].value = String(Number(value.toPrecision(6)));
      this.sliders[i].value = String(Math.min(Math.max(step(value), 0), STEPS));
    });
  }

  /** Draw the histogram (logarithmic counts), in the colours of the picture below it.
   *  @param {string} stretch @param {string} colours */
  draw(stretch, colours) {
    const density = devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width) return;
    this.canvas.width = width * density;
    this.canvas.height = height * density;
    const context = this.canvas.getContext("2d");
    context.scale(density, density);
    const counts = this.figures.histogram;
    const most = Math.log1p(Math.max(...counts, 1));
    const bar = height - 10;
    context.fillStyle = getComputedStyle(this.canvas).color;
    counts.forEach((count, i) => {
      const tall = (Math.log1p(count) / most) * (bar - 2);
      context.fillRect((i * width) / counts.length, bar - tall, width / counts.length + 0.5, tall);
    });
    for (let x = 0; x < width; x += 1) {
      const value = this.from + ((this.to - this.from) * x) / width;
      const share = (value - this.low) / (this.high - this.low);
      context.fillStyle = `rgb(${colour(colours, bend(stretch, share)).join(" ")})`;
      context.fillRect(x, bar, 1, 10);
    }
    context.fillStyle = getComputedStyle(this.canvas).borderColor;
    for (const value of [this.low, this.high]) {
      context.fillRect(((value - this.from) / (this.to - this.from)) * width - 1, 0, 2, bar);
    }
  }
}
