/** Pointer, wheel, pinch and keys on the canvas. */

const KEYS = {
  ArrowLeft: (view, step) => view.drag(step, 0),
  ArrowRight: (view, step) => view.drag(-step, 0),
  ArrowUp: (view, step) => view.drag(0, step),
  ArrowDown: (view, step) => view.drag(0, -step),
  "+": (view) => view.zoomAt(2 ** 0.5),
  "=": (view) => view.zoomAt(2 ** 0.5),
  "-": (view) => view.zoomAt(2 ** -0.5),
  0: (view) => view.fit(),
  f: (view) => view.fit(),
  1: (view) => view.centre(view.x, view.y, 1),
};
const CLICK = 5; // CSS pixels that a hand may tremble

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./view.js").View} view
 * @param {{moved: () => void, pointed: (sx: number | null, sy: number | null) => void,
 *   clicked: (sx: number, sy: number) => void, key: (key: string) => boolean}} on
 */
export function listen(canvas, view, on) {
  const pointers = new Map();
  let dragging = false;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    dragging = pointers.size > 0;
    pointers.set(event.pointerId, place(event));
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    if (pointers.has(event.pointerId)) move(event.pointerId, now);
    // After the frame has moved: what is under the pointer stays under it.
    if (event.pointerType !== "touch") on.pointed(...now);
  });

  function move(id, now) {
    const before = pointers.get(id);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    // Until then the pointer stays where it went down, so that nothing of the way is lost.
    if (!dragging && Math.hypot(dx, dy) <= CLICK) return;
    dragging = true;
    if (pointers.size === 1) view.drag(dx, dy);
    else pinch(id, before, now);
    pointers.set(id, now);
    on.moved();
  }

  /** Two fingers: what is between them stays there. */
  function pinch(id, before, now) {
    const [other] = [...pointers].filter(([key]) => key !== id).map(([, spot]) => spot);
    const length = (spot) => Math.max(Math.hypot(spot[0] - other[0], spot[1] - other[1]), 1);
    view.drag((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    view.zoomAt(length(now) / length(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  const lift = (event) => {
    const was = pointers.delete(event.pointerId);
    if (was && event.type === "pointerup" && pointers.size === 0 && !dragging) {
      on.pointed(...place(event));
      on.clicked(...place(event));
    }
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", (event) => {
    if (!pointers.has(event.pointerId) && event.pointerType !== "touch") on.pointed(null, null);
  });

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    // Lines and pages, as some mice have them, in pixels.
    const delta = event.deltaY * [1, 30, 400][event.deltaMode];
    view.zoomAt(2 ** (-Math.min(Math.max(delta, -300), 300) / 200), ...place(event));
    on.pointed(...place(event));
    on.moved();
  }, { passive: false });

  canvas.addEventListener("dblclick", (event) => {
    view.zoomAt(2, ...place(event));
    on.moved();
  });

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (act) act(view, event.shiftKey ? 200 : 50);
    else if (!on.key(event.key)) return;
    event.preventDefault();
    on.moved();
  });
}
