// The matrix product as rows meeting columns: A below on the left, B above on the right, and every
// number of AB where a row of A meets a column of B. A dot product is one row and one column.

import { area, box, button, factor, plot, sub, text, word } from "../moving/scene.js";

const GAP = 0.5;
const EDGE = 0.15;

export function scene(state, { m, n, p }) {
  const { step } = state;
  const range = (count) => Array.from({ length: count }, (_, k) => k);
  const A = range(m).map((i) => range(n).map((k) => state[`a${i + 1}${k + 1}`]));
  const B = range(n).map((k) => range(p).map((j) => state[`b${k + 1}${j + 1}`]));
  // A step is one term of one number of AB.
  const cell = Math.ceil(step / n) - 1;
  const [i, j, k] = [Math.floor(cell / p), cell % p, (step + n - 1) % n];
  const terms = (row, column) => range(n).map((at) => A[row][at] * B[at][column]);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const shown = (row, column) => {
    const own = row * p + column;
    return own > cell ? [] : [sum(terms(row, column).slice(0, own === cell ? k + 1 : n))];
  };
  const [right, top] = [n + GAP, m + GAP];
  const at = { A: (row, column) => [column, m - 1 - row], B: (row, column) => [right + column, top + n - 1 - row], C: (row, column) => [right + column, m - 1 - row] };
  const look = (mine, now) => (step === 0 || !mine ? "big" : now ? "third on big" : "main on big");
  const own = (matrix, mine, number) => range(matrix.length).flatMap((row) =>
    range(matrix[row].length).map((column) => box(mine(row, column), at[number](row, column), [1, 1], [matrix[row][column]].flat())));
  const band = (x, y, width, height) => area("main", [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]);
  const C = range(m).map((row) => range(p).map((column) => shown(row, column)));
  const size = [n + GAP + p + 2 * EDGE, m + GAP + n + 2 * EDGE];
  const say = step === 0 ? word("say.start", { m, n, p })
    : word("say.term", { i: i + 1, j: j + 1, a: A[i][k], b: B[k][j], product: terms(i, j)[k], sum: shown(i, j)[0] });
  return {
    say,
    plots: [plot([-EDGE, size[0] - EDGE], [-EDGE, size[1] - EDGE], [
      ...(step ? [band(0, m - 1 - i, right + j + 1, 1), band(right + j, m - 1 - i, 1, GAP + n + i + 1)] : []),
      ...own(A, (row, column) => look(row === i, column === k), "A"),
      ...own(B, (row, column) => look(column === j, row === k), "B"),
      ...own(C, (row, column) => look(row === i && column === j, false), "C"),
      text([n / 2, top + n / 2], ["A: ", m, "×", n], { look: "main big", shift: [0, -22] }),
      text([n / 2, top + n / 2], ["B: ", n, "×", p], { look: "main big" }),
      text([n / 2, top + n / 2], ["AB: ", m, "×", p], { look: "main big", shift: [0, 22] }),
    ], {
      ratio: size[1] / size[0], bare: true,
      buttons: range(m).flatMap((row) => range(p).map((column) =>
        button(at.C(row, column), [1, 1], { step: (row * p + column + 1) * n }, ["c", sub(row + 1), sub(column + 1)]))),
    })],
    rows: step ? [[
      "c", sub(i + 1), sub(j + 1), " = ",
      range(k + 1).map((at) => [at ? " + " : "", at ? factor(A[i][at]) : A[i][at], " × ", factor(B[at][j])]),
      k + 1 < n ? " + …" : "", " = ", shown(i, j)[0], k + 1 < n ? " + …" : "",
    ]] : [],
  };
}
