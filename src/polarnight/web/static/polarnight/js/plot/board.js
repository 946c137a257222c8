// The plot: the document of the server, filled and listened to through Bokeh's own models.

import { roomOf } from "./columns.js";

const MS_PER_DAY = 86400e3;
const DATE_OF_MJD = 40587;

/** The panels, their points, the window of time and the selection. */
export class Board {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.doc = /** @type {any} */ (null);
    this.manager = /** @type {any} */ (null);
    /** @type {Record<string, any>} */
    this.data = {};
    this.chosen = new Set();
    this.quiet = false;
    this.onSelect = (/** @type {number[]} */ _rows) => {};
    this.onWindow = (/** @type {number} */ _start, /** @type {number} */ _end) => {};
  }

  /** @param {any} item as Bokeh.embed.embed_item takes it */
  async embed(item) {
    this.manager?.clear();
    this.place.replaceChildren();
    const Bokeh = /** @type {any} */ (window).Bokeh;
    Bokeh.set_log_level("error"); // it warns of ranges while the columns are still empty
    this.manager = await Bokeh.embed.embed_item(item, this.place.id);
    this.doc = Bokeh.documents.at(-1);
    const selected = this.model("points").selected;
    selected.properties.indices.change.connect(() => this.#selected());
    const time = this.model("time");
    const moved = () => {
      this.#date();
      if (!this.quiet) this.onWindow(time.start, time.end);
    };
    time.properties.start.change.connect(moved);
    time.properties.end.change.connect(moved);
  }

  /** @param {string} name @returns {any} */
  model(name) {
    return this.doc.get_model_by_name(name);
  }

  /** Put points in; the selection stays where its points are still there. @param {Record<string, any>} data */
  fill(data) {
    this.data = data;
    const source = this.model("points");
    this.quiet = true;
    source.selected.indices = [];
    source.data = data;
    for (const [name, y] of Object.entries(roomOf(data))) this.model(`room:${name}`).data = { x: y.map(() => data.mjd[0]), y };
    const rows = [];
    for (let at = 0; at < data.pk.length; at += 1) if (this.chosen.has(data.pk[at])) rows.push(at);
    source.selected.indices = rows;
    this.quiet = false;
    this.#selected();
  }

  /** The points changed in place. */
  redraw() {
    const source = this.model("points");
    source.data = { ...this.data };
    this.data = source.data;
  }

  /** @param {Record<string, any>} data */
  overview(data) {
    this.model("overview").data = { mjd: data.mjd, y: data.mag_y, colour: data.colour };
  }

  /** Light curves of others. @param {Record<string, any[]>|undefined} given */
  foreign(given) {
    const data = /** @type {Record<string, any>} */ ({ name: given?.name ?? [], mjd: given?.mjd ?? [] });
    data.ms = data.mjd.map((/** @type {number} */ mjd) => (mjd - DATE_OF_MJD) * MS_PER_DAY);
    for (const name of ["mag", "p", "chi"]) {
      const value = (given?.[name] ?? []).map((one) => one ?? NaN);
      const error = (given?.[`${name}_err`] ?? []).map((one) => one ?? NaN);
      data[name] = value;
      data[`${name}_low`] = value.map((one, at) => one - error[at]);
      data[`${name}_high`] = value.map((one, at) => one + error[at]);
    }
    this.model("foreign").data = data;
  }

  /** @param {any} literature @param {any[]} series @param {string} ink */
  literature(literature, series, ink) {
    const mags = Object.entries(literature.mag);
    const colour = (/** @type {string} */ band) => series.find((one) => one.band === band)?.colour ?? ink;
    this.model("literature:mag").data = { value: mags.map(([, mag]) => mag), colour: mags.map(([band]) => colour(band)) };
    for (const name of ["p", "chi"]) {
      const value = literature[name];
      this.model(`literature:${name}`).data = value === null ? { value: [], colour: [] } : { value: [value], colour: [ink] };
    }
  }

  /** @param {number} start @param {number} end MJD @param {boolean} [whole] the overview too */
  show(start, end, whole = false) {
    this.quiet = true;
    for (const name of whole ? ["time", "whole"] : ["time"]) {
      const range = this.model(name);
      range.setv({ start, end });
      if (whole) range.setv({ reset_start: start, reset_end: end });
    }
    this.quiet = false;
    this.#date();
  }

  /** @param {(at: number) => boolean} wanted */
  filter(wanted) {
    const n = this.data.pk.length;
    this.model("shown").booleans = Array.from({ length: n }, (_, at) => wanted(at));
  }

  /** @param {boolean} visible */
  bars(visible) {
    for (let number = 0; number < 5; number += 1) this.model(`bars:${number}`).visible = visible;
  }

  /** @param {number[]} rows */
  select(rows) {
    this.model("points").selected.indices = rows;
  }

  /** @returns {number[]} */
  get selected() {
    return this.doc ? [...this.model("points").selected.indices] : [];
  }

  #selected() {
    if (this.quiet) return;
    const rows = this.selected;
    this.chosen = new Set(rows.map((at) => this.data.pk[at]));
    this.onSelect(rows);
  }

  #date() {
    const time = this.model("time");
    const of = (/** @type {number} */ mjd) => (mjd - DATE_OF_MJD) * MS_PER_DAY;
    this.model("date").setv({ start: of(time.start), end: of(time.end) });
  }
}
