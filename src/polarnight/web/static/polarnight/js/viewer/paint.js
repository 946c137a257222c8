/** Painting tiles on the canvas. */

import { placed } from "./placed.js";

/** A plane as it is shown: its tiles, painted with a look, drawn where the view says. */
export class Layer {
  /** @param {import("./tiles.js").TileSource} source @param {{id: string, paint: Function}} look */
  constructor(source, look) {
    this.source = source;
    this.look = look;
    this.painted = new WeakMap();
    /** How its pixels lie on those of the view, where it is another frame. @type {number[] | null} */
    this.matrix = null;
  }

  /**
   * Draw what is here, coarse tiles below fine ones, and ask for what is missing.
   * @param {CanvasRenderingContext2D} context scaled to CSS pixels
   * @param {import("./view.js").View} view
   * @param {number} density device pixels per CSS pixel
   * @returns {boolean} whether everything that is to be seen is here
   */
  draw(context, view, density) {
    if (!this.matrix) return this.#draw(context, view, density);
    const { own, transform } = placed(view, this.matrix, this.source.frame);
    context.save();
    context.transform(...transform);
    const complete = this.#draw(context, own, density);
    context.restore();
    return complete;
  }

  #draw(context, view, density) {
    const { levels } = this.source.plane;
    const wanted = view.level(levels, density);
    const corners = [view.toScreen(0.5, view.height + 0.5), view.toScreen(view.width + 0.5, 0.5)];
    context.save();
    context.beginPath();
    context.rect(...corners[0], corners[1][0] - corners[0][0], corners[1][1] - corners[0][1]);
    context.clip();
    context.imageSmoothingEnabled = view.zoom * density < 1;
    this.source.forgetWaiting();
    let complete = true;
    for (let level = levels - 1; level >= wanted; level -= 1) {
      const ask = level === wanted || level === levels - 1;
      const whole = this.#drawLevel(context, view, level, ask);
      if (level === wanted) complete = whole;
    }
    context.restore();
    return complete;
  }

  #drawLevel(context, view, level, ask) {
    const side = this.source.frame.tile * 2 ** level;
    const low = view.toPixel(0, view.screenHeight);
    const high = view.toPixel(view.screenWidth, 0);
    const [columns, rows] = this.source.size(level);
    const clamp = (value, most) => Math.min(Math.max(value, 0), most - 1);
    const first = [clamp(Math.floor((low.x - 0.5) / side), columns), clamp(Math.floor((low.y - 0.5) / side), rows)];
    const last = [clamp(Math.floor((high.x - 0.5) / side), columns), clamp(Math.floor((high.y - 0.5) / side), rows)];
    let complete = true;
    for (let row = first[1]; row <= last[1]; row += 1) {
      for (let column = first[0]; column <= last[0]; column += 1) {
        const tile = this.source.get(level, column, row, ask);
        if (!tile) {
          complete = false;
          continue;
        }
        const [x, y] = [column * side + 0.5, row * side + 0.5];
        const [left, top] = view.toScreen(x, y + tile.height * 2 ** level);
        const scale = view.zoom * 2 ** level;
        context.drawImage(this.#picture(tile), left, top, tile.width * scale, tile.height * scale);
      }
    }
    return complete;
  }

  #picture(tile) {
    const known = this.painted.get(tile);
    if (known && known.id === this.look.id) return known.canvas;
    const canvas = known ? known.canvas : document.createElement("canvas");
    canvas.width = tile.width;
    canvas.height = tile.height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(tile.width, tile.height);
    this.look.paint(tile.values, tile.width, tile.height, new Uint32Array(image.data.buffer));
    context.putImageData(image, 0, 0);
    this.painted.set(tile, { id: this.look.id, canvas });
    return canvas;
  }
}

/** Give a canvas the size of its place on the page; returns the context, scaled to CSS pixels.
 *  @param {HTMLCanvasElement} canvas @param {number} density */
export function prepare(canvas, density) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
