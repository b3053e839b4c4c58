// Overfitting: a curve with more and more knobs through twelve noisy points; L2 and dropout hold it.
//
// The curve is a sum of Chebyshev polynomials with least squares weights. Dropout of its terms with
// probability p is shown averaged over everything that can be dropped: that is least squares with a
// penalty p / (1 − p) × (sum of the squared term) on each squared weight (Srivastava et al. 2014).

import { along, dots, line, plot, text, word } from "../moving/scene.js";

const ENDS = [-1, 1];
const terms = (x, degree) => Array.from({ length: degree + 1 }, (_, k) => Math.cos(k * Math.acos(Math.min(1, Math.max(-1, x)))));
const sum = (of) => of.reduce((total, value) => total + value, 0);

/** The weights of least squares with the state's penalty; the constant term has none. */
export function fit(points, degree, { guard, l2, p }) {
  const rows = points.map(([x]) => terms(x, degree));
  const matrix = Array.from({ length: degree + 1 }, (_, i) => Array.from({ length: degree + 1 }, (_, j) => sum(rows.map((row) => row[i] * row[j]))));
  const wanted = matrix.map((_, i) => sum(rows.map((row, n) => row[i] * points[n][1])));
  const penalty = { none: () => 0, l2: () => points.length * 10 ** l2, dropout: (k) => (p / (1 - p)) * matrix[k][k] }[guard];
  const penalties = matrix.map((_, k) => (k ? penalty(k) : 0));
  return solve(matrix.map((row, k) => row.map((value, j) => value + (j === k ? penalties[k] : 0))), wanted);
}

/** Gaussian elimination with the largest pivot. */
function solve(matrix, wanted) {
  const rows = matrix.map((row, k) => [...row, wanted[k]]);
  for (let k = 0; k < rows.length; k++) {
    const pivot = rows.slice(k).reduce((best, row, n) => (Math.abs(row[k]) > Math.abs(rows[best][k]) ? k + n : best), k);
    [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
    for (let i = k + 1; i < rows.length; i++) {
      const times = rows[i][k] / rows[k][k];
      rows[i] = rows[i].map((value, j) => value - times * rows[k][j]);
    }
  }
  const found = [];
  for (let k = rows.length - 1; k >= 0; k--) {
    found[k] = (rows[k].at(-1) - sum(found.slice(k + 1).map((value, n) => rows[k][k + 1 + n] * value))) / rows[k][k];
  }
  return found;
}

const value = (weights, x) => sum(terms(x, weights.length - 1).map((term, k) => term * weights[k]));
const error = (weights, points) => Math.sqrt(sum(points.map(([x, y]) => (value(weights, x) - y) ** 2)) / points.length);

export function scene(state, { train, check, most }) {
  const { degree } = state;
  const fits = Array.from({ length: most }, (_, k) => fit(train, k + 1, state));
  const errors = fits.map((weights) => [error(weights, train), error(weights, check)]);
  const weights = fits[degree - 1];
  const [own, fresh] = errors[degree - 1];
  const best = Math.min(...errors.map(([, other]) => other));
  const at = errors.findIndex(([, other]) => other === best) + 1;
  const key = fresh <= 1.15 * best ? "good" : degree < at ? "under" : "over";
  const across = along(ENDS, 160);
  return {
    say: word(`say.${key}`, { own, fresh, best, at }),
    plots: [
      plot(ENDS, [-2, 2], [
        line("soft dashed", across.map((x) => [x, Math.sin(Math.PI * x)])),
        dots("third hollow", check, 3), line("main", across.map((x) => [x, value(weights, x)])), dots("ink", train, 5.5),
      ], { across: ["x"], up: ["y"] }),
      plot([1, most], [0, 1], [
        ...[["ink", 0], ["third", 1]].flatMap(([look, n]) => [
          line(look, errors.map((pair, k) => [k + 1, pair[n]])), dots(look, [[degree, errors[degree - 1][n]]], 6),
        ]),
        text([most, 1], [word("fresh")], { look: "third", side: "end", shift: [-6, 12] }),
        text([most, 1], [word("own")], { look: "ink", side: "end", shift: [-6, 28] }),
      ], { ratio: 0.45, across: [word("degree")], up: [word("error")] }),
    ],
    rows: [[word("own"), ": ", own], [word("fresh"), ": ", fresh], ["Σw² = ", sum(weights.slice(1).map((w) => w * w))]],
  };
}
