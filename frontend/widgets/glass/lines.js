// The lines of the derivation: for one thing of the picture, every line that is about it.
// A line is data: { stage, title, rows, say }, where title and say are keys of sentences.

import { brace, factor, glued, num, partial, power } from "./notation.js";
import { digitsNeeded, rounded, text } from "../shared/numbers.js";
import { parse, sizesOf, symbols } from "./names.js";

/** All lines about `name`, in the order in which they become known. */
export function linesOf(name, state, result) {
  const part = parse(name, state);
  const about = { ...part, state, result, s: symbols(state) };
  return { x: inputLines, y: targetLines, L: lossLines, n: neuronLines, w: wireLines }[part.kind](about);
}

const inputLines = ({ to, state, s }) => [given("input", s.x(to), state.x[to])];
const targetLines = ({ to, state, s }) => [given("target", s.y(to), state.y[to])];

function given(what, symbol, value, say = [what]) {
  return { stage: "start", title: what, rows: [[symbol, " = ", num(value, 12)]], say };
}

function neuronLines({ layer: l, to: j, state, result, s }) {
  const bias = state.biases[l][j];
  const delta = result.deltas[l][j];
  const isOutput = l === state.weights.length - 1;
  return [
    given("bias", s.b(l, j), bias),
    sumLine(l, j, state, result, s),
    activationLine(l, j, state, result, s),
    isOutput ? outputDelta(l, j, state, result, s) : hiddenDelta(l, j, state, result, s),
    {
      stage: `gradient.${l + 1}`,
      title: "bias_gradient",
      rows: [[partial("L", s.b(l, j)), " = ", s.delta(l, j), " = ", num(delta)]],
      say: ["bias_gradient"],
    },
    updateLine("bias_update", s.b(l, j), bias, delta, state.lr),
  ];
}

function wireLines({ layer: l, to: j, from: i, state, result, s }) {
  const w = state.weights[l][j][i];
  const heard = result.inputs[l][i];
  const delta = result.deltas[l][j];
  const gradient = result.gradients.weights[l][j][i];
  const sizes = sizesOf(state);
  const marked = sizes[l] > 1 && sizes[l + 1] > 1;
  const product = (a, b) => {
    const digits = digitsNeeded((r) => [[r(a) * r(b), a * b]]);
    return [["= ", factor(a, digits), " × ", factor(b, digits)], ["= ", num(a * b)]];
  };
  return [
    given("weight", s.w(l, j, i), w, marked ? ["weight", { j: j + 1, i: i + 1 }] : ["weight_one"]),
    {
      stage: `forward.${l + 1}`,
      title: "carries",
      rows: [[s.w(l, j, i), " × ", s.heard(l, i)], ...product(w, heard)],
      say: [by(w * heard, "carries_up", "carries_down", "carries_none")],
    },
    {
      stage: `gradient.${l + 1}`,
      title: "gradient",
      rows: [[partial("L", s.w(l, j, i)), " = ", s.delta(l, j), " × ", s.heard(l, i)], ...product(delta, heard)],
      say: [by(gradient, "gradient_positive", "gradient_negative", "gradient_zero")],
    },
    ...roadLine(l, j, i, state, result, s),
    updateLine("update", s.w(l, j, i), w, gradient, state.lr),
  ];
}

function sumLine(l, j, state, result, s) {
  const weights = state.weights[l][j];
  const heard = result.inputs[l];
  const bias = state.biases[l][j];
  const total = (terms) => terms.reduce((sum, v) => sum + v, 0);
  const products = weights.map((w, i) => w * heard[i]);
  const shown = digitsNeeded((r) => [[total(products.map(r)) + r(bias), result.z[l][j]]]);
  const digits = digitsNeeded((r) => [
    ...weights.map((w, i) => [r(w) * r(heard[i]), products[i], shown]),
    [total(weights.map((w, i) => r(w) * r(heard[i]))) + r(bias), result.z[l][j]],
  ]);
  const plus = (terms) => terms.flatMap((term, i) => (i ? [" + ", term] : [term]));
  return {
    stage: `forward.${l + 1}`,
    title: "sum",
    rows: [
      [s.z(l, j), " = ", ...plus([...weights.map((_, i) => glued(s.w(l, j, i), s.heard(l, i))), s.b(l, j)])],
      ["= ", ...plus([
        ...weights.map((w, i) => glued(factor(w, digits), " × ", factor(heard[i], digits))),
        factor(bias, digits),
      ])],
      ["= ", ...signed([...products, bias].map((term) => [term, shown]))],
      ["= ", num(result.z[l][j])],
    ],
    say: ["sum"],
  };
}

/** Numbers one after the other with their own signs: 0.35 − 0.54 + 0.03. */
function signed(terms) {
  return terms.flatMap(([value, digits], i) => {
    if (i === 0) return [num(value, digits)];
    return [value < 0 ? " − " : " + ", num(Math.abs(value), digits)];
  });
}

function activationLine(l, j, state, result, s) {
  const kind = state.activations[l];
  const z = result.z[l][j];
  const a = result.a[l][j];
  const [symbol, from] = [s.a(l, j), s.z(l, j)];
  let rows;
  if (kind === "sigmoid") {
    const e = Math.exp(-z);
    const shown = digitsNeeded((r) => [[1 / (1 + r(e)), a]]);
    const digits = digitsNeeded((r) => [[Math.exp(-r(z)), e, shown], [1 / (1 + Math.exp(-r(z))), a]]);
    rows = [
      [symbol, " = σ(", from, ") = ", glued("1 / (1 + ", power(["−", from]), ")")],
      ["= ", glued("1 / (1 + ", power([num(-z, digits)]), ")")],
      ["= ", glued("1 / (1 + ", num(e, shown), ")")],
    ];
  } else if (kind === "tanh") {
    const digits = digitsNeeded((r) => [[Math.tanh(r(z)), a]]);
    rows = [[symbol, " = tanh(", from, ")"], ["= tanh(", num(z, digits), ")"]];
  } else if (kind === "relu") {
    rows = [[symbol, " = max(0, ", from, ")"], ["= max(0, ", num(z), ")"]];
  } else {
    rows = [[symbol, " = ", from]];
  }
  return {
    stage: `forward.${l + 1}`,
    title: "activation",
    rows: [...rows, ["= ", num(a)]],
    say: [kind === "relu" ? (z > 0 ? "relu_on" : "relu_off") : kind],
  };
}

function lossLines({ state, result, s }) {
  const { output, loss, after } = result;
  const { y } = state;
  const say = output.length > 1 ? "loss_many" : by(output[0] - y[0], "loss_high", "loss_low", "loss_exact");
  const was = { ...lossRows(output, y, loss, s, "L"), stage: "loss", title: "loss", say: [say] };

  const drop = after.loss - loss;
  const digits = digitsNeeded((r) => [[r(after.loss) - r(loss), drop]]);
  const percent = text(Math.abs((100 * drop) / (loss || 1)), 3);
  const newAnswer = (k) => ({ ...s.answer(k), sym: "ŷ′" });
  const again = lossRows(after.output, y, after.loss, { ...s, answer: newAnswer }, "L′");
  again.rows.push([glued("L′ − L = ", num(after.loss, digits), " − ", num(loss, digits)), " = ", num(drop)]);
  return [was, { ...again, stage: "update", title: "after", say: [by(drop, "after_rises", "after_falls", "after_same"), { percent }] }];
}

function lossRows(output, y, loss, s, letter) {
  const errors = output.map((p, k) => p - y[k]);
  const half = (terms) => terms.reduce((total, e) => total + e * e, 0) / 2;
  const shown = digitsNeeded((r) => [[half(errors.map(r)), loss]]);
  const digits = digitsNeeded((r) => [
    ...output.map((p, k) => [r(p) - r(y[k]), errors[k], shown]),
    [half(output.map((p, k) => r(p) - r(y[k]))), loss],
  ]);
  const squares = (inner) => {
    const terms = errors.flatMap((_, k) => [...(k ? [" + "] : []), glued("(", ...inner(k), ")²")]);
    return terms.length > 1 ? ["½ [", ...terms, "]"] : ["½", ...terms];
  };
  return {
    rows: [
      [letter, " = ", ...squares((k) => [s.answer(k), " − ", s.y(k)])],
      ["= ", ...squares((k) => [num(output[k], digits), " − ", factor(y[k], digits)])],
      ["= ", ...squares((k) => [num(errors[k], shown)])],
      ["= ", num(loss)],
    ],
  };
}

function outputDelta(l, k, state, result, s) {
  const p = result.output[k];
  const y = state.y[k];
  return deltaLine(l, k, state, result, s, {
    named: brace([s.answer(k), " − ", s.y(k)], [partial("L", s.answer(k))]),
    put: (digits) => glued("(", num(p, digits), " − ", factor(y, digits), ")"),
    redo: (r) => r(p) - r(y),
  });
}

function hiddenDelta(l, j, state, result, s) {
  const next = result.deltas[l + 1];
  const column = state.weights[l + 1].map((row) => row[j]);
  const plus = (term) => next.flatMap((_, k) => [...(k ? [" + "] : []), glued(...term(k))]);
  return deltaLine(l, j, state, result, s, {
    named: brace(plus((k) => [s.w(l + 1, k, j), " ", s.delta(l + 1, k)]), [partial("L", s.a(l, j))]),
    put: (digits) => glued("(", ...plus((k) => [factor(column[k], digits), " × ", factor(next[k], digits)]), ")"),
    redo: (r) => column.reduce((total, w, k) => total + r(w) * r(next[k]), 0),
  });
}

/** delta = blame × slope; `blamed` says how the blame is named, put into numbers and redone. */
function deltaLine(l, j, state, result, s, blamed) {
  const { blames, slopes, deltas } = result;
  const [blame, slope, delta] = [blames[l][j], slopes[l][j], deltas[l][j]];
  const sloped = slopeOf(state.activations[l], result.a[l][j], slope, s.a(l, j));
  const shown = digitsNeeded((r) => [[r(blame) * r(slope), delta]]);
  const digits = digitsNeeded((r) => [
    [blamed.redo(r), blame, shown],
    [sloped.redo(r), slope, shown],
    [blamed.redo(r) * sloped.redo(r), delta],
  ]);
  return {
    stage: `delta.${l + 1}`,
    title: "delta",
    rows: [
      [s.delta(l, j), " = ", blamed.named, " × ", brace(sloped.named, [partial(s.a(l, j), s.z(l, j))])],
      ["= ", blamed.put(digits), " × ", sloped.put(digits)],
      ["= ", factor(blame, shown), " × ", num(slope, shown)],
      ["= ", num(delta)],
    ],
    say: [by(delta, "delta_positive", "delta_negative", "delta_zero")],
  };
}

function slopeOf(kind, a, slope, symbol) {
  if (kind === "sigmoid") {
    return {
      named: [symbol, " (1 − ", symbol, ")"],
      put: (digits) => glued(num(a, digits), " × (1 − ", num(a, digits), ")"),
      redo: (r) => r(a) * (1 - r(a)),
    };
  }
  if (kind === "tanh") {
    return {
      named: ["1 − ", symbol, "²"],
      put: (digits) => glued("(1 − ", factor(a, digits), "²)"),
      redo: (r) => 1 - r(a) * r(a),
    };
  }
  return { named: [String(slope)], put: () => num(slope), redo: () => slope };
}

/** The factors from the loss back to one weight, where there is only one road. */
function roadLine(l, j, i, state, result, s) {
  const last = state.weights.length - 1;
  const single = state.weights.slice(l + 1).every((layer) => layer.length === 1);
  if (l === last || !single) return [];
  const slope = (layer, k) => [result.slopes[layer][k], [glued(slopeName(state.activations[layer]), "(", s.z(layer, k), ")")]];
  const factors = [[result.output[0] - state.y[0], [s.answer(0), " − ", s.y(0)]]];
  for (let layer = last; layer > l; layer--) {
    const from = layer === l + 1 ? j : 0;
    factors.push(slope(layer, 0), [state.weights[layer][0][from], [s.w(layer, 0, from)]]);
  }
  factors.push(slope(l, j), [result.inputs[l][i], [s.heard(l, i)]]);
  const gradient = result.gradients.weights[l][j][i];
  const digits = digitsNeeded((r) => [[factors.reduce((product, [value]) => product * r(value), 1), gradient]]);
  return [{
    stage: `gradient.${l + 1}`,
    title: "road",
    rows: [
      [partial("L", s.w(l, j, i)), " = ", ...factors.flatMap(([value, label], k) => [
        ...(k ? [" × "] : []), brace([factor(value, digits)], label),
      ])],
      ["= ", num(gradient)],
    ],
    say: ["road", { count: factors.length }],
  }];
}

const slopeName = (kind) => ({ sigmoid: "σ′", tanh: "tanh′", relu: "ReLU′", identity: "1" })[kind];

function updateLine(title, symbol, value, gradient, lr) {
  const updated = value - lr * gradient;
  // A tiny step must still be visible in the result.
  let own = 4;
  while (own < 9 && gradient !== 0 && rounded(updated, own) === rounded(value, own)) own++;
  const digits = digitsNeeded((r) => [[r(value) - r(lr) * r(gradient), updated, own]]);
  return {
    stage: "update",
    title,
    rows: [
      [symbol, " ← ", symbol, " − η × ", partial("L", symbol)],
      ["= ", num(value, digits), " − ", num(lr, digits), " × ", factor(gradient, digits)],
      ["= ", num(updated, own)],
    ],
    say: [by(updated - value, "update_up", "update_down", "update_same")],
  };
}

const by = (value, positive, negative, zero) => (value > 0 ? positive : value < 0 ? negative : zero);
