// The normal curve with its 68-95-99.7 bands; mean and variance of five numbers as squares.

import { along, area, dots, graph, handle, line, plot, text, word } from "../moving/scene.js";
import { normalDensity, normalShare } from "../moving/normal.js";

const NAMES = ["x1", "x2", "x3", "x4", "x5"];

export const scene = (state) => (state.on === "curve" ? curve(state) : data(state));

function curve({ mean, sd, k }) {
  const height = (x) => normalDensity((x - mean) / sd) / sd;
  const share = 2 * normalShare(k) - 1;
  const top = 1.5 * height(mean);
  const between = (low, high) => [[low, 0], ...along([low, high], 60).map((x) => [x, height(x)]), [high, 0]];
  const named = [[1, 68.27], [2, 95.45], [3, 99.73]].find(([at]) => Math.abs(at - k) < 1e-9);
  return {
    say: word(named ? "say.named" : "say.share", { k, percent: 100 * share, low: mean - k * sd, high: mean + k * sd }),
    plots: [plot([0, 120], [0, top], [
      area("third deep", between(mean - k * sd, mean + k * sd)),
      graph("main", [0, 120], height, 240),
      ...[-3, -2, -1, 0, 1, 2, 3].map((n) => line(n ? "soft thin dashed" : "main thin", [[mean + n * sd, 0], [mean + n * sd, height(mean + n * sd)]])),
      text([mean, height(mean)], [100 * share, "%"], { look: "third strong", shift: [0, -28] }),
    ], { across: ["x"], up: [word("density")], handles: [handle([mean, height(mean)], "mean", null)] })],
    rows: [
      ["μ − kσ = ", mean, " − ", k, " × ", sd, " = ", mean - k * sd],
      ["μ + kσ = ", mean, " + ", k, " × ", sd, " = ", mean + k * sd],
      [word("between"), ": ", share, " = ", 100 * share, "%"],
    ],
  };
}

function data(state) {
  const values = NAMES.map((name) => state[name]);
  const sum = (of) => of.reduce((total, value) => total + value, 0);
  const mean = sum(values) / 5;
  const squares = values.map((x) => (x - mean) ** 2);
  const [all, sample] = [sum(squares) / 5, sum(squares) / 4];
  const square = (x) => [[mean, 0], [x, 0], [x, Math.abs(x - mean)], [mean, Math.abs(x - mean)]];
  return {
    say: word("say.data", { mean, all, sample, sd: Math.sqrt(all) }),
    plots: [plot([0, 100], [-6, 64], [
      ...values.map((x) => area("second", square(x))),
      ...values.map((x) => line("second thin", [...square(x), [mean, 0]])),
      line("main", [[mean, -6], [mean, 64]]),
      dots("ink", values.map((x) => [x, 0]), 6),
      text([mean, 60], [word("mean"), " ", mean], { look: "main strong", side: mean < 50 ? "start" : "end", shift: [mean < 50 ? 6 : -6, 0] }),
    ], { ratio: 0.7, across: ["x"], up: [word("squares")], handles: NAMES.map((name, k) => handle([values[k], 0], name, null)) })],
    rows: [
      ["μ = (", values.map((x, k) => [k ? " + " : "", x]), ") / 5 = ", mean],
      ["Σ(x − μ)² = ", squares.map((s, k) => [k ? " + " : "", s]), " = ", sum(squares)],
      [word("population"), ": σ² = ", sum(squares), " / 5 = ", all, ",  σ = ", Math.sqrt(all)],
      [word("sample"), ": s² = ", sum(squares), " / 4 = ", sample, ",  s = ", Math.sqrt(sample)],
    ],
  };
}
