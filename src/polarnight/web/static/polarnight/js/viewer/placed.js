/** A frame that lies turned and shifted on another. */

import { View } from "./view.js";

/**
 * The view of a frame of its own, upright and as fine as on the screen, and how the canvas is to be
 * turned so that it lies where it belongs.
 * @param {View} view of the frame below
 * @param {number[]} matrix [a, b, c, d, e, f]: x' = a x + c y + e, y' = b x + d y + f, FITS pixels
 * @param {{width: number, height: number}} frame
 * @returns {{own: View, transform: number[]}} transform as canvases take it
 */
export function placed(view, matrix, { width, height }) {
  const [a, b, c, d, e, f] = matrix;
  const area = a * d - b * c;
  const scale = Math.sqrt(Math.abs(area));
  const [dx, dy] = [view.x - e, view.y - f];
  // Wide enough for every angle.
  const side = Math.hypot(view.screenWidth, view.screenHeight);
  const own = Object.assign(new View(width, height), {
    x: (d * dx - c * dy) / area,
    y: (a * dy - b * dx) / area,
    zoom: view.zoom * scale,
    screenWidth: side,
    screenHeight: side,
    fitted: false,
  });
  // On the screen y grows downwards.
  const [ta, tb, tc, td] = [a / scale, -b / scale, -c / scale, d / scale];
  const middle = side / 2;
  return {
    own,
    transform: [
      ta, tb, tc, td,
      view.screenWidth / 2 - (ta + tc) * middle, view.screenHeight / 2 - (tb + td) * middle,
    ],
  };
}
