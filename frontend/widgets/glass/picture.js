// The drawn network. `makePicture` builds it once for a width; `draw` puts a view's numbers in.
// Everything that can be touched is a button with a name; one of them is in the tab order.

import { el, set, svg } from "../shared/dom.js";
import { along, layout, neighbour } from "./layout.js";
import { allNames, parse, sizesOf } from "./names.js";
import { short } from "../shared/numbers.js";
import { wireShows } from "./stages.js";

const SUB = "₀₁₂₃₄₅₆₇₈₉";
const SUP = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const sub = (n) => SUB[n];
const layerMark = (n) => `⁽${SUP[n]}⁾`;
const sign = (value) => (value > 0 ? "pos" : value < 0 ? "neg" : "nil");

export function makePicture(network, width, words, onSelect) {
  const plan = layout(network, width);
  const { nodes, wires, wide } = plan;
  const buttons = {};
  const drawers = [];
  let tabStop = allNames(network)[0];
  let view = null;

  const root = svg("svg", {
    class: `picture ${wide ? "wide" : "narrow"}`,
    viewBox: `0 0 ${plan.width} ${plan.height}`,
    width: plan.width,
    height: plan.height,
    role: "group",
    "aria-label": `${words.say("name")}. ${words.say("keys")}`,
    onclick: (event) => pick(event),
    onkeydown: (event) => steer(event),
  });
  // An SVG element that listens for focus would be a stop of the tab order itself.
  const frame = el("div", { class: "frame", onfocusin: (event) => moveTabStop(event.target.dataset.name) }, root);
  const dots = svg("g", { class: "dots" });
  root.append(svg("g", {}, captions()), svg("g", {}, Object.keys(wires).map(drawLine)), tie(), dots);
  for (const name of allNames(network)) root.append(name[0] === "w" ? drawChip(name) : drawNode(name));

  function button(name, content) {
    buttons[name] = svg("g", { class: "button", role: "button", tabindex: name === tabStop ? 0 : -1, "data-name": name }, content);
    return buttons[name];
  }

  function pick(event) {
    const name = event.target.closest("[data-name]")?.dataset.name;
    if (!name) return;
    buttons[name].focus({ preventScroll: true });
    onSelect(name);
  }

  function steer(event) {
    const name = event.target.dataset?.name;
    if (!name || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") onSelect(name);
    else if (event.key === "Home") focus(allNames(network)[0]);
    else if (event.key === "End") focus("L");
    else if (event.key.startsWith("Arrow")) focus(neighbour(name, event.key, plan));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function focus(name) {
    buttons[name].focus();
  }

  function moveTabStop(name) {
    if (!name || name === tabStop) return;
    set(buttons[tabStop], { tabindex: -1 });
    set(buttons[name], { tabindex: 0 });
    tabStop = name;
  }

  function captions() {
    const last = plan.sizes.length - 1;
    const texts = [];
    const put = (x, text, kind) => {
      const element = svg("text", { x, y: plan.top - 16, class: `caption ${kind}` }, text);
      texts.push(element);
      return element;
    };
    plan.columns.forEach((x, c) => {
      const key = c === 0 ? "input" : c === last ? "output" : "hidden";
      put(c === 0 && !wide ? x - 22 : x, words.say(`column.${key}`), c === 0 && !wide ? "start" : "");
    });
    for (let l = 1; l <= last; l++) {
      const { x1, x2, rest } = wires[`w${l}.1.1`];
      const caption = put(wide ? x1 + (x2 - x1) * rest : (x1 + x2) / 2, "", "symbol");
      drawers.push(({ stage }) => {
        const matrix = `W${layerMark(l)}`;
        const shows = wireShows(stage, l);
        caption.textContent =
          shows === "gradient" ? `∂L/∂${matrix}` : shows === "new" ? `${matrix} ${words.say("column.new")}` : matrix;
      });
    }
    return texts;
  }

  function tie() {
    // The loss hears the answer and the target.
    const { L } = nodes;
    const lines = Object.keys(nodes).filter((name) => /^y|^n/.test(name) && (name[0] === "y" || parse(name, network).layer === network.weights.length - 1));
    return svg("g", { class: "ties" }, lines.map((name) => {
      const { x, y, w } = nodes[name];
      const fromSide = wide && name[0] === "n";
      return svg("path", { d: fromSide ? `M${x + w / 2} ${y} L${L.x - L.w / 2} ${L.y}` : `M${x} ${y} L${L.x} ${L.y}` });
    }));
  }

  function drawLine(name) {
    const wire = wires[name];
    const d = `M${wire.x1} ${wire.y1} L${wire.x2} ${wire.y2}`;
    const line = svg("path", { d, class: "line" });
    const hit = svg("path", { d, class: "hit" });
    const group = svg("g", { class: "wire", "data-name": name }, line, hit);
    drawers.push(({ shown, near, most, active }) => {
      const value = shown(name);
      const size = Math.min(1, Math.abs(value) / most(name)) || 0;
      set(line, { "stroke-width": (1.2 + (wide ? 5 : 4) * size).toFixed(2) });
      set(group, { class: `wire ${sign(value)} ${near(name)} ${active(name) ? "active" : ""}` });
    });
    return group;
  }

  function drawChip(name) {
    const wire = wires[name];
    const text = svg("text", { class: "number" });
    const back = svg("rect", { class: "paper", rx: 6 });
    const area = svg("rect", { class: "area" });
    const group = button(name, [area, back, text]);
    drawers.push(({ shown, near, selected }) => {
      const value = shown(name);
      const printed = short(value);
      const distance = near(name);
      const at = along(wire, spread(name, selected, distance));
      const w = Math.max(30, printed.length * (wide ? 7.3 : 6.8) + 10);
      const h = wide ? 18 : distance === "far" ? 16 : 22;
      set(back, { x: at.x - w / 2, y: at.y - h / 2, width: w, height: h });
      const tall = wide ? h : 44;
      set(area, { x: at.x - Math.max(w, tall) / 2, y: at.y - tall / 2, width: Math.max(w, tall), height: tall });
      set(text, { x: at.x, y: at.y });
      text.textContent = printed;
      set(group, { class: `button chip ${sign(value)} ${distance}` });
    });
    return group;
  }

  /** On a phone the numbers of the neuron in hand move to where its wires lie far apart. */
  function spread(name, selected, distance) {
    const { rest } = wires[name];
    if (wide || distance === "far") return wide ? rest : 0.5;
    const [l, j] = name.slice(1).split(".").map(Number);
    if (selected === `n${l}.${j}`) return 0.38;
    return /^[xn]/.test(selected) ? 0.62 : 0.5;
  }

  function drawNode(name) {
    const { x, y, w, h } = nodes[name];
    const { kind, layer, to } = parse(name, network);
    const left = x - w / 2;
    const topEdge = y - h / 2;
    const clip = `clip-${name}`;
    const frame = { x: left, y: topEdge, width: w, height: h, rx: kind === "n" ? 14 : kind === "L" ? 8 : h / 2 };
    const liquid = svg("rect", { ...frame, rx: 0, class: "liquid" });
    const parts = [
      svg("clipPath", { id: clip }, svg("rect", frame)),
      svg("rect", { ...frame, class: "glass" }),
      svg("g", { "clip-path": `url(#${clip})` }, liquid),
      svg("rect", { ...frame, class: "rim" }),
    ];
    const label = (dx, dy, kindOf, content = "") => {
      const text = svg("text", { x: x + dx, y: y + dy, class: kindOf }, content);
      parts.push(text);
      return text;
    };
    const index = plan.sizes[(layer ?? (kind === "y" ? plan.sizes.length - 2 : -1)) + 1] > 1 ? sub(to + 1) : "";

    if (kind === "n") {
      if (wide) parts.push(svg("path", { d: `M${x} ${topEdge + 8} V${topEdge + h - 8}`, class: "divider" }));
      const isOutput = layer === plan.sizes.length - 2;
      const zName = wide ? label(-w / 4, -13, "tag", `z${index}`) : null;
      const z = label(wide ? -w / 4 : 0, wide ? 9 : -10, wide ? "number" : "number minor");
      const aName = wide ? label(w / 4, -13, "tag", isOutput ? `ŷ${index}` : `a${index}`) : null;
      const a = label(wide ? w / 4 : 0, wide ? 9 : 9, "number strong");
      const bias = label(0, -h / 2 - (wide ? 8 : 7), "tag");
      const blame = svg("rect", { class: "paper", rx: 7, y: y + h / 2 - (wide ? 2 : 6), height: wide ? 18 : 16 });
      const delta = svg("text", { x, y: y + h / 2 + (wide ? 7 : 2), class: "number" });
      const badge = svg("g", { class: "badge" }, blame, delta);
      parts.push(badge);
      drawers.push(({ state, result, reached, stage }) => {
        const forward = reached(`forward.${layer + 1}`);
        const value = result.a[layer][to];
        z.textContent = forward ? short(result.z[layer][to]) : "?";
        a.textContent = forward ? short(value) : "?";
        const b = stage.kind === "update" ? result.updated.biases[layer][to] : state.biases[layer][to];
        bias.textContent = `b${index} ${short(b)}`;
        const d = result.deltas[layer][to];
        const printed = `δ${index} ${short(d)}`;
        const width = printed.length * (wide ? 7 : 6.2) + 10;
        delta.textContent = printed;
        set(blame, { x: x - width / 2, width });
        set(badge, { class: `badge ${sign(d)}`, visibility: reached(`delta.${layer + 1}`) ? null : "hidden" });
        level(liquid, forward ? value : 0);
        for (const element of [zName, aName, z, a]) if (element) element.classList.toggle("unknown", !forward);
      });
    } else if (kind === "L") {
      label(0, wide ? -13 : -11, "tag", "L");
      level(liquid, 0);
      const value = label(0, 9, "number strong");
      const after = svg("text", { x, y: y + h / 2 + (wide ? 13 : 10), class: "number after" });
      parts.push(after);
      drawers.push(({ result, reached }) => {
        value.textContent = reached("loss") ? short(result.loss) : "?";
        value.classList.toggle("unknown", !reached("loss"));
        after.textContent = reached("update") ? `→ ${short(result.after.loss)}` : "";
      });
    } else {
      const [dx, dy] = kind === "y" ? [-w / 2 - 10, 0] : [0, -h / 2 - 8];
      label(dx, dy, "tag", `${kind}${index}`);
      const value = label(0, 0, "number strong");
      drawers.push(({ state }) => {
        value.textContent = short(state[kind][to]);
        level(liquid, state[kind][to]);
      });
    }
    const group = button(name, parts);
    drawers.push(({ selected, active, near }) => {
      set(group, { class: `button node ${kind} ${near(name)} ${name === selected ? "selected" : ""} ${active(name) ? "active" : ""}` });
    });
    return group;
  }

  /** How full a glass is: as full as the number is big, up to 1. */
  function level(liquid, value) {
    liquid.style.transform = `scaleY(${Math.min(1, Math.abs(value)) || 0})`;
    liquid.classList.toggle("neg", value < 0);
  }

  /** Put in the numbers of a view (see glass.js) and what every button says. */
  function draw(next) {
    view = { ...next, ...derived(next) };
    moveTabStop(view.selected);
    for (const drawer of drawers) drawer(view);
    for (const [name, group] of Object.entries(buttons)) {
      set(group, { "aria-label": words.spoken(name, view), "aria-pressed": String(name === view.selected) });
    }
  }

  function derived({ state, result, stage, selected }) {
    const shownIn = { weight: state.weights, gradient: result.gradients.weights, new: result.updated.weights };
    const layerOf = (name) => Number(name[1]) - 1;
    const matrix = (l) => shownIn[wireShows(stage, l + 1)][l];
    const biggest = state.weights.map((_, l) => Math.max(...matrix(l).flat().map(Math.abs), 1e-12));
    // Weights of different layers are compared with one measure, gradients layer by layer.
    const measure = (l) => (wireShows(stage, l + 1) === "gradient" ? biggest[l] : Math.max(...biggest));
    const inHand = new Set(touching(selected));
    return {
      shown: (name) => {
        const { layer, to, from } = parse(name, state);
        return matrix(layer)[to][from];
      },
      most: (name) => measure(layerOf(name)),
      near: (name) => (name === selected ? "selected" : inHand.has(name) ? "near" : "far"),
      active: (name) => isActive(name, stage),
    };
  }

  function touching(name) {
    const part = parse(name, network);
    const all = Object.keys(wires);
    if (part.kind === "w") return [`n${part.layer + 1}.${part.to + 1}`, part.layer ? `n${part.layer}.${part.from + 1}` : `x${part.from + 1}`];
    if (part.kind === "x") return all.filter((wire) => wire.startsWith("w1.") && wire.endsWith(`.${part.to + 1}`));
    if (part.kind !== "n") return name === "L" ? ["y1", `n${sizesOf(network).length - 1}.1`] : ["L"];
    const [into, from] = [`w${part.layer + 1}.${part.to + 1}.`, `w${part.layer + 2}.`];
    return all.filter((wire) => wire.startsWith(into) || (wire.startsWith(from) && wire.endsWith(`.${part.to + 1}`)));
  }

  function isActive(name, stage) {
    const layer = name[0] === "x" || name[0] === "y" ? 0 : Number(name[1]);
    if (stage.kind === "loss") return name === "L";
    if (stage.kind === "update") return name[0] === "w";
    if (stage.kind === "delta") return name[0] === "n" && layer === stage.layer;
    if (stage.kind === "gradient") return name[0] === "w" && layer === stage.layer;
    return stage.kind === "forward" && /[nw]/.test(name[0]) && layer === stage.layer;
  }

  /** Small lights run along the wires that this stage uses, the way the numbers go. */
  function animate() {
    const { stage } = view;
    const backward = stage.kind === "delta" || stage.kind === "gradient";
    const layer = stage.kind === "delta" ? stage.layer + 1 : stage.layer;
    if (!layer || (stage.kind !== "forward" && !backward)) return;
    for (const [name, { x1, y1, x2, y2 }] of Object.entries(wires)) {
      if (Number(name[1]) !== layer) continue;
      const dot = svg("circle", { r: 4, class: sign(view.shown(name)) });
      const way = [`translate(${x1}px, ${y1}px)`, `translate(${x2}px, ${y2}px)`];
      dots.append(dot);
      const run = dot.animate({ transform: backward ? way.reverse() : way }, { duration: 650, easing: "ease-in-out" });
      run.onfinish = () => dot.remove();
    }
  }

  return { root: frame, draw, animate };
}
