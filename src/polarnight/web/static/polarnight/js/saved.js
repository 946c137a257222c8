// Views that people keep: the query string of a page under a name.

import { call } from "./api.js";
import { element, fill, toast } from "./dom.js";
import { known } from "./known.js";

/**
 * Show the views of a page, and a way to keep this one.
 * @param {string} page
 */
export async function savedViews(page) {
  const place = document.getElementById("kept");
  if (!place || !known.personal) return;
  const link = element("button", { type: "button", class: "small quiet", text: "Copy link", onclick: copyLink });
  const keep = element("button", { type: "button", class: "small quiet", text: "Save view", onclick: () => ask(page, place) });
  let views = [];
  try {
    views = (await call("GET", `/views?page=${page}`)).items;
  } catch (error) {
    toast(/** @type {Error} */ (error).message, { kind: "error" });
  }
  fill(place, ...(views.length ? [menu(page, views)] : []), keep, link);
}

/** @param {string} page @param {any[]} views */
function menu(page, views) {
  const rows = views.map((view) => element(
    "p", { class: "row spread" },
    element("a", { href: `?${view.query}`, text: view.name + (view.mine ? "" : " (shared)") }),
    view.mine
      ? element("button", { type: "button", class: "small quiet", text: "×", "aria-label": `Delete ${view.name}`,
          onclick: async () => { await call("DELETE", `/views/${view.id}`); savedViews(page); } })
      : null,
  ));
  return element("details", { class: "menu" }, element("summary", { text: "Views" }), element("div", { class: "panel" }, ...rows));
}

/** @param {string} page @param {Element} place */
function ask(page, place) {
  const name = /** @type {HTMLInputElement} */ (element("input", { maxlength: "80", required: true, "aria-label": "Name of the view" }));
  const shared = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox" }));
  const form = element(
    "form",
    { class: "row inline", onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      try {
        await call("POST", "/views", { body: { page, name: name.value, shared: shared.checked, query: location.search.slice(1) } });
        toast("View saved", { kind: "success" });
        await savedViews(page);
      } catch (error) {
        toast(/** @type {Error} */ (error).message, { kind: "error" });
      }
    } },
    name, element("label", { class: "tick" }, shared, "for all"), element("button", { type: "submit", class: "small", text: "Save" }),
  );
  fill(place, form);
  name.focus();
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    toast("Link copied", { kind: "success", seconds: 3 });
  } catch {
    toast("This browser does not let pages copy; the link is in the address bar", { kind: "info" });
  }
}
