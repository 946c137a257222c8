// What every page has: the switch between dark and light, and menus that close.

const root = document.documentElement;

/** @returns {boolean} whether the page is dark now */
export function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function announce() {
  document.dispatchEvent(new CustomEvent("polarnight:theme", { detail: { dark: isDark() } }));
}

document.getElementById("theme")?.addEventListener("click", () => {
  const next = isDark() ? "light" : "dark";
  root.dataset.theme = next;
  try {
    localStorage.setItem("polarnight-theme", next);
  } catch {
    // It holds for this page, then.
  }
  announce();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);

const menus = [...document.querySelectorAll("details.menu")];
document.addEventListener("click", (event) => {
  for (const menu of menus) {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (menu.hasAttribute("open")) {
      menu.removeAttribute("open");
      menu.querySelector("summary")?.focus();
    }
  }
});

// Where the pointer cannot hover, the entry of this page is scrolled into view.
const here = document.querySelector("nav.main [aria-current]");
if (here) {
  const bar = here.parentElement;
  if (bar) bar.scrollLeft = Math.max(0, here.offsetLeft - bar.clientWidth / 3);
}
