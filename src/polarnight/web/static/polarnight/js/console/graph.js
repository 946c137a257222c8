// The graph of a workflow as SVG, with the states of its tasks.

const NS = "http://www.w3.org/2000/svg";
const WIDE = 170;
const HIGH = 84;
const BOX = [150, 46];

function svg(/** @type {string} */ tag, /** @type {Record<string, any>} */ attributes = {}, text = "") {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text) made.textContent = text;
  return made;
}

function short(/** @type {string} */ text) {
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}

/** @param {any} graph of the API @returns {SVGElement} */
export function drawGraph(graph) {
  const width = Math.max(1, graph.width) * WIDE + 20;
  const height = graph.height * HIGH + 10;
  const x = (/** @type {number} */ value) => width / 2 + value * WIDE;
  const y = (/** @type {number} */ value) => value * HIGH + BOX[1] / 2 + 8;
  const made = svg("svg", { class: "workflow-graph", role: "group", "aria-label": `Workflow ${graph.name}`,
    viewBox: `0 0 ${width} ${height}`, width, height });
  const marker = svg("marker", { id: "workflow-arrow", viewBox: "0 0 8 8", refX: 7, refY: 4,
    markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" });
  marker.append(svg("path", { d: "M0 0 8 4 0 8z" }));
  const defs = svg("defs");
  defs.append(marker);
  made.append(defs);
  const at = new Map(graph.nodes.map((/** @type {any} */ node) => [node.name, node]));
  for (const link of graph.links) {
    const from = /** @type {any} */ (at.get(link.from));
    const to = /** @type {any} */ (at.get(link.to));
    const points = [[x(from.x), y(from.y) + BOX[1] / 2], ...link.around.map((/** @type {number[]} */ p) => [x(p[0]), y(p[1])]),
      [x(to.x), y(to.y) - BOX[1] / 2]];
    made.append(svg("path", { d: `M${points.map((p) => p.join(" ")).join("L")}`,
      "marker-end": "url(#workflow-arrow)", class: link.carries ? "carries" : "waits" }));
  }
  for (const node of graph.nodes) {
    const group = svg("g", { class: `task ${node.status}`, "data-task": node.name });
    group.append(
      svg("title", {}, `${node.name}: ${node.operator}, ${node.status}`),
      svg("rect", { x: x(node.x) - BOX[0] / 2, y: y(node.y) - BOX[1] / 2, width: BOX[0], height: BOX[1], rx: 6 }),
      svg("text", { x: x(node.x), y: y(node.y) - 3 }, short(node.name)),
      svg("text", { x: x(node.x), y: y(node.y) + 13, class: "note" },
        `${node.operator}${node.turns > 1 ? ` ×${node.turns}` : ""} · ${node.status}`),
    );
    made.append(group);
  }
  return /** @type {SVGElement} */ (made);
}
