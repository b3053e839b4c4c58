// What the network answers everywhere, where its inputs are one number or two: a line through points,
// or classes in a plane. A touch puts a point there, or takes one away.

import { count, make, t } from "../studio/page.js";
import { draw } from "./drawing.js";
import { view } from "./view.js";

const SIDE = 220; // units
const HIGH = { 1: 150, 2: SIDE };
const CELLS = 22;
const NEAR = 9; // units: so near, a touch means the point that is there
const BENT = {
  none: (z) => z,
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  tanh: Math.tanh,
  relu: (z) => Math.max(0, z),
  leaky_relu: (z) => (z > 0 ? z : 0.01 * z),
};

/** data(net): {x, y}, a row an example; place: null, or {add(x, y), remove(n)} by touch. */
export function startField(root, data, place) {
  const svg = draw("svg", { role: "img", class: "field-picture" });
  const told = make("p", { class: "hint" });
  const kinds = make("div", { class: "chips kinds", role: "radiogroup", "aria-label": t("play.field.adds") });
  root.append(svg, kinds, told);
  let kind = 0; // the class of a point that is put there
  let seen = null; // {x, y, at}: where the points lie in the picture

  view.shown(show);
  view.failed(() => (root.hidden = true));
  svg.addEventListener("click", touched);

  function show() {
    const net = view.answer.network;
    const answer = net?.layers ? answering(net) : null;
    const { x, y } = answer ? data(net) : { x: [[]], y: [[]] };
    const inputs = x[0].length;
    const classes = net?.chances ? net.chances[0].length : 0;
    root.hidden = !answer || inputs > 2 || y[0].length !== 1 || (inputs === 1 && classes > 0);
    if (root.hidden) return;
    const high = HIGH[inputs];
    const across = range(x.map((row) => row[0]));
    const up = range(inputs === 2 ? x.map((row) => row[1]) : y.map((row) => row[0]));
    const at = {
      x: (v) => ((v - across.least) / across.wide) * SIDE,
      y: (v) => high - ((v - up.least) / up.wide) * high,
      back: (px, py) => [across.least + (px / SIDE) * across.wide, up.least + ((high - py) / high) * up.wide],
    };
    seen = { x, y, at, inputs, binary: !classes && y.every(([v]) => v === 0 || v === 1), classes };
    svg.setAttribute("viewBox", `0 0 ${SIDE} ${high}`);
    svg.replaceChildren(...(inputs === 2 ? plane(answer, high) : line(answer)), ...points());
    const right = seen.binary || classes ? x.filter((row, n) => decided(answer(row)) === y[n][0]).length : null;
    told.textContent = [
      right === null ? "" : t("play.field.right", { right: count(right), all: count(x.length) }),
      place.allowed() ? t("play.field.touch") : "",
    ].join(" ");
    svg.setAttribute("aria-label", t(inputs === 2 ? "play.field.plane" : "play.field.line", { count: count(x.length) }));
    showKinds();
  }

  const decided = (out) => (seen.classes ? out.indexOf(Math.max(...out)) : out[0] > 0.5 ? 1 : 0);

  function plane(answer, high) {
    const step = SIDE / CELLS;
    const targets = seen.y.map(([v]) => v);
    const least = Math.min(...targets);
    const wide = Math.max(...targets) - least || 1;
    const cells = [];
    for (let px = 0; px < SIDE; px += step) {
      for (let py = 0; py < high; py += step) {
        const out = answer(seen.at.back(px + step / 2, py + step / 2));
        const sure = seen.classes ? Math.max(...out) : Math.abs((out[0] - least) / wide - 0.5) * 2;
        const c = seen.classes ? decided(out) : Number((out[0] - least) / wide > 0.5);
        cells.push(
          draw("rect", { class: `class-${c % 4}`, x: px.toFixed(1), y: py.toFixed(1), width: step, height: step, "fill-opacity": (0.06 + 0.4 * Math.min(1, sure)).toFixed(2) }),
        );
      }
    }
    return cells;
  }

  function line(answer) {
    const d = [];
    for (let i = 0, pen = "M"; i <= 80; i++) {
      const px = (i / 80) * SIDE;
      const y = seen.at.y(answer([seen.at.back(px, 0)[0]])[0]);
      // A network that flew off answers with numbers that no picture holds, or with none.
      if (!Number.isNaN(y)) d.push(`${pen}${px.toFixed(1)} ${Math.min(1e4, Math.max(-1e4, y)).toFixed(1)}`);
      pen = Number.isNaN(y) ? "M" : "L";
    }
    return [draw("path", { class: "answer-line", d: d.join("") })];
  }

  const px = (n) => seen.at.x(seen.x[n][0]);
  const py = (n) => seen.at.y(seen.inputs === 2 ? seen.x[n][1] : seen.y[n][0]);

  function points() {
    return seen.x.map((_, n) => {
      const c = seen.inputs === 1 ? 0 : seen.classes || seen.binary ? seen.y[n][0] % 4 : 0;
      return draw("circle", { class: `point class-${c}`, cx: px(n).toFixed(1), cy: py(n).toFixed(1), r: 5 });
    });
  }

  function showKinds() {
    const many = seen.inputs === 2 && place.allowed() ? seen.classes || (seen.binary ? 2 : 0) : 0;
    kinds.hidden = !many;
    kind = Math.min(kind, Math.max(0, many - 1));
    kinds.replaceChildren(
      ...Array.from({ length: many }, (_, c) => {
        const radio = make("input", { type: "radio", name: "kind", value: c, checked: c === kind });
        radio.addEventListener("change", () => (kind = c));
        return make("label", { class: `kind class-${c % 4}` }, radio, t("play.field.class", { n: count(c) }));
      }),
    );
  }

  function touched(event) {
    if (!seen || !place.allowed()) return;
    const box = svg.getBoundingClientRect();
    const scale = SIDE / box.width;
    const [tx, ty] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
    const near = seen.x.findIndex((_, n) => Math.hypot(px(n) - tx, py(n) - ty) < NEAR);
    if (near >= 0) return place.remove(near);
    const [a, b] = seen.at.back(tx, ty).map((v) => Math.round(v * 10) / 10 || 0);
    if (seen.inputs === 1) place.add([a], [b]);
    else place.add([a, b], [seen.classes || seen.binary ? kind : seen.y[0][0]]);
  }
}

/** What the network gives out for any input; null where it has what is not known here. */
function answering(net) {
  if (!net.layers.every(({ activation }) => activation in BENT)) return null;
  return (x) => {
    let a = x;
    for (const { W, b, activation } of net.layers) {
      a = W.map((row, j) => BENT[activation](row.reduce((sum, w, i) => sum + w * a[i], b?.[j] ?? 0)));
    }
    if (!net.chances) return a;
    const e = a.map((z) => Math.exp(z - Math.max(...a)));
    const sum = e.reduce((s, v) => s + v, 0);
    return e.map((v) => v / sum);
  };
}

/** The examples of the step that is shown, a row each. */
export function ofStep({ inputs, target }) {
  const y = [target].flat();
  return { x: inputs, y: inputs.map((_, n) => [y[n] ?? 0].flat()) };
}

function range(values) {
  const least = Math.min(...values);
  const wide = Math.max(...values) - least || 1;
  return { least: least - 0.15 * wide, wide: 1.3 * wide };
}
