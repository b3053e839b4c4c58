// Activation functions and their derivatives, with the tangent at one place.

import { dots, graph, handle, line, plot, text, word } from "../moving/scene.js";
import { normalDensity, normalShare } from "../moving/normal.js";

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** of: the activation; slope: its derivative; symbol; y: what the drawing shows. */
export const ACTIVATIONS = {
  sigmoid: { of: sigmoid, slope: (z) => sigmoid(z) * (1 - sigmoid(z)), symbol: "σ", y: [-0.2, 1.2] },
  tanh: { of: Math.tanh, slope: (z) => 1 - Math.tanh(z) ** 2, symbol: "tanh", y: [-1.3, 1.3] },
  relu: { of: (z) => Math.max(0, z), slope: (z) => (z > 0 ? 1 : 0), symbol: "ReLU", y: [-1.5, 6.5] },
  leaky: { of: (z) => (z > 0 ? z : 0.1 * z), slope: (z) => (z > 0 ? 1 : 0.1), symbol: "LeakyReLU", y: [-1.5, 6.5] },
  elu: { of: (z) => (z > 0 ? z : Math.expm1(z)), slope: (z) => (z > 0 ? 1 : Math.exp(z)), symbol: "ELU", y: [-1.5, 6.5] },
  gelu: { of: (z) => z * normalShare(z), slope: (z) => normalShare(z) + z * normalDensity(z), symbol: "GELU", y: [-1.5, 6.5] },
  silu: { of: (z) => z * sigmoid(z), slope: (z) => sigmoid(z) * (1 + z * (1 - sigmoid(z))), symbol: "SiLU", y: [-1.5, 6.5] },
  softplus: { of: (z) => Math.max(0, z) + Math.log1p(Math.exp(-Math.abs(z))), slope: sigmoid, symbol: "softplus", y: [-1.5, 6.5] },
};
const FLAT = 0.05;
const ENDS = [-6, 6];

export function scene({ kind, z }) {
  const { of, slope, symbol, y } = ACTIVATIONS[kind];
  const [a, rise] = [of(z), slope(z)];
  const worked = { sigmoid: [" = ", a, " × (1 − ", a, ")"], tanh: [" = 1 − (", a, ")²"] }[kind] ?? [];
  const tangent = [z - 1.5, z + 1.5].map((x) => [x, a + rise * (x - z)]);
  return {
    say: [word(`say.${kind}`), " ", word(Math.abs(rise) < FLAT ? "say.flat" : "say.steep", { z, slope: rise })],
    plots: [
      plot(ENDS, y, [graph("main", ENDS, of), line("third dashed", tangent), dots("main", [[z, a]], 6)],
        { ratio: 0.55, across: ["z"], up: ["a = ", symbol, "(z)"], handles: [handle([z, a], "z", null)] }),
      plot(ENDS, [-0.2, 1.25], [graph("third", ENDS, slope), dots("third", [[z, rise]], 6), text([z, rise], [rise], { look: "third strong", shift: [0, -15] })],
        { ratio: 0.38, across: ["z"], up: ["da/dz"] }),
    ],
    rows: [["a = ", symbol, "(", z, ") = ", a], ["da/dz", worked, " = ", rise]],
  };
}
