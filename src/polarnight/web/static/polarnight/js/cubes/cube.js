// The page of a cube: slices, their figures, why it is stale, a search in its cards.

import { BASE, call, query } from "../api.js";
import { element, fill } from "../dom.js";

const place = /** @type {HTMLElement} */ (document.querySelector(".into"));
const number = place.dataset.cube;
const dims = JSON.parse(document.getElementById("dims")?.textContent ?? "[]");
const form = /** @type {HTMLFormElement} */ (place.querySelector(".places"));
const image = /** @type {HTMLImageElement} */ (place.querySelector("img"));
const wrong = /** @type {HTMLElement} */ (place.querySelector("[data-wrong]"));
const caption = /** @type {HTMLElement} */ (place.querySelector("[data-caption]"));
const table = /** @type {HTMLElement} */ (place.querySelector("[data-figures]"));
const base = image.dataset.base ?? "";

/** What the picture shows; kept in the address, so that a link shows the same. */
const state = {
  up: dims.at(-2)?.name ?? "",
  right: dims.at(-1)?.name ?? "",
  /** @type {Record<string, number>} */ at: {},
};

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const names = dims.map((/** @type {any} */ dim) => dim.name);
  for (const key of /** @type {const} */ (["up", "right"])) {
    const name = given.get(key);
    if (name && names.includes(name)) state[key] = name;
  }
  for (const dim of dims) {
    const index = Number(given.get(`at.${dim.name}`));
    if (Number.isInteger(index) && index >= 0 && index <= dim.last) state.at[dim.name] = index;
  }
}

function keepAddress() {
  const kept = new URLSearchParams({ up: state.up, right: state.right });
  for (const [name, index] of Object.entries(state.at)) if (index) kept.set(`at.${name}`, String(index));
  history.replaceState(null, "", `#${kept}`);
}

function controls() {
  const choose = (/** @type {"up"|"right"} */ key, /** @type {string} */ title) =>
    element("label", { class: "inline" }, `${title} `,
      element("select", { name: key, onchange: (/** @type {any} */ event) => {
        const old = state[key];
        state[key] = event.target.value;
        const other = key === "up" ? "right" : "up";
        if (state[other] === state[key]) state[other] = old;
        controls();
        show();
      } }, ...dims.map((/** @type {any} */ dim) =>
        element("option", { value: dim.name, text: dim.name, selected: state[key] === dim.name }))));
  const others = dims.filter((/** @type {any} */ dim) => ![state.up, state.right].includes(dim.name));
  fill(form,
    ...(dims.length > 2 ? [choose("up", "upwards"), choose("right", "to the right")] : []),
    ...others.map((/** @type {any} */ dim) => slider(dim)));
}

function slider(/** @type {any} */ dim) {
  const told = element("span", { class: "num", text: `${(state.at[dim.name] ?? 0) + 1} of ${dim.last + 1}` });
  return element("label", {}, `${dim.name} `,
    element("input", { type: "range", min: 0, max: dim.last, value: state.at[dim.name] ?? 0,
      "aria-label": dim.name,
      oninput: (/** @type {any} */ event) => {
        state.at[dim.name] = Number(event.target.value);
        told.textContent = `${state.at[dim.name] + 1} of ${dim.last + 1}`;
        later();
      } }), " ", told);
}

let timer = 0;
function later() {
  clearTimeout(timer);
  timer = setTimeout(show, 120);
}

function asked() {
  const shown = [state.up, state.right];
  const at = dims.filter((/** @type {any} */ dim) => !shown.includes(dim.name))
    .map((/** @type {any} */ dim) => `${dim.name}:${state.at[dim.name] ?? 0}`);
  return query(dims.length >= 2 ? { up: state.up, right: state.right, at } : {});
}

let turn = 0;
async function show() {
  const mine = ++turn;
  if (dims.length > 2) keepAddress();
  const address = `/cubes/${number}/slice${asked()}`;
  try {
    const figures = await call("GET", `/cubes/${number}/figures${asked()}`);
    if (mine !== turn) return;
    fill(table, ...Object.entries(figures).map(([title, value]) =>
      element("tr", {}, element("th", { scope: "row", text: title }), element("td", { text: value }))));
    wrong.hidden = true;
    if ("flat" in place.dataset || !("minimum" in figures)) {
      caption.textContent = "It has no two dimensions of values to draw.";
      return;
    }
    image.src = `${BASE}${address}`;
    image.hidden = false;
    caption.textContent = `${state.right} to the right, ${state.up} upwards; grey from the 0.5th to the 99.5th percentile`;
  } catch (error) {
    if (mine !== turn) return;
    wrong.textContent = String(/** @type {Error} */ (error).message);
    wrong.hidden = false;
  }
}

async function stale() {
  const told = document.querySelector("[data-stale]");
  if (!told) return;
  try {
    const { reasons } = await call("GET", `/cubes/${number}/stale`);
    if (!reasons.length) return;
    fill(told, element("div", { class: "note warning" }, element("p", { text: "Stale: made now, it would be another cube." }),
      element("ul", {}, ...reasons.map((/** @type {string} */ one) => element("li", { text: one })))));
  } catch (error) {
    fill(told, element("p", { class: "note warning", text: `Whether it is stale cannot be told: ${/** @type {Error} */ (error).message}` }));
  }
}

const search = /** @type {HTMLInputElement} */ (document.getElementById("card-search"));
search.addEventListener("input", () => {
  const wanted = search.value.trim().toLowerCase();
  let count = 0;
  for (const row of document.querySelectorAll("#cards tr")) {
    const fits = (row.textContent ?? "").toLowerCase().includes(wanted);
    /** @type {HTMLElement} */ (row).hidden = !fits;
    if (fits) count += 1;
  }
  const told = document.getElementById("card-count");
  if (told) told.textContent = wanted ? `${count} match` : "";
});

readAddress();
controls();
show();
stale();
