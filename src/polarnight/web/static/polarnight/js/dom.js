// Making elements without HTML texts: what comes from headers or people stays text.

/**
 * @param {string} tag
 * @param {Record<string, any>} [properties] attributes; functions are listeners ("onclick");
 *   "class", "text" and "dataset" as they say; null, undefined and false are left out
 * @param {...(Node|string|null|undefined)} children
 * @returns {HTMLElement}
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.replace(/^on/, ""), value);
    else if (name === "text") made.textContent = String(value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined) made.append(child);
  }
  return made;
}

/** Replace all that is in an element. @param {Element} place @param {...(Node|string)} children */
export function fill(place, ...children) {
  place.replaceChildren(...children);
}

/**
 * A short message at the foot of the page, read out by screen readers.
 * @param {string} text
 * @param {{kind?: "success"|"error"|"info", action?: string, act?: () => void, seconds?: number}} [options]
 */
export function toast(text, options = {}) {
  let place = document.getElementById("toasts");
  if (!place) {
    place = element("div", { id: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  const close = () => note.remove();
  const note = element(
    "div",
    { class: `note ${options.kind ?? "info"}` },
    element("span", { text }),
    options.action
      ? element("button", { type: "button", class: "small", text: options.action,
          onclick: () => { close(); options.act?.(); } })
      : null,
    element("button", { type: "button", class: "icon", "aria-label": "Close", text: "×", onclick: close }),
  );
  place.append(note);
  setTimeout(close, 1000 * (options.seconds ?? 8));
}
