/** From pixel values to colours: limits, stretch and colour map in one table. */

import { colour } from "./colours.js";

export const STRETCHES = { linear: "linear", sqrt: "square root", log: "logarithm", asinh: "asinh" };

const LOG = 1000;
const ASINH = 0.1;
const STEPS = 65536;
const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Bend a share of the range; the formulas are those of the server's pictures.
 *  @param {string} name @param {number} share 0 to 1 @returns {number} 0 to 1 */
export function bend(name, share) {
  const s = Math.min(Math.max(share, 0), 1);
  if (name === "log") return Math.log1p(LOG * s) / Math.log1p(LOG);
  if (name === "asinh") return Math.asinh(s / ASINH) / Math.asinh(1 / ASINH);
  return name === "sqrt" ? Math.sqrt(s) : s;
}

/** One pixel of ImageData as a 32-bit number.
 *  @param {number} r @param {number} g @param {number} b @param {number} a */
export function pack(r, g, b, a) {
  return (LITTLE ? (a << 24) | (b << 16) | (g << 8) | r : (r << 24) | (g << 16) | (b << 8) | a) >>> 0;
}

/** How values are shown: `paint` turns an array of them into pixels. */
export class Look {
  /** @param {{stretch: string, colours: string, low: number, high: number}} options */
  constructor({ stretch, colours, low, high }) {
    Object.assign(this, { stretch, colours, low, high: high > low ? high : low + 1 });
    this.id = [stretch, colours, this.low, this.high].join(" ");
    this.table = new Uint32Array(STEPS);
    for (let i = 0; i < STEPS; i += 1) {
      this.table[i] = pack(...colour(colours, bend(stretch, i / (STEPS - 1))), 255);
    }
  }

  /** Paint values, the first row at the bottom; what is no number stays transparent.
   *  @param {ArrayLike<number>} values @param {number} width @param {number} height
   *  @param {Uint32Array} pixels */
  paint(values, width, height, pixels) {
    const { low, table } = this;
    const scale = (STEPS - 1) / (this.high - low);
    for (let y = 0; y < height; y += 1) {
      let to = (height - 1 - y) * width;
      for (let from = y * width; from < (y + 1) * width; from += 1, to += 1) {
        const value = values[from];
        if (!Number.isFinite(value)) {
          pixels[to] = 0;
          continue;
        }
        const at = (value - low) * scale + 0.5;
        pixels[to] = table[at <= 0 ? 0 : at >= STEPS - 1 ? STEPS - 1 : at | 0];
      }
    }
  }
}

const FLAG_COLOURS = [
  [255, 60, 60], [255, 140, 0], [255, 220, 0], [0, 220, 120], [0, 200, 255],
  [90, 120, 255], [190, 90, 255], [255, 90, 200], [160, 160, 160],
];

/** Colour of a bit in the overlay.
 *  @param {number} rank of the bit, the worst is 0 */
export function flagColour(rank) {
  return FLAG_COLOURS[rank % FLAG_COLOURS.length];
}

/** How bits are shown: a pixel has the colour of the worst of its bits that are chosen. */
export class FlagLook {
  /** @param {{value: number}[]} legend worst first @param {number} chosen bits */
  constructor(legend, chosen) {
    this.id = `flags ${chosen}`;
    this.bits = legend
      .map((bit, rank) => ({ value: bit.value, pixel: pack(...flagColour(rank), 190) }))
      .filter((bit) => bit.value & chosen);
  }

  /** See `Look.paint`. */
  paint(values, width, height, pixels) {
    for (let y = 0; y < height; y += 1) {
      let to = (height - 1 - y) * width;
      for (let from = y * width; from < (y + 1) * width; from += 1, to += 1) {
        const value = values[from];
        const bit = value ? this.bits.find((one) => value & one.value) : undefined;
        pixels[to] = bit ? bit.pixel : 0;
      }
    }
  }
}
