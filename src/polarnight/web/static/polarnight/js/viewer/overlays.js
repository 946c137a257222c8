/** What is drawn over the picture: apertures, sources, directions, a scale. */

const COLOURS = { O: "#ff5d5d", E: "#ffb454", source: "#5cc8ff", calibrator: "#7ee787", ink: "#ffffff" };
const HALO = "rgb(0 0 0 / 65%)";
const RIM = "rgb(0 0 0 / 85%)";
const NEAR = 14; // CSS pixels around a click

/** Stroke with a dark rim, so that lines are seen on black and on white. */
function stroke(context, colour, width = 1.5) {
  context.strokeStyle = HALO;
  context.lineWidth = width + 2;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}

/** Write in white on a dark rim: what is coloured is the sign, which the text stands beside. */
function label(context, text, x, y) {
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = RIM;
  context.strokeText(text, x, y);
  context.fillStyle = COLOURS.ink;
  context.fillText(text, x, y);
}

function circle(context, view, one, radius) {
  const [x, y] = view.toScreen(one.x, one.y);
  context.beginPath();
  context.arc(x, y, radius * view.zoom, 0, 2 * Math.PI);
}

/** Apertures: solid the ordinary image, dashed the extraordinary one; thin the annulus of the sky. */
export function drawApertures(context, view, apertures, chosen) {
  const pairs = new Set(apertures.map((one) => one.pair)).size > 1;
  for (const one of apertures) {
    const colour = COLOURS[one.pair] || COLOURS.O;
    context.setLineDash(one.pair === "E" ? [5, 3] : []);
    if (one.r) {
      circle(context, view, one, one.r);
      stroke(context, colour, one === chosen ? 3 : 1.5);
    }
    context.setLineDash([2, 3]);
    for (const radius of [one.r_in, one.r_out]) {
      if (radius && radius * view.zoom > 6) {
        circle(context, view, one, radius);
        stroke(context, colour, 0.8);
      }
    }
    context.setLineDash([]);
    const [x, y] = view.toScreen(one.x, one.y);
    const away = Math.max((one.r || 4) * view.zoom, 5) * 0.72;
    // The name once: the dashed circle near by is the other image of the same source.
    if (one.pair !== "E" || !pairs) label(context, one.source, x + away + 3, y - away - 2);
  }
}

/** Sources of the catalogue: diamonds, calibrators squares.
 *  @param {(one: object) => boolean} named whether to write the name */
export function drawSources(context, view, sources, chosen, named) {
  for (const one of sources) {
    const [x, y] = view.toScreen(one.x, one.y);
    const size = 8;
    context.beginPath();
    if (one.calibrator) context.rect(x - size * 0.8, y - size * 0.8, 1.6 * size, 1.6 * size);
    else {
      context.moveTo(x, y - size);
      [[x + size, y], [x, y + size], [x - size, y]].forEach((corner) => context.lineTo(...corner));
      context.closePath();
    }
    const colour = one.calibrator ? COLOURS.calibrator : COLOURS.source;
    stroke(context, colour, one === chosen ? 3 : 1.5);
    if (named(one)) label(context, one.name, x + size + 3, y + size + 10);
  }
}

/** Arrows to north and east, in the upper right corner. */
export function drawCompass(context, view, sky) {
  const { north, east } = sky.compass(view.x, view.y);
  const length = 34;
  const [x, y] = [view.screenWidth - 64, 64];
  for (const [name, way] of [["N", north], ["E", east]]) {
    if (!way) continue;
    const [dx, dy] = [way[0] * length, -way[1] * length];
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + dx, y + dy);
    for (const side of [-0.5, 0.5]) {
      const turn = Math.atan2(dy, dx) + Math.PI + side;
      context.moveTo(x + dx, y + dy);
      context.lineTo(x + dx + 8 * Math.cos(turn), y + dy + 8 * Math.sin(turn));
    }
    stroke(context, COLOURS.ink);
    context.textAlign = "center";
    context.textBaseline = "middle";
    label(context, name, x + dx * 1.35, y + dy * 1.35);
    context.textAlign = "start";
    context.textBaseline = "alphabetic";
  }
}

const ROUND = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000];

/** The longest round length that is at most `most` long, and its text.
 *  @param {number} most CSS pixels @param {number} size of an arcsecond in CSS pixels */
export function roundLength(most, size) {
  const arcsec = [...ROUND].reverse().find((one) => one * size <= most) || most / size;
  const text = arcsec >= 3600 ? `${arcsec / 3600}°` : arcsec >= 60 ? `${arcsec / 60}′` : `${+arcsec.toPrecision(2)}″`;
  return { length: arcsec * size, text };
}

/** A bar of a round length, in the lower left corner; in pixels where there is no sky. */
export function drawScale(context, view, sky) {
  const most = Math.min(160, view.screenWidth / 3);
  let bar;
  if (sky) bar = roundLength(most, view.zoom / sky.scale);
  else {
    const power = 10 ** Math.floor(Math.log10(most / view.zoom));
    const pixels = [5, 2, 1].map((one) => one * power).find((one) => one * view.zoom <= most) || power;
    bar = { length: pixels * view.zoom, text: `${+pixels.toPrecision(3)} px` };
  }
  const [x, y] = [16, view.screenHeight - 18];
  context.beginPath();
  context.moveTo(x, y - 5);
  context.lineTo(x, y);
  context.lineTo(x + bar.length, y);
  context.lineTo(x + bar.length, y - 5);
  stroke(context, COLOURS.ink, 2);
  label(context, bar.text, x + 4, y - 8);
}

/** What was clicked: the nearest aperture or source. @returns {object | null} */
export function hit(view, sx, sy, apertures, sources) {
  let [best, nearest] = [null, Infinity];
  for (const [kind, list] of [["aperture", apertures], ["source", sources]]) {
    for (const one of list) {
      const [x, y] = view.toScreen(one.x, one.y);
      const reach = Math.max(NEAR, (one.r || 0) * view.zoom);
      const apart = Math.hypot(x - sx, y - sy);
      if (apart <= reach && apart < nearest) [best, nearest] = [{ kind, one }, apart];
    }
  }
  return best;
}
