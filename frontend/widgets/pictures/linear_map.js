// A 2 × 2 matrix moving the plane: its grid, its eigenvectors, its singular values.

import { area, arrow, dots, factor, handle, line, plot, text, word } from "../moving/scene.js";

const REACH = 6;
const SAME = 1e-9;

export function scene({ show, t, a, b, c, d }) {
  // On the way from the identity (t = 0) to the matrix itself (t = 1).
  const at = ([x, y]) => [x + t * (a * x + b * y - x), y + t * (c * x + d * y - y)];
  const grid = Array.from({ length: 2 * REACH + 1 }, (_, k) => k - REACH).flatMap((k) => [[[k, -REACH], [k, REACH]], [[-REACH, k], [REACH, k]]]);
  const det = a * d - b * c;
  const { say, marks, rows } = { grid: onGrid, eigen: onEigen, svd: onSingular }[show]({ a, b, c, d, det }, at);
  return {
    say,
    plots: [plot([-5, 5], [-4, 4], [
      ...grid.map((ends) => line("soft thin faint", ends.map(at))),
      area("main", [[0, 0], [1, 0], [1, 1], [0, 1]].map(at)),
      arrow("second", [0, 0], at([1, 0])), arrow("third", [0, 0], at([0, 1])),
      ...marks,
      dots("ink", [[0, 0]], 3),
    ], { ratio: 0.8, across: ["x"], up: ["y"], handles: t === 1 ? [handle([a, c], "a", "c"), handle([b, d], "b", "d")] : [] })],
    rows: [["det A = ", a, " × ", factor(d), " − ", factor(b), " × ", factor(c), " = ", det], ...rows],
  };
}

function onGrid({ det }) {
  const key = Math.abs(det) < SAME ? "flat" : det < 0 ? "turned" : "area";
  return { say: word(`say.${key}`, { det, size: Math.abs(det) }), marks: [], rows: [] };
}

function onEigen(matrix, at) {
  const pairs = eigen(matrix);
  const marks = pairs.flatMap(([value, [x, y]], k) => [
    line("fourth dashed thin", [[-8 * x, -8 * y], [8 * x, 8 * y]]),
    arrow("fourth", [0, 0], at([x, y])),
    text(at([x, y]), ["λ", "₁₂"[k], " = ", value], { look: "fourth strong", shift: [0, -14] }),
  ]);
  const values = pairs.map(([value]) => value);
  return {
    say: word(`say.eigen${pairs.length}`, { one: values[0] ?? 0, two: values[1] ?? 0 }), marks,
    rows: pairs.map(([value, [x, y]], k) => ["λ", "₁₂"[k], " = ", value, ",  v", "₁₂"[k], " = (", x, ", ", y, ")"]),
  };
}

/** [eigenvalue, unit eigenvector] of each real direction that stays, the larger value first. */
export function eigen({ a, b, c, d }) {
  const half = (a + d) / 2;
  const disc = ((a - d) / 2) ** 2 + b * c;
  if (disc < -SAME) return [];
  if (disc > SAME) return [1, -1].map((sign) => half + sign * Math.sqrt(disc)).map((value) => [value, direction({ a, b, c, d }, value)]);
  if (Math.abs(b) + Math.abs(c) + Math.abs(a - d) < SAME) return [[half, [1, 0]], [half, [0, 1]]];
  return [[half, direction({ a, b, c, d }, half)]];
}

function direction({ a, b, c, d }, value) {
  const rows = [[b, value - a], [value - d, c]];
  const [x, y] = Math.hypot(...rows[0]) >= Math.hypot(...rows[1]) ? rows[0] : rows[1];
  return upright([x, y].map((v) => v / Math.hypot(x, y)));
}

/** Of the two arrows of a direction, the one that points right (or straight up). */
function upright([x, y]) {
  const sign = x > SAME || (x > -SAME && y > 0) ? 1 : -1;
  return [sign * x, sign * y];
}

function onSingular({ a, b, c, d }, at) {
  // The direction that is stretched most: an eigenvector of AᵀA.
  const [across, mixed] = [a * a + c * c - b * b - d * d, 2 * (a * b + c * d)];
  const turn = Math.hypot(across, mixed) < SAME ? 0 : Math.atan2(mixed, across) / 2;
  const first = upright([Math.cos(turn), Math.sin(turn)]);
  const second = [-first[1], first[0]];
  const length = ([x, y]) => Math.hypot(a * x + b * y, c * x + d * y);
  const [one, two] = [length(first), length(second)];
  const circle = Array.from({ length: 73 }, (_, k) => [Math.cos((2 * Math.PI * k) / 72), Math.sin((2 * Math.PI * k) / 72)]);
  return {
    say: word(two < 1e-7 ? "say.svd_flat" : "say.svd", { one, two }),
    marks: [
      line("soft dashed", circle), line("fourth", circle.map(at)),
      arrow("fourth", [0, 0], at(first)), arrow("fifth", [0, 0], at(second)),
      text(at(first), ["σ₁ = ", one], { look: "fourth strong", shift: [0, -14] }), text(at(second), ["σ₂ = ", two], { look: "fifth strong", shift: [0, -14] }),
    ],
    rows: [["σ₁ = ", one, ",  v₁ = (", first[0], ", ", first[1], ")"], ["σ₂ = ", two, ",  σ₁ × σ₂ = ", one * two]],
  };
}
