// Where everything stands, in pixels, for a given width. Two arrangements: wide, with the loss at
// the right; and for phones, with smaller glasses and the loss below the output.

import { sizesOf } from "./names.js";

const WIDE_FROM = 600;

export function layout(network, available) {
  const sizes = sizesOf(network);
  const last = sizes.length - 1;
  const wide = available >= WIDE_FROM + 130 * (last - 2);
  const box = wide ? { w: 116, h: 54 } : { w: 62, h: 46 };
  const end = wide ? { w: 62, h: 46 } : { w: 44, h: 44 };
  const pitch = wide ? 106 : 74;
  const top = wide ? 36 : 28;
  const edge = wide ? 16 : 7;
  const least = 2 * edge + end.w + last * (box.w + (wide ? 104 : 50)) + (wide ? 116 : 0);
  const width = Math.round(Math.min(Math.max(available, least), wide ? 940 : 560));

  const rows = Math.max(...sizes);
  const x0 = edge + end.w / 2;
  const xOut = width - edge - box.w / 2 - (wide ? 116 : 0);
  const columns = sizes.map((_, c) => x0 + ((xOut - x0) * c) / last);
  const y = (c, j) => top + ((rows - sizes[c]) / 2 + j + 0.5) * pitch;

  const nodes = {};
  sizes.forEach((count, c) => {
    for (let j = 0; j < count; j++) {
      nodes[c ? `n${c}.${j + 1}` : `x${j + 1}`] = { x: columns[c], y: y(c, j), ...(c ? box : end) };
    }
  });
  const outputs = sizes[last];
  const lowest = y(last, outputs - 1);
  nodes.L = wide
    ? { x: width - edge - 42, y: y(last, (outputs - 1) / 2), w: 84, h: 54 }
    : { x: xOut, y: lowest + 68, w: box.w, h: 42 };
  for (let k = 0; k < outputs; k++) {
    nodes[`y${k + 1}`] = wide
      ? { x: nodes.L.x, y: nodes.L.y + 86 + 64 * k, w: 68, h: 44 }
      : { x: xOut - 68 * (outputs - 1 - k), y: nodes.L.y + 58, w: end.w, h: 40 };
  }

  const wires = {};
  for (let l = 1; l <= last; l++) {
    for (let j = 1; j <= sizes[l]; j++) {
      for (let i = 1; i <= sizes[l - 1]; i++) {
        const from = nodes[l === 1 ? `x${i}` : `n${l - 1}.${i}`];
        const to = nodes[`n${l}.${j}`];
        wires[`w${l}.${j}.${i}`] = {
          x1: from.x + from.w / 2,
          y1: from.y,
          x2: to.x - to.w / 2,
          y2: to.y,
          // So far along the wires their numbers stand in one even column, row after row of W.
          rest: sizes[l] === 1 ? 0.46 : Math.min(sizes[l - 1] / (sizes[l - 1] + 1), 1 - 31 / (to.x - to.w / 2 - from.x - from.w / 2)),
        };
      }
    }
  }
  const bottoms = Object.values(nodes).map((node) => node.y + node.h / 2);
  return { wide, width, height: Math.max(...bottoms) + (wide ? 26 : 20), nodes, wires, columns, top, sizes };
}

/** The point of a wire at the fraction t of its way. */
export const along = ({ x1, y1, x2, y2 }, t) => ({ x: x1 + (x2 - x1) * t, y: y1 + (y2 - y1) * t });

/** The name that the arrow key leads to, as the things stand in the picture. */
export function neighbour(name, key, { sizes }) {
  const last = sizes.length - 1;
  const node = (c, j) => (c === 0 ? `x${j}` : `n${c}.${j}`);
  const clamp = (value, most) => Math.max(1, Math.min(most, value));
  const kind = name[0];
  const numbers = name.slice(1).split(".").map(Number);
  const vertical = { ArrowUp: -1, ArrowDown: 1 }[key] ?? 0;
  const ahead = key === "ArrowRight";

  if (kind === "w") {
    const [l, j, i] = numbers;
    if (!vertical) return ahead ? node(l, j) : node(l - 1, i);
    const place = (j - 1) * sizes[l - 1] + (i - 1) + vertical;
    if (place < 0 || place >= sizes[l] * sizes[l - 1]) return name;
    return `w${l}.${Math.floor(place / sizes[l - 1]) + 1}.${(place % sizes[l - 1]) + 1}`;
  }
  if (kind === "L") return key === "ArrowLeft" ? node(last, 1) : vertical > 0 ? "y1" : name;
  if (kind === "y") {
    const k = numbers[0] + vertical;
    if (!vertical) return key === "ArrowLeft" ? node(last, clamp(numbers[0], sizes[last])) : name;
    return k < 1 ? "L" : `y${clamp(k, sizes[last])}`;
  }
  const [c, j] = kind === "x" ? [0, numbers[0]] : numbers;
  if (vertical) return node(c, clamp(j + vertical, sizes[c]));
  if (ahead) return c === last ? "L" : `w${c + 1}.${clamp(j, sizes[c + 1])}.${j}`;
  return c === 0 ? name : `w${c}.${j}.${clamp(j, sizes[c - 1])}`;
}
