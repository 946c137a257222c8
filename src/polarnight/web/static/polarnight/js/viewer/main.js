/** The page of a frame. */

import { BASE, call } from "../api.js";
import { element, fill, toast } from "../dom.js";
import { showBits } from "./bits.js";
import { Compare } from "./compare.js";
import { listen } from "./gestures.js";
import { showHeader } from "./header.js";
import { showJudgement } from "./judgement.js";
import { Limits } from "./limits.js";
import { hit } from "./overlays.js";
import { keeper, readState } from "./permalink.js";
import { Readout } from "./readout.js";
import { Stage } from "./stage.js";
import { showChosen, showStale } from "./surroundings.js";
import { TileSource } from "./tiles.js";
import { View } from "./view.js";
import { Sky } from "./wcs.js";

const OVERLAYS = ["apertures", "sources", "directions"];

const root = document.getElementById("viewer");
const { kind, pk, source, aperture, plot } = root.dataset;
const path = `/frames/${kind}/${pk}`;
const find = (selector) => root.querySelector(selector);

/** @param {object} meta what the server says of the image */
function start(meta) {
  const state = readState(location.search);
  const canvas = find("canvas.picture");
  const view = new View(meta.width, meta.height);
  const changed = () => {
    stage.redraw();
    readout.update();
  };
  const failed = (text) => toast(text, { kind: "error" });
  const planes = Object.fromEntries(meta.planes.map((plane) =>
    [plane.name, new TileSource(`${BASE}${path}`, plane, meta, changed, failed)]));
  const stage = new Stage(canvas, view, planes, meta.bits);
  const readout = new Readout(find(".readout"), { planes, bits: meta.bits, unit: meta.unit, path });
  const stretch = find("select[name=stretch]");
  const colours = find("select[name=colours]");
  const solution = find("select[name=key]");
  const results = [];
  if (state.stretch) stretch.value = state.stretch;
  if (state.colours) colours.value = state.colours;
  if (!stretch.value) stretch.value = "linear";
  if (!colours.value) colours.value = "grey";

  const style = () => ({ stretch: stretch.value, colours: colours.value });
  const restyle = () => {
    stage.look({ ...style(), low: limits.low, high: limits.high });
    limits.draw(stretch.value, colours.value);
    compare.restyle();
    keep();
  };
  const limits = new Limits(find(".limits"), meta.statistics, restyle);
  limits.restore(state);
  const keep = keeper(() => ({
    ...(view.fitted ? {} : { x: view.x, y: view.y, zoom: view.zoom }),
    ...limits.state,
    bits: stage.chosenBits || undefined,
    stretch: stretch.value === "linear" ? "" : stretch.value,
    colours: colours.value === "grey" ? "" : colours.value,
    key: solution.value === meta.solutions[0]?.key ? "" : solution.value,
    compare: compare.state,
    ...(OVERLAYS.every((name) => stage.shown.has(name)) ? {} : { show: [...stage.shown] }),
  }));
  const compare = new Compare(path, find(".compare"), stage, style, () => keep());

  stretch.addEventListener("change", restyle);
  colours.addEventListener("change", restyle);
  document.addEventListener("polarnight:theme", () => limits.draw(stretch.value, colours.value));
  new ResizeObserver(() => limits.draw(stretch.value, colours.value)).observe(find(".limits canvas"));

  fill(solution, ...meta.solutions.map((one) => element("option", { value: one.key, text: one.title })));
  if (state.key !== undefined) solution.value = state.key;
  if (!solution.value && meta.solutions.length) solution.selectedIndex = 0;
  solution.closest("label").hidden = meta.solutions.length < 2;
  const choose = () => {
    const chosen = meta.solutions[solution.selectedIndex] || null;
    stage.sky = chosen?.local ? new Sky(chosen) : null;
    stage.key = chosen?.key;
    find("[data-frame]").textContent = chosen ? chosen.frame : "no plate solution";
    readout.choose(chosen, stage.sky);
    stage.redraw();
  };
  solution.addEventListener("change", () => {
    choose();
    keep();
  });

  const shown = state.show ? state.show.filter((name) => OVERLAYS.includes(name)) : OVERLAYS;
  for (const box of root.querySelectorAll("input[name=show]")) {
    box.checked = shown.includes(box.value);
    if (box.checked) stage.shown.add(box.value);
    box.addEventListener("change", () => {
      if (box.checked) stage.shown.add(box.value);
      else stage.shown.delete(box.value);
      stage.redraw();
      keep();
    });
  }
  const bitsPlace = find(".bits");
  let allBits = null;
  bitsPlace.closest("fieldset").hidden = !planes.bits;
  if (planes.bits) {
    stage.chosenBits = (state.bits || 0) & meta.bits.reduce((sum, bit) => sum | bit.value, 0);
    stage.colourBits(stage.chosenBits);
    allBits = showBits(bitsPlace, meta.bits, stage.chosenBits, (bits) => {
      stage.colourBits(bits);
      keep();
    });
  }

  if (state.x !== undefined && state.y !== undefined) view.centre(state.x, state.y, state.zoom || 1);
  const spotAt = (sx, sy) => {
    if (sx === null) return null;
    const spot = view.toPixel(sx, sy);
    return view.holds(spot.x, spot.y) ? spot : null;
  };
  const moved = () => {
    stage.redraw();
    find("[data-zoom]").textContent = `${Number((100 * view.zoom).toPrecision(3))} %`;
    keep();
  };
  listen(canvas, view, {
    moved,
    pointed: (sx, sy) => readout.show(spotAt(sx, sy)),
    clicked: (sx, sy) => {
      const found = hit(view, sx, sy, ...stage.clickable);
      stage.chosen = found ? found.one : null;
      showChosen(find(".chosen"), found, stage.overlays.apertures, results, { source, aperture, plot });
      stage.redraw();
    },
    key: (key) => {
      if (key === "b") compare.flip();
      else if (key === "m" && allBits) allBits.click();
      else return false;
      return true;
    },
  });
  const act = {
    in: () => view.zoomAt(2 ** 0.5), out: () => view.zoomAt(2 ** -0.5),
    fit: () => view.fit(), one: () => view.centre(view.x, view.y, 1),
  };
  for (const button of root.querySelectorAll("button[data-act]")) {
    button.addEventListener("click", () => {
      act[button.dataset.act]();
      moved();
    });
  }
  choose();
  restyle();
  moved();
  if (state.compare) compare.choose(state.compare);
  showFigures(meta);
  call("GET", `${path}/overlays`).then((found) => {
    stage.overlays = found;
    results.push(...found.results);
    find(".overlays").dataset.ready = "true";
    stage.redraw();
  }, (error) => toast(`Sources cannot be drawn: ${error.message}`, { kind: "error" }));
}

/** A type of numpy in words. @param {string} dtype such as "<f4" */
function words(dtype) {
  const [, kind, bytes] = dtype.match(/([a-z])(\d+)$/) ?? [];
  const kinds = { f: "floating point", i: "integer", u: "integer without sign" };
  return kind in kinds ? `${8 * Number(bytes)}-bit ${kinds[kind]}` : dtype;
}

function showFigures({ statistics, unit, planes }) {
  const show = (value) => (value === null ? "—" : String(Number(value.toPrecision(7))));
  const titles = { min: "least", max: "greatest", mean: "mean", median: "median", std: "standard deviation" };
  const rows = Object.entries(titles).map(([name, title]) => [title, show(statistics[name])]);
  const lost = statistics.n - statistics.n_finite;
  rows.push(["no data", `${lost} of ${statistics.n}`], ["unit", unit], ["stored as", words(planes[0].dtype)]);
  fill(document.querySelector(".statistics tbody"), ...rows.map(([name, text]) =>
    element("tr", {}, element("th", { scope: "row", text: name }), element("td", { class: "num", text }))));
}

function fail(error) {
  const told = find(".picture-error");
  told.hidden = false;
  fill(told, element("p", { text: `The picture cannot be shown: ${error.message}` }));
  find(".stage").hidden = true;
  find(".controls").hidden = true;
}

call("GET", `${path}/image`).then(start, fail);
showHeader(document.querySelector("details.header"), path);
showJudgement(document.querySelector(".judgement"), path,
  { flag: "mayFlag" in root.dataset, comment: "mayComment" in root.dataset });
const stale = document.querySelector("[data-stale]");
document.querySelector("details.provenance-part").addEventListener("toggle", () => showStale(stale, path), { once: true });
