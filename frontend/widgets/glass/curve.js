// The small curve of the loss, one point an update.

import { set, svg } from "../shared/dom.js";
import { short } from "../shared/numbers.js";

const [WIDTH, HEIGHT, EDGE] = [120, 36, 4];

export function makeCurve(words) {
  const line = svg("path", { class: "curve-line" });
  const dot = svg("circle", { r: 3 });
  const root = svg("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" }, line, dot);

  function draw(losses) {
    const finite = losses.filter(Number.isFinite);
    const top = Math.max(...finite, 1e-12);
    const x = (k) => EDGE + (k / Math.max(losses.length - 1, 8)) * (WIDTH - 2 * EDGE);
    const y = (loss) => HEIGHT - EDGE - (loss / top) * (HEIGHT - 2 * EDGE);
    const points = finite.map((loss, k) => `${x(k).toFixed(1)} ${y(loss).toFixed(1)}`);
    set(line, { d: points.length ? `M${points.join(" L")}` : "" });
    set(dot, points.length ? { cx: x(finite.length - 1), cy: y(finite.at(-1)), visibility: null } : { visibility: "hidden" });
    const values = { first: short(losses[0]), loss: short(losses.at(-1)), count: words.digits(losses.length - 1) };
    set(root, { "aria-label": words.say("curve", values) });
  }

  return { root, draw };
}
