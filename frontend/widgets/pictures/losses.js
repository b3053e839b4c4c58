// What a loss makes of an error: MSE, MAE and Huber with an outlier; cross-entropy beside MSE.

import { dots, graph, handle, line, plot, text, word } from "../moving/scene.js";

const LOSSES = [
  ["MSE", "main", (e) => e * e],
  ["MAE", "second", (e) => Math.abs(e)],
  ["Huber", "third", (e) => (Math.abs(e) <= 1 ? 0.5 * e * e : Math.abs(e) - 0.5)],
];
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

export const scene = (state, given) => (state.on === "number" ? numbers(state, given) : classes(state));

/** The guess that makes the Huber loss of these numbers smallest: where its slope crosses zero. */
function huberBest(values) {
  const slope = (c) => values.reduce((sum, y) => sum + Math.min(1, Math.max(-1, c - y)), 0);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  for (let k = 0; k < 80; k++) {
    const middle = (low + high) / 2;
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function numbers({ guess, outlier }, { values: own }) {
  const values = [...own, outlier];
  const sorted = [...values].sort((a, b) => a - b);
  const best = [mean(values), sorted[(values.length - 1) / 2], huberBest(values)];
  const errors = values.map((y) => guess - y);
  const far = Math.max(...values) > 2 * Math.max(...own);
  const bestLine = (at, look, name, height) => [line(`${look} dashed`, [[at, 0], [at, height]]), text([at, height], [name, " ", at], { look: `${look} strong`, side: "start", shift: [4, 8] })];
  return {
    say: word(far ? "say.far" : "say.near", { outlier, mean: best[0], median: best[1], huber: best[2] }),
    plots: [
      plot([-1, 32], [-0.6, 4], [
        line("ink thin", [[-1, 0], [32, 0]]),
        ...[0, 5, 10, 15, 20, 25, 30].map((at) => text([at, 0], [at], { look: "soft", shift: [0, 14] })),
        ...LOSSES.flatMap(([name, look], k) => bestLine(best[k], look, name, [1.6, 3.6, 2.6][k])),
        dots("ink", own.map((y) => [y, 0]), 5),
        dots("fifth", [[outlier, 0]], 7),
      ], { ratio: 0.42, bare: true, handles: [handle([outlier, 0], "outlier", null)] }),
      plot([-6, 6], [0, 12], [
        ...LOSSES.map(([, look, loss]) => graph(look, [-6, 6], loss)),
        ...LOSSES.map(([, look, loss]) => dots(look, errors.map((e) => [e, loss(e)]), 4)),
        ...LOSSES.map(([name, look], k) => text([-5.8, 11], [name], { look: `${look} strong`, side: "start", shift: [0, 16 * k] })),
      ], { ratio: 0.5, across: [word("error"), ": ŷ − y"], up: [word("loss")] }),
    ],
    rows: LOSSES.map(([name, , loss]) => [name, " = ", mean(errors.map(loss))]),
  };
}

function classes({ truth, p }) {
  const right = truth === "yes" ? p : 1 - p;
  const toward = truth === "yes" ? 1 : -1;
  const [entropy, square] = [-Math.log(right), (1 - right) ** 2];
  const share = (x) => (truth === "yes" ? x : 1 - x);
  return {
    say: word(right < 0.2 ? "say.sure" : right > 0.8 ? "say.right" : "say.unsure", { p, entropy, square }),
    plots: [plot([0, 1], [0, 5], [
      graph("main", [0.002, 0.998], (x) => -Math.log(share(x)), 249),
      graph("second", [0, 1], (x) => (1 - share(x)) ** 2),
      dots("main", [[p, entropy]], 6), dots("second", [[p, square]], 6),
      text([0.5, 4.6], [word("entropy")], { look: "main strong" }), text([0.5, 4.6], [word("square")], { look: "second strong", shift: [0, 18] }),
    ], { across: [word("p")], up: [word("loss")], handles: [handle([p, entropy], "p", null)] })],
    rows: [
      [word("entropy"), " = −ln(", right, ") = ", entropy], [word("slope"), " = ", -toward / right],
      [word("square"), " = (1 − ", right, ")² = ", square], [word("slope"), " = ", -2 * toward * (1 - right)],
    ],
  };
}
