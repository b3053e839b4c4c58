// The arithmetic of the glass network: one training step, as one pure function of the state.
// No DOM, no rounding. tests/widgets/test_glass_arithmetic.py runs it under Node against the engine.

/** Each activation: a = of(z), and slope = da/dz from z and a. */
export const ACTIVATIONS = {
  sigmoid: {
    // e to a positive power would overflow, so each side has its own form.
    of: (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z))),
    slope: (z, a) => a * (1 - a),
  },
  tanh: { of: Math.tanh, slope: (z, a) => 1 - a * a },
  relu: { of: (z) => (z > 0 ? z : 0), slope: (z) => (z > 0 ? 1 : 0) },
  identity: { of: (z) => z, slope: () => 1 },
};

/**
 * One step of gradient descent on L = 1/2 sum (yhat - y)^2.
 *
 * state: { weights: [layer][to][from], biases: [layer][to], activations: [layer], x, y, lr }
 * Of what comes back, everything named by layer is indexed [layer] as the weights are:
 *   inputs (what the layer hears), z, a, slopes (da/dz), blames (dL/da), deltas (dL/dz),
 *   gradients and updated: { weights, biases }; output, loss; after: { output, loss }.
 */
export function glassStep(state) {
  const { inputs, z, a, slopes, output, loss } = forward(state);

  const last = state.weights.length - 1;
  const blames = [];
  const deltas = [];
  for (let l = last; l >= 0; l--) {
    blames[l] =
      l === last
        ? output.map((p, k) => p - state.y[k])
        : a[l].map((_, j) => sum(deltas[l + 1].map((d, k) => state.weights[l + 1][k][j] * d)));
    deltas[l] = blames[l].map((blame, j) => blame * slopes[l][j]);
  }

  const gradients = {
    weights: deltas.map((layer, l) => layer.map((d) => inputs[l].map((v) => d * v))),
    biases: deltas.map((layer) => [...layer]),
  };
  const updated = {
    weights: state.weights.map((layer, l) =>
      layer.map((row, j) => row.map((w, i) => w - state.lr * gradients.weights[l][j][i])),
    ),
    biases: state.biases.map((layer, l) => layer.map((b, j) => b - state.lr * gradients.biases[l][j])),
  };
  const again = forward({ ...state, ...updated });
  const after = { output: again.output, loss: again.loss };
  return { inputs, z, a, slopes, output, loss, blames, deltas, gradients, updated, after };
}

function forward({ weights, biases, activations, x, y }) {
  const inputs = [];
  const z = [];
  const a = [];
  const slopes = [];
  weights.forEach((layer, l) => {
    const { of, slope } = ACTIVATIONS[activations[l]];
    inputs[l] = l === 0 ? x : a[l - 1];
    z[l] = layer.map((row, j) => sum(row.map((w, i) => w * inputs[l][i])) + biases[l][j]);
    a[l] = z[l].map(of);
    slopes[l] = z[l].map((value, j) => slope(value, a[l][j]));
  });
  const output = a.at(-1);
  return { inputs, z, a, slopes, output, loss: 0.5 * sum(output.map((p, k) => (p - y[k]) ** 2)) };
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
