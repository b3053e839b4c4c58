// What lies on the desk, as plain data (studio/playground.py, State), what may lie there, and the
// ready sets to begin with.

export const VERSION = 1;
export const MOST = { layers: 6, neurons: 16, inputs: 25, examples: 64, steps: 2000, seed: 9999 };
export const LARGEST = 1000;
export const ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "none"];
/** The losses, and the activation that each asks of the last layer; "" leaves the choice. */
export const LOSSES = { half: "", mse: "", bce: "sigmoid", cross_entropy: "none" };
export const OPTIMIZERS = {
  sgd: ["momentum", "nesterov", "weight_decay"],
  rmsprop: ["momentum", "weight_decay"],
  adagrad: ["weight_decay"],
  adam: ["weight_decay"],
  adamw: ["weight_decay"],
};
export const STEPS = [10, 50, 100, 500, 2000];
export const BATCHES = [0, 1, 2, 4, 8, 16, 32];
export const MODES = ["auto", "hand", "exact"];
/** A picture of 5 x 5 squares goes in as 25 numbers. */
export const SQUARE = 25;

const begun = (layers, loss, x, y, optimizer, more = {}) => ({
  v: VERSION, layers, loss, x, y, optimizer, batch: 0, seed: 0, steps: 100, weights: {}, mode: "auto", ...more,
});

const drawn = (rows) => [...rows.replace(/\s/g, "")].map((square) => (square === "#" ? 1 : 0));
const DIGITS = [
  ".###. #...# #...# #...# .###.", // ০
  "#.... .##.. ...#. #...# .###.", // ১
  "#.... .###. ...#. ####. ...##", // ২
].map(drawn);

// Two bands of points, one above the other.
function points() {
  const x = [];
  const y = [];
  for (let k = 0; k < 8; k++) {
    const angle = (Math.PI * k) / 7;
    x.push([round(Math.cos(angle)), round(Math.sin(angle))], [round(1 - Math.cos(angle)), round(0.4 - Math.sin(angle))]);
    y.push([1], [0]);
  }
  return { x, y };
}

const round = (v) => Math.round(v * 10) / 10 || 0;
const bands = points();

export const SETS = {
  house: begun([[4, "sigmoid"], [1, "sigmoid"]], "half", [[0.5, 0.1, 0.9, 0.3]], [[1]], { name: "sgd", lr: 0.5 }),
  xor: begun(
    [[3, "tanh"], [1, "sigmoid"]], "bce", [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]],
    { name: "adam", lr: 0.1 },
  ),
  points: begun([[6, "tanh"], [1, "sigmoid"]], "bce", bands.x, bands.y, { name: "adam", lr: 0.1 }),
  line: begun(
    [[1, "none"]], "mse", [[0], [1], [2], [3], [4]], [[0.8], [1.7], [3.2], [3.9], [5.1]], { name: "sgd", lr: 0.05 },
  ),
  digits: begun(
    [[5, "relu"], [3, "none"]], "cross_entropy", DIGITS, [[0], [1], [2]], { name: "sgd", lr: 0.2, momentum: 0.9 },
  ),
};

export const copy = (state) => structuredClone(state);

/** The state made whole after a change: rows as wide as the network, targets that fit the loss. */
export function fitted(state) {
  const inputs = state.x[0].length;
  const last = state.layers.at(-1);
  if (LOSSES[state.loss]) last[1] = LOSSES[state.loss];
  state.x = state.x.map((row) => wide(row, inputs));
  state.y = state.y.map((row) => wide(row, state.loss === "cross_entropy" ? 1 : last[0]));
  if (state.loss === "cross_entropy") {
    state.y = state.y.map(([c]) => [Math.min(last[0] - 1, Math.max(0, Math.round(c)))]);
  } else if (state.loss === "bce") {
    state.y = state.y.map((row) => row.map((v) => Math.min(1, Math.max(0, v))));
  }
  if (state.batch >= state.x.length) state.batch = 0;
  const shapes = new Set(names(state));
  for (const name of Object.keys(state.weights)) if (!shapes.has(name)) delete state.weights[name];
  return state;
}

export const wide = (row, n) => Array.from({ length: n }, (_, i) => row[i] ?? 0);

/** What the parameters are called: where an activation stands, the count goes on. */
function* names({ layers, x }) {
  let place = 0;
  let before = x[0].length;
  for (const [n, activation] of layers) {
    for (let j = 0; j < n; j++) {
      yield `${place}.bias[${j}]`;
      for (let i = 0; i < before; i++) yield `${place}.weight[${j}, ${i}]`;
    }
    place += activation === "none" ? 1 : 2;
    before = n;
  }
}

const SIGNS = "০১২৩৪৫৬৭৮৯";
/** A number as people type it (Bangla digits, a comma for a point, a real minus sign), or null. */
export function typed(text) {
  const plain = text.trim().replace(/[০-৯]/g, (d) => SIGNS.indexOf(d)).replace("−", "-").replace(",", ".");
  if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain)) return null;
  return Number(plain);
}
