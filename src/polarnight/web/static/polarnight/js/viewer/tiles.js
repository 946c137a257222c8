/** Tiles of one plane of a frame: fetched, kept, looked up by pixel. */

const ARRAYS = {
  u1: Uint8Array, i1: Int8Array, "<u2": Uint16Array, "<i2": Int16Array, "<u4": Uint32Array,
  "<i4": Int32Array, "<f4": Float32Array, "<f8": Float64Array,
};
const KINDS = {
  u1: ["getUint8", 1], i1: ["getInt8", 1], "<u2": ["getUint16", 2], "<i2": ["getInt16", 2],
  "<u4": ["getUint32", 4], "<i4": ["getInt32", 4], "<f4": ["getFloat32", 4],
  "<f8": ["getFloat64", 8],
};
const LITTLE = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const AT_ONCE = 6;
const MOST = 400;

/** Turn the bytes of a tile into numbers.
 *  @param {ArrayBuffer} buffer @param {string} dtype of numpy, little-endian */
export function decode(buffer, dtype) {
  if (!(dtype in ARRAYS)) throw new Error(`tiles of the unknown type ${dtype}`);
  if (LITTLE) return new ARRAYS[dtype](buffer);
  const view = new DataView(buffer);
  const [method, size] = KINDS[dtype];
  return ARRAYS[dtype].from({ length: buffer.byteLength / size }, (_, i) => view[method](i * size, true));
}

export class TileSource {
  /**
   * @param {string} base address of the frame in the API
   * @param {{name: string, dtype: string, levels: number}} plane
   * @param {{width: number, height: number, tile: number, version: string}} frame
   * @param {() => void} changed called when a tile arrived
   * @param {(message: string) => void} failed
   */
  constructor(base, plane, frame, changed, failed) {
    Object.assign(this, { base, plane, frame, changed, failed });
    this.tiles = new Map();
    this.waiting = new Map();
    this.running = 0;
  }

  /** Number of columns and rows of tiles at a level. @param {number} level */
  size(level) {
    const count = (length) => Math.ceil(Math.ceil(length / 2 ** level) / this.frame.tile);
    return [count(this.frame.width), count(this.frame.height)];
  }

  /** A tile that is here, or undefined; one that is not is asked for where `ask`.
   *  @param {number} level @param {number} column @param {number} row @param {boolean} ask */
  get(level, column, row, ask = true) {
    const key = `${level}/${column}/${row}`;
    const found = this.tiles.get(key);
    if (found) {
      this.tiles.delete(key); // so that it is the one asked for last
      this.tiles.set(key, found);
      return found.values ? found : undefined;
    }
    if (ask && !this.waiting.has(key)) {
      this.waiting.set(key, null);
      this.#next();
    }
    return undefined;
  }

  /** Forget what was asked for and has not begun: the view has moved on. */
  forgetWaiting() {
    for (const [key, state] of this.waiting) if (state === null) this.waiting.delete(key);
  }

  /** The stored value of a pixel, undefined while its tile is not here.
   *  @param {number} x @param {number} y of FITS, rounded to the pixel */
  value(x, y, ask = true) {
    const [i, j] = [Math.round(x) - 1, Math.round(y) - 1];
    if (i < 0 || j < 0 || i >= this.frame.width || j >= this.frame.height) return null;
    const side = this.frame.tile;
    const [column, row] = [Math.floor(i / side), Math.floor(j / side)];
    const tile = this.get(0, column, row, ask);
    return tile && tile.values[(j - row * side) * tile.width + (i - column * side)];
  }

  #next() {
    for (const [key, state] of this.waiting) {
      if (this.running >= AT_ONCE) return;
      if (state === null) {
        this.waiting.set(key, "running");
        this.running += 1;
        this.#load(key).finally(() => {
          this.running -= 1;
          this.waiting.delete(key);
          this.#next();
        });
      }
    }
  }

  async #load(key) {
    try {
      const version = encodeURIComponent(this.frame.version);
      const response = await fetch(`${this.base}/tiles/${this.plane.name}/${key}?v=${version}`);
      if (!response.ok) throw new Error(await problemOf(response));
      const dtype = response.headers.get("X-Tile-Type") || this.plane.dtype;
      const width = Number(response.headers.get("X-Tile-Width"));
      const height = Number(response.headers.get("X-Tile-Height"));
      this.#keep(key, { values: decode(await response.arrayBuffer(), dtype), width, height });
    } catch (error) {
      this.#keep(key, {}); // not asked for again and again
      this.failed(`a part of the picture did not arrive: ${error.message}`);
    }
    this.changed();
  }

  #keep(key, tile) {
    this.tiles.set(key, tile);
    while (this.tiles.size > MOST) this.tiles.delete(this.tiles.keys().next().value);
  }
}

/** What an answer says is wrong. @param {Response} response */
export async function problemOf(response) {
  try {
    const problem = await response.json();
    return problem.detail || problem.title || `status ${response.status}`;
  } catch {
    return `status ${response.status}`;
  }
}
