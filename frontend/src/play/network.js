// The network as a picture: neurons with their values, wires with sign and size. A neuron that is
// touched shows its card, with all that goes in; every number there can be asked why (asking.js).

import { count, make, t } from "../studio/page.js";
import { draw } from "./drawing.js";
import { startGraph } from "./graph.js";
import { short, view } from "./view.js";

const MANY = 60; // wires between two layers, above which each is thin
const NARROW = 328; // units: the picture is laid out for a phone, and grows

/** typing.allowed(): whether weights can be typed at all, at the first step; typing.box(name, value):
    the field for one, or null. */
export function startNetwork(root, typing) {
  const box = make("div", { class: "network-box" });
  const pick = make("select", { "aria-label": t("play.picture.example") });
  const which = make("label", { class: "field which", hidden: true }, make("span", {}, t("play.picture.example")), pick);
  const card = make("div", { class: "card", "aria-live": "polite" });
  root.append(which, box, card);
  const graph = startGraph(box, card, why);
  let chosen = null;
  let row = 0;

  pick.addEventListener("change", () => {
    row = Number(pick.value);
    show();
  });
  view.shown(show);

  function show() {
    const focus = document.activeElement?.closest?.("[data-place]")?.dataset.place;
    const net = view.answer?.network;
    which.hidden = !net?.layers || net.rows < 2;
    if (!net) {
      box.replaceChildren(make("p", { class: "hint" }, t("play.picture.none")));
      card.replaceChildren();
      return;
    }
    if (net.nodes) {
      graph.show(net);
      if (focus) root.querySelector(`[data-place="${focus}"]`)?.focus();
      return;
    }
    row = Math.min(row, Math.max(0, net.rows - 1));
    if (pick.options.length !== net.rows) {
      pick.replaceChildren(...Array.from({ length: net.rows }, (_, n) => make("option", { value: n }, count(n + 1))));
    }
    pick.value = row;
    if (chosen && !net.layers[chosen[0]]?.b?.[chosen[1]] && net.layers[chosen[0]]?.z[0].length <= chosen[1]) chosen = null;
    if (chosen && !net.layers[chosen[0]]) chosen = null;
    box.replaceChildren(picture(net));
    showCard(net);
    if (focus) root.querySelector(`[data-place="${focus}"]`)?.focus();
  }

  function picture(net) {
    const columns = [net.inputs[row].map((value) => ({ value }))];
    for (const layer of net.layers) columns.push((layer.a ?? layer.z)[row].map((value) => ({ value })));
    if (net.chances) columns.push(net.chances[row].map((value) => ({ value })));
    const tallest = Math.max(...columns.map((column) => column.length));
    const gap = (NARROW - 44) / Math.max(1, columns.length - 1);
    const pitch = tallest <= 6 ? 50 : tallest <= 10 ? 34 : 24;
    const r = Math.min(pitch * 0.44, gap * 0.36, 21);
    const high = tallest * pitch + 8;
    const x = (c) => 22 + gap * c;
    const y = (c, n) => high / 2 + (n - (columns[c].length - 1) / 2) * pitch;
    const svg = draw("svg", { viewBox: `0 0 ${NARROW} ${high}`, role: "group", "aria-label": t("play.picture.label") });
    svg.style.maxWidth = `${NARROW * (pitch === 24 ? 1.1 : 1.6)}px`;

    net.layers.forEach((layer, l) => {
      const biggest = Math.max(...layer.W.flat().map(Math.abs)) || 1;
      const thickest = layer.W.length * layer.W[0].length > MANY ? 1.2 : 3.4;
      layer.W.forEach((wires, j) =>
        wires.forEach((w, i) => {
          const name = `${layer.names.W}[${j}, ${i}]`;
          const d = `M${x(l) + r} ${y(l, i)}L${x(l + 1) - r} ${y(l + 1, j)}`;
          const lit = chosen && chosen[0] === l && chosen[1] === j;
          svg.append(
            draw("path", { class: `wire ${w < 0 ? "negative" : "positive"}${lit ? " lit" : ""}`, d, "stroke-width": (0.3 + (thickest * Math.abs(w)) / biggest).toFixed(2) }),
            draw("path", { class: "reach", d, "data-why": name }, draw("title", {}, t("play.picture.weight", { name, value: short(w) }))),
          );
        }),
      );
    });
    if (net.chances) {
      const l = net.layers.length;
      columns[l].forEach((_, n) => svg.append(draw("path", { class: "wire plain", d: `M${x(l) + r} ${y(l, n)}L${x(l + 1) - r} ${y(l + 1, n)}` })));
    }
    columns.forEach((column, c) =>
      column.forEach(({ value }, n) => svg.append(neuron(net, c, n, value, x(c), y(c, n), r))),
    );
    return svg;
  }

  function neuron(net, c, n, value, x, y, r) {
    const l = c - 1;
    const isChance = l >= net.layers.length;
    const words = { value: short(value), i: count(n + 1), n: isChance ? count(n) : count(n + 1), layer: count(c) };
    const label = t(c === 0 ? "play.picture.input" : isChance ? "play.picture.chance" : "play.picture.neuron", words);
    const question = c === 0 ? at("x", n) : isChance ? "loss" : null;
    const choose = () => {
      chosen = [l, n];
      show();
    };
    const on = chosen && chosen[0] === l && chosen[1] === n;
    const strength = Math.min(1, Math.abs(value ?? 0));
    return draw(
      "g",
      {
        class: `neuron ${value < 0 ? "negative" : "positive"}${on ? " on" : ""}`,
        role: "button",
        tabindex: 0,
        "data-place": `${c}-${n}`,
        "aria-label": label,
        "aria-pressed": c === 0 || isChance ? null : String(Boolean(on)),
        transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
        "data-why": question,
        ...(question ? {} : { onclick: choose }),
        onkeydown: (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          event.currentTarget.dispatchEvent(new MouseEvent("click", { bubbles: true }));
        },
      },
      draw("title", {}, label),
      draw("circle", { class: "hit", r: Math.max(r, 12) }),
      draw("circle", { class: "paper", r }),
      draw("circle", { class: "body", r, "fill-opacity": (0.08 + 0.5 * strength).toFixed(2) }),
      r >= 14 ? draw("text", { "font-size": Math.min(r < 18 ? 9 : 11, (3.2 * r) / short(value, 3).length).toFixed(1) }, short(value, 3)) : null,
    );
  }

  /** A name for why, of this example's number n. */
  const at = (name, n) => (view.answer.network.rows ? `${name}[${row}, ${n}]` : `${name}[${n}]`);

  function showCard(net) {
    if (!chosen) {
      card.replaceChildren(make("p", { class: "hint" }, t("play.picture.pick"), " ", t("play.picture.key")));
      return;
    }
    const [l, j] = chosen;
    const layer = net.layers[l];
    const fact = (label, value, name) => make("li", {}, make("span", {}, label), why(value, name));
    const facts = [fact(t("play.picture.z"), layer.z[row][j], at(layer.names.z, j))];
    if (layer.a) facts.push(fact(t("play.picture.a"), layer.a[row][j], at(layer.names.a, j)));
    if (layer.dz) facts.push(fact(t("play.picture.dz"), layer.dz[row][j], at(`${layer.names.z}.grad`, j)));
    const weights = [];
    if (layer.b) weights.push(weight(t("play.picture.bias"), `${layer.names.b}[${j}]`, layer.names.b, `[${j}]`, layer.b[j], layer.db?.[j]));
    layer.W[j].forEach((w, i) => {
      const from = t(l ? "play.picture.from_neuron" : "play.picture.from_input", { n: count(i + 1) });
      weights.push(weight(from, `${layer.names.W}[${j}, ${i}]`, layer.names.W, `[${j}, ${i}]`, w, layer.dW?.[j][i]));
    });
    const head = ["", t("play.picture.value"), t("play.picture.gradient")].map((text) => make("th", { scope: "col" }, text));
    const inside = [
      make("h3", {}, t("play.picture.card", { layer: count(l + 1), n: count(j + 1) })),
      make("ul", { class: "facts" }, ...facts),
      make("table", { class: "weights" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...weights)),
      view.k && typing.allowed() ? make("p", { class: "hint" }, t("play.picture.start")) : null,
    ];
    card.replaceChildren(...inside.filter(Boolean));
  }

  function weight(label, name, path, place, value, gradient) {
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, label),
      make("td", {}, typing.box?.(name, value) ?? why(value, `${path}.value${place}`)),
      make("td", {}, gradient == null ? "" : why(gradient, name)),
    );
  }

  function why(value, name) {
    return make(
      "button",
      { type: "button", class: "number", "data-why": name, "aria-label": t("play.picture.why", { name, value: short(value) }) },
      short(value),
    );
  }
}
