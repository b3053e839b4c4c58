// A network that is no plain chain (studio/graph.py): a box for each layer and op, from what was
// given at the top down to the loss. A box that is touched shows its card of numbers.

import { make, t } from "../studio/page.js";
import { draw } from "./drawing.js";

const WIDE = 328; // units: a phone
const LEAST = 80; // of a box and the room beside it
const MOST = 164;
const HIGH = 58; // from row to row
const BOX = 38;

/** What shows a graph: its picture in `box`, and in `card` the numbers of the node that was touched;
    why(value, name) makes the button of a number. */
export function startGraph(box, card, why) {
  let chosen = null; // by name: the next step has the same ones

  function show(net) {
    const node = net.nodes.find(({ name }) => name === chosen);
    box.replaceChildren(make("div", { class: "graph-box" }, picture(net)));
    card.replaceChildren(...(node ? told(node) : [make("p", { class: "hint" }, t("play.picture.pick_box"))]));
  }

  function picture(net) {
    const unit = Math.max(LEAST, Math.min(MOST, WIDE / net.width));
    const wide = Math.max(WIDE, unit * net.width);
    const x = (at) => (wide - unit * net.width) / 2 + unit * at;
    const y = (row) => HIGH * (row + 0.5);
    const high = HIGH * net.rows;
    const svg = draw("svg", { viewBox: `0 0 ${wide} ${high}`, role: "group", "aria-label": t("play.picture.label") });
    svg.style.minWidth = `${wide > WIDE ? wide : 0}px`;
    svg.style.maxWidth = `${wide * 1.15}px`;
    for (const wire of net.wires) {
      const places = wire.map(([at, row]) => [x(at), y(row)]);
      svg.append(draw("path", { class: "wire plain", d: way(places) }));
    }
    net.nodes.forEach((node, n) => svg.append(boxed(net, node, n, x(node.x), y(node.row), unit)));
    return svg;
  }

  function boxed(net, node, n, x, y, unit) {
    const wide = unit * 0.9;
    const choose = () => {
      chosen = chosen === node.name ? null : node.name;
      show(net);
      box.querySelector(`[data-place="box-${n}"]`).focus();
    };
    return draw(
      "g",
      {
        class: `box ${node.kind}${chosen === node.name ? " on" : ""}`,
        role: "button",
        tabindex: 0,
        "data-place": `box-${n}`,
        "aria-label": `${node.name}, ${under(node)}`,
        "aria-pressed": String(chosen === node.name),
        transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
        onclick: choose,
        onkeydown: (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          choose();
        },
      },
      draw("title", {}, `${node.name}, ${under(node)}`),
      draw("rect", { x: -wide / 2, y: -BOX / 2, width: wide, height: BOX, rx: node.kind === "op" ? BOX / 2 : 7 }),
      written("name", node.name, wide, -6, 12),
      written("under", under(node), wide, 9, 9.5),
    );
  }

  function told(node) {
    const many = node.shape.reduce((all, n) => all * n, 1) > node.numbers.length;
    const row = (label, value, gradient) => make("tr", {}, make("th", { scope: "row" }, ...label), cell(...value), cell(...gradient));
    const cell = (value, name) => make("td", {}, value == null ? "" : why(value, name));
    return [
      make("h3", {}, node.name, " ", make("small", {}, under(node))),
      many ? make("p", { class: "hint" }, `${t("play.picture.greatest")}:`) : "",
      make("table", { class: "weights" },
        make("thead", {}, make("tr", {}, ...["", t("play.picture.value"), t("play.picture.gradient")].map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {},
          ...node.numbers.map(([name, value, gradient]) => row([make("code", {}, name)], [value, name], [gradient, asGradient(name)])),
          ...node.weights.map(([name, at, shape, value, gradient]) =>
            row([make("code", {}, `${name}${at}`), " ", make("small", {}, shape.join("×"))], [value, `${name}.value${at}`], [gradient, `${name}${at}`])))),
    ];
  }

  return { show };
}

/** What stands under a box's name: its kind where that is not its name, its shape. */
const under = ({ name, op, shape }) => [name.startsWith(op) ? "" : op, shape.join("×")].filter(Boolean).join(" ");

/** "fc1[0, 3]" -> "fc1.grad[0, 3]" */
const asGradient = (name) => (name.includes("[") ? name.replace("[", ".grad[") : `${name}.grad`);

/** From box to box, straight down through the rows that it passes. */
function way(places) {
  const [[x0, y0], ...rest] = places;
  let [x, y, d] = [x0, y0 + BOX / 2, `M${x0} ${y0 + BOX / 2}`];
  rest.forEach(([nx, ny], k) => {
    const top = ny - BOX / 2;
    d += `C${x} ${(y + top) / 2} ${nx} ${(y + top) / 2} ${nx} ${top}`;
    [x, y] = [nx, top];
    if (k < rest.length - 1) d += `V${(y = ny + BOX / 2)}`;
  });
  return d;
}

/** Text as large as fits; of one that does not, the end, where names differ. */
function written(kind, text, wide, y, largest) {
  const room = (wide * 0.92) / 0.56; // of a letter of size 1
  const size = Math.max(8, Math.min(largest, room / text.length));
  const most = Math.floor(room / size);
  return draw("text", { class: kind, y, "font-size": size.toFixed(1) }, text.length <= most ? text : `…${text.slice(1 - most)}`);
}
