// While jobs run the first page keeps up with them; when one ends the night is drawn anew.

const EVERY = 4000;

/** @param {ParentNode} page @returns {string} what stands in the list of jobs */
function states(page) {
  return [...page.querySelectorAll("#jobs .chip")].map((chip) => chip.textContent).join();
}

async function keepUp() {
  if (document.hidden) return true;
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return false; // logged out meanwhile
  // Our own page, made by our own templates: what is in it is escaped already.
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const part = states(page) === states(document) ? "#jobs" : "#main";
  const [old, now] = [document.querySelector(part), page.querySelector(part)];
  if (old && now) old.replaceWith(document.adoptNode(now));
  return document.getElementById("jobs")?.dataset.running === "true";
}

async function again() {
  let go = true;
  try {
    go = await keepUp();
  } catch {
    // The server is away for a moment: the next look will tell.
  }
  if (go) setTimeout(again, EVERY);
}

if (document.getElementById("jobs")?.dataset.running === "true") setTimeout(again, EVERY);
