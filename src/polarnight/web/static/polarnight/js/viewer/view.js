/** Where the frame lies on the canvas. Pixels are those of FITS; y grows upwards. */

const SMALLEST = 1 / 64;
const LARGEST = 64;

export class View {
  /** @param {number} width @param {number} height of the frame in pixels */
  constructor(width, height) {
    Object.assign(this, { width, height, screenWidth: 1, screenHeight: 1 });
    this.x = (width + 1) / 2;
    this.y = (height + 1) / 2;
    /** CSS pixels of the screen per pixel of the frame. */
    this.zoom = 1;
    /** Whether the whole frame is shown, also when the window changes. */
    this.fitted = true;
  }

  /** @param {number} width @param {number} height of the canvas in CSS pixels */
  resize(width, height) {
    Object.assign(this, { screenWidth: Math.max(1, width), screenHeight: Math.max(1, height) });
    if (this.fitted) this.fit();
  }

  /** Show the whole frame. */
  fit() {
    this.x = (this.width + 1) / 2;
    this.y = (this.height + 1) / 2;
    const zoom = Math.min(this.screenWidth / this.width, this.screenHeight / this.height);
    this.zoom = Math.min(Math.max(zoom, SMALLEST), LARGEST);
    this.fitted = true;
  }

  /** @param {number} x @param {number} y @param {number} [zoom] */
  centre(x, y, zoom = this.zoom) {
    this.zoom = Math.min(Math.max(zoom, SMALLEST), LARGEST);
    this.x = Math.min(Math.max(x, 0.5), this.width + 0.5);
    this.y = Math.min(Math.max(y, 0.5), this.height + 0.5);
    this.fitted = false;
  }

  /** Move the frame on the screen. @param {number} dx to the right @param {number} dy down */
  drag(dx, dy) {
    this.centre(this.x - dx / this.zoom, this.y + dy / this.zoom);
  }

  /** Zoom so that what is at a place of the screen stays there.
   *  @param {number} factor @param {number} sx @param {number} sy */
  zoomAt(factor, sx = this.screenWidth / 2, sy = this.screenHeight / 2) {
    const { x, y } = this.toPixel(sx, sy);
    const zoom = Math.min(Math.max(this.zoom * factor, SMALLEST), LARGEST);
    const [ox, oy] = [sx - this.screenWidth / 2, sy - this.screenHeight / 2];
    this.centre(x - ox / zoom, y + oy / zoom, zoom);
  }

  /** @param {number} sx @param {number} sy of the screen, from its upper left corner */
  toPixel(sx, sy) {
    return {
      x: this.x + (sx - this.screenWidth / 2) / this.zoom,
      y: this.y - (sy - this.screenHeight / 2) / this.zoom,
    };
  }

  /** @param {number} x @param {number} y @returns {[number, number]} of the screen */
  toScreen(x, y) {
    return [
      this.screenWidth / 2 + (x - this.x) * this.zoom,
      this.screenHeight / 2 - (y - this.y) * this.zoom,
    ];
  }

  /** Whether a pixel is one of the frame. @param {number} x @param {number} y */
  holds(x, y) {
    return x >= 0.5 && y >= 0.5 && x < this.width + 0.5 && y < this.height + 0.5;
  }

  /** The level of the pyramid whose pixels are at least as fine as those of the screen.
   *  @param {number} levels @param {number} density device pixels per CSS pixel */
  level(levels, density) {
    const wanted = Math.floor(Math.log2(1 / (this.zoom * density)) + 1e-6);
    return Math.min(Math.max(wanted, 0), levels - 1);
  }
}
