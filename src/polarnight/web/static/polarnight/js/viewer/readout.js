/** What is under the pointer: pixel, values, sky coordinates. */

import { call, query } from "../api.js";
import { formatDec, formatRa } from "./wcs.js";

/** A stored value, exactly: the shortest text that reads back as the same number of its type.
 *  @param {number} value @param {string} dtype of numpy */
export function exact(value, dtype) {
  if (Number.isNaN(value)) return "no data";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (dtype !== "<f4") return String(value);
  for (let digits = 6; digits <= 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

export class Readout {
  /**
   * @param {HTMLElement} place holds elements with data-readout
   * @param {{planes: Record<string, import("./tiles.js").TileSource>, bits: object[], unit: string,
   *   path: string}} frame
   */
  constructor(place, frame) {
    this.frame = frame;
    this.cells = {};
    for (const cell of place.querySelectorAll("[data-readout]")) this.cells[cell.dataset.readout] = cell;
    this.spot = null;
    this.sky = null;
    this.solution = null;
  }

  /** @param {object | null} solution as the server gives it @param {object | null} sky computed here */
  choose(solution, sky) {
    Object.assign(this, { solution, sky });
    this.show(this.spot);
  }

  /** @param {{x: number, y: number} | null} spot of FITS */
  show(spot) {
    this.spot = spot;
    this.#put("pixel", spot ? `${spot.x.toFixed(1)}, ${spot.y.toFixed(1)}` : "—");
    this.#showSky(spot);
    this.update();
  }

  /** Show the values of the pixel again: tiles may have come. */
  update() {
    const { planes, unit, bits } = this.frame;
    const at = (name) => (this.spot && planes[name] ? planes[name].value(this.spot.x, this.spot.y) : null);
    const [value, variance, flags] = ["sci", "var", "bits"].map(at);
    const told = (one, text) => (one === undefined ? "…" : one === null ? "—" : text(one));
    this.#put("value", told(value, (v) => `${exact(v, planes.sci.plane.dtype)} ${unit}`));
    this.#put("sigma", told(variance, (v) => (v >= 0 ? `± ${Math.sqrt(v).toPrecision(4)}` : "no data")));
    const names = (v) => bits.filter((bit) => v & bit.value).map((bit) => bit.short);
    this.#put("bits", told(flags, (v) => names(v).join(", ") || "none"));
  }

  #showSky(spot) {
    clearTimeout(this.asking);
    if (!spot || !this.solution) {
      this.#putSky(null);
    } else if (this.sky) {
      this.#putSky(this.sky.toSky(spot.x, spot.y));
    } else {
      this.#put("ra", "…");
      this.#put("dec", "…");
      this.asking = setTimeout(() => this.#ask(spot), 150);
    }
  }

  /** Other projections: the server knows them. */
  async #ask(spot) {
    try {
      const found = await call("GET", `${this.frame.path}/sky${query({ x: spot.x, y: spot.y, key: this.solution.key })}`);
      if (spot === this.spot) this.#putSky(found.ra === null ? null : found);
    } catch {
      if (spot === this.spot) this.#putSky(null);
    }
  }

  #putSky(place) {
    this.#put("ra", place ? formatRa(place.ra) : "—");
    this.#put("dec", place ? formatDec(place.dec) : "—");
    this.#put("degrees", place ? `${place.ra.toFixed(6)} ${place.dec < 0 ? "−" : "+"}${Math.abs(place.dec).toFixed(6)}` : "—");
  }

  #put(name, text) {
    const cell = this.cells[name];
    if (cell && cell.textContent !== text) cell.textContent = text;
  }
}
