// Before the page is drawn: the scheme that the reader chose here, if any.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("polarnight-theme");
  } catch {
    // A browser that stores nothing follows the system.
  }
  if (chosen === "dark" || chosen === "light") {
    document.documentElement.dataset.theme = chosen;
  }
})();
