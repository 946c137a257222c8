/**
 * Sky coordinates of pixels: gnomonic projection with SIP distortions.
 *
 * Calabretta & Greisen 2002 (A&A 395, 1077) and Shupe et al. 2005 (ADASS XIV, 491).
 * Pixels are those of FITS: the centre of the first one is (1, 1).
 */

const DEGREE = Math.PI / 180;

/** @param {[number, number, number][]} terms p, q, coefficient @param {number} u @param {number} v */
function polynomial(terms, u, v) {
  return terms.reduce((sum, [p, q, value]) => sum + value * u ** p * v ** q, 0);
}

/** A plate solution that is computed here. */
export class Sky {
  /** @param {object} solution keywords, as the server gives them */
  constructor(solution) {
    const [[a, b], [c, d]] = solution.cd;
    this.cd = solution.cd;
    const det = a * d - b * c;
    this.inverse = [[d / det, -b / det], [-c / det, a / det]];
    this.crpix = solution.crpix;
    this.ra0 = solution.crval[0] * DEGREE;
    this.sin0 = Math.sin(solution.crval[1] * DEGREE);
    this.cos0 = Math.cos(solution.crval[1] * DEGREE);
    this.sip = solution.sip;
  }

  /** @param {number} x @param {number} y @returns {{ra: number, dec: number}} degrees */
  toSky(x, y) {
    let [dx, dy] = [x - this.crpix[0], y - this.crpix[1]];
    if (this.sip) {
      const [u, v] = [x - this.sip.crpix[0], y - this.sip.crpix[1]];
      dx += polynomial(this.sip.a, u, v);
      dy += polynomial(this.sip.b, u, v);
    }
    const xi = (this.cd[0][0] * dx + this.cd[0][1] * dy) * DEGREE;
    const eta = (this.cd[1][0] * dx + this.cd[1][1] * dy) * DEGREE;
    const depth = this.cos0 - eta * this.sin0;
    const ra = (this.ra0 + Math.atan2(xi, depth)) / DEGREE;
    const dec = Math.atan2(this.sin0 + eta * this.cos0, Math.hypot(xi, depth)) / DEGREE;
    return { ra: ((ra % 360) + 360) % 360, dec };
  }

  /** @param {number} ra @param {number} dec degrees
   *  @returns {{x: number, y: number} | null} null behind the sky */
  toPixel(ra, dec) {
    const away = ra * DEGREE - this.ra0;
    const [sin, cos] = [Math.sin(dec * DEGREE), Math.cos(dec * DEGREE)];
    const depth = this.sin0 * sin + this.cos0 * cos * Math.cos(away);
    if (!(depth > 1e-9)) return null;
    const xi = (cos * Math.sin(away)) / depth / DEGREE;
    const eta = (this.cos0 * sin - this.sin0 * cos * Math.cos(away)) / depth / DEGREE;
    const dx = this.inverse[0][0] * xi + this.inverse[0][1] * eta;
    const dy = this.inverse[1][0] * xi + this.inverse[1][1] * eta;
    let [x, y] = [dx + this.crpix[0], dy + this.crpix[1]];
    if (!this.sip) return { x, y };
    const [x0, y0] = [x, y];
    for (let i = 0; i < 60; i += 1) {
      const [u, v] = [x - this.sip.crpix[0], y - this.sip.crpix[1]];
      const [nx, ny] = [x0 - polynomial(this.sip.a, u, v), y0 - polynomial(this.sip.b, u, v)];
      const step = Math.hypot(nx - x, ny - y);
      [x, y] = [nx, ny];
      if (step < 1e-9) return { x, y };
    }
    return Number.isFinite(x + y) && Math.hypot(x - x0, y - y0) < 1e4 ? { x, y } : null;
  }

  /** Arcseconds per pixel: the root of the area of a pixel. */
  get scale() {
    const [[a, b], [c, d]] = this.cd;
    return Math.sqrt(Math.abs(a * d - b * c)) * 3600;
  }

  /** Directions of north and east at a pixel, as unit vectors in pixels (y upwards).
   *  @param {number} x @param {number} y */
  compass(x, y) {
    const { ra, dec } = this.toSky(x, y);
    const step = 1 / 3600;
    const unit = (to) => {
      if (!to) return null;
      const length = Math.hypot(to.x - x, to.y - y);
      return length > 0 ? [(to.x - x) / length, (to.y - y) / length] : null;
    };
    const inwards = dec + step <= 90 ? 1 : -1; // at the pole there is no more north
    const north = unit(this.toPixel(ra, dec + inwards * step));
    const east = unit(this.toPixel(ra + step / Math.max(Math.cos(dec * DEGREE), 1e-6), dec));
    return { north: north && north.map((part) => part * inwards), east };
  }
}

/** @param {number} value @param {number} digits of the seconds @param {string[]} units */
function sexagesimal(value, digits, units) {
  const power = 10 ** digits;
  const whole = Math.round(Math.abs(value) * 3600 * power);
  const seconds = (whole % (60 * power)) / power;
  const minutes = Math.floor(whole / (60 * power));
  const pad = (number) => String(number).padStart(2, "0");
  const text = seconds.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return `${pad(Math.floor(minutes / 60))}${units[0]}${pad(minutes % 60)}${units[1]}${text}${units[2]}`;
}

/** @param {number} ra degrees @returns {string} such as 22h02m43.291s */
export function formatRa(ra) {
  const hours = (((ra % 360) + 360) % 360) / 15;
  // What rounds up to 24 hours is 0 hours.
  return sexagesimal(hours * 3600 >= 86399.9995 ? 0 : hours, 3, ["h", "m", "s"]);
}

/** @param {number} dec degrees @returns {string} such as +42°16′39.98″ */
export function formatDec(dec) {
  return (dec < 0 ? "−" : "+") + sexagesimal(dec, 2, ["°", "′", "″"]);
}
