/** Colour maps, as tables of red, green and blue. */

/** Every fifth colour of matplotlib's viridis, between which colours are linear. */
const VIRIDIS =
  "440154 46085c 471063 481769 481d6f 482475 472a7a 46307e 453781 433d84 414287 3f4889 3d4e8a " +
  "3a538b 38598c 355e8d 33638d 31688e 2e6d8e 2c718e 2a768e 297b8e 27808e 25848e 23898e 218e8d " +
  "20928c 1f978b 1e9c89 1fa188 21a585 24aa83 28ae80 2eb37c 35b779 3dbc74 46c06f 50c46a 5ac864 " +
  "65cb5e 70cf57 7cd250 89d548 95d840 a2da37 b0dd2f bddf26 cae11f d8e219 e5e419 f1e51d fde725";

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
