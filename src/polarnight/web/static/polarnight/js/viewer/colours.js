/** Colour maps, as tables of red, green and blue. */

/** 33 points of matplotlib's viridis, between which colours are linear. */
const VIRIDIS =
  "440154 470d60 48186a 482374 472d7b 453781 424086 3e4989 3b528b 375b8d 33638d " +
  "2f6b8e 2c728e 297a8e 26828e 23898e 21918c 1f988b 1fa088 22a785 28ae80 32b67a " +
  "3fbc73 4ec36b 5ec962 70cf57 84d44b 98d83e addc30 c2df23 d8e219 ece51b fde725";

export const COLOURS = {
  grey: "grey",
  inverted: "grey, inverted",
  viridis: "viridis",
};

/** @param {string} text six hexadecimal digits
 *  @returns {number[]} red, green, blue */
function parse(text) {
  return [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16));
}

const POINTS = {
  grey: [[0, 0, 0], [255, 255, 255]],
  inverted: [[255, 255, 255], [0, 0, 0]],
  viridis: VIRIDIS.split(" ").map(parse),
};

/** The colour of a share of the range.
 *  @param {string} name of the map
 *  @param {number} share 0 to 1
 *  @returns {number[]} red, green, blue */
export function colour(name, share) {
  const points = POINTS[name] || POINTS.grey;
  const place = Math.min(Math.max(share, 0), 1) * (points.length - 1);
  const below = Math.min(Math.floor(place), points.length - 2);
  const part = place - below;
  return points[below].map((low, i) =>
    Math.round(low + (points[below + 1][i] - low) * part));
}
