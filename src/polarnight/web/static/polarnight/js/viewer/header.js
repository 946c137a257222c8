/** The headers of a file as a table with a search. All of it is text: headers can hold anything. */

import { call } from "../api.js";
import { element, fill } from "../dom.js";

function cardRow(card) {
  const row = element("tr", {},
    element("th", { scope: "row" }, element("code", { text: card.key })),
    element("td", { text: card.value }),
    element("td", { class: "dim", text: card.comment }));
  return { row, text: `${card.key} ${card.value} ${card.comment}`.toLowerCase() };
}

/** @param {HTMLDetailsElement} place @param {string} path of the frame in the API */
export function showHeader(place, path) {
  const search = place.querySelector("input[type=search]");
  const body = place.querySelector("tbody");
  const told = place.querySelector("[role=status]");
  let parts = [];
  let rows = [];

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    for (const part of parts) part.head.hidden = part.rows.every(({ row }) => row.hidden);
    told.textContent = words.length ? `${shown} of ${rows.length} cards` : `${rows.length} cards`;
  };

  const load = async () => {
    told.textContent = "reading…";
    try {
      parts = (await call("GET", `${path}/headers`)).map((unit) => ({
        head: element("tr", { class: "unit" },
          element("th", { scope: "rowgroup", colspan: "3", text: `${unit.index} ${unit.name || "without a name"}` })),
        rows: unit.cards.map(cardRow),
      }));
      rows = parts.flatMap((part) => part.rows);
      fill(body, ...parts.flatMap((part) => [part.head, ...part.rows.map(({ row }) => row)]));
      filter();
    } catch (error) {
      told.textContent = `The header cannot be read: ${error.message}`;
    }
  };

  search.addEventListener("input", filter);
  place.addEventListener("toggle", () => {
    if (place.open && !rows.length) load();
  });
  if (place.open) load();
}
