// What can be touched, and how it is called: in the address (x3, n1.2, w1.2.3, y1, L),
// in formulas (x₃, w⁽¹⁾₂₃) and by which value of the state it is changed.

import { sym } from "./notation.js";

/** Layer sizes, inputs first: [4, 4, 1]. */
export const sizesOf = (network) => [network.weights[0][0].length, ...network.weights.map((w) => w.length)];

/** The parts of a name: { kind: "x" | "n" | "w" | "y" | "L", layer, to, from }, counted from 0; or null. */
export function parse(name, network) {
  const match = /^(?:([xy])([1-9])|n([1-9])\.([1-9])|w([1-9])\.([1-9])\.([1-9])|(L))$/.exec(name);
  if (!match) return null;
  const [, end, place, nLayer, nTo, wLayer, wTo, from] = match;
  const sizes = sizesOf(network);
  const last = sizes.length - 1;
  const within = (index, layer) => Number(index) <= (sizes[layer] ?? 0);
  if (end === "x") return within(place, 0) ? { kind: "x", to: place - 1 } : null;
  if (end === "y") return within(place, last) ? { kind: "y", to: place - 1 } : null;
  if (nLayer) return within(nTo, Number(nLayer)) ? { kind: "n", layer: nLayer - 1, to: nTo - 1 } : null;
  if (!wLayer) return { kind: "L" };
  return within(wTo, Number(wLayer)) && within(from, wLayer - 1)
    ? { kind: "w", layer: wLayer - 1, to: wTo - 1, from: from - 1 }
    : null;
}

/** All names in reading order: a column of neurons, the wires behind it, the next column... */
export function allNames(network) {
  const sizes = sizesOf(network);
  const range = (count) => Array.from({ length: count }, (_, i) => i + 1);
  const names = range(sizes[0]).map((i) => `x${i}`);
  for (let l = 1; l < sizes.length; l++) {
    for (const j of range(sizes[l])) for (const i of range(sizes[l - 1])) names.push(`w${l}.${j}.${i}`);
    for (const j of range(sizes[l])) names.push(`n${l}.${j}`);
  }
  return [...names, "L", ...range(sizes.at(-1)).map((k) => `y${k}`)];
}

/** Which knob changes the thing of that name: a neuron has its bias, the loss its first target. */
export function knobOf(name) {
  if (name === "L") return "y1";
  return name.replace("n", "b");
}

/** Letters for formulas. Layers and neurons count from 0 here, from 1 in print. */
export function symbols(network) {
  const sizes = sizesOf(network);
  const last = sizes.length - 2;
  // A neuron that is alone in its layer needs no number.
  const index = (layer, j) => (sizes[layer + 1] === 1 ? "" : String(j + 1));
  return {
    x: (i) => sym("x", "", index(-1, i)),
    y: (k) => sym("y", "", index(last, k)),
    answer: (k) => sym("ŷ", "", index(last, k)),
    z: (l, j) => sym("z", l + 1, index(l, j)),
    a: (l, j) => (l === last ? sym("ŷ", "", index(l, j)) : sym("a", l + 1, index(l, j))),
    b: (l, j) => sym("b", l + 1, index(l, j)),
    delta: (l, j) => sym("δ", l + 1, index(l, j)),
    w: (l, j, i) => sym("w", l + 1, index(l, j) + index(l - 1, i)),
    heard: (l, i) => (l === 0 ? sym("x", "", index(-1, i)) : sym("a", l, index(l - 1, i))),
  };
}
