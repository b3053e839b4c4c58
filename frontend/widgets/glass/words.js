// What the picture says, in the language of the page.

import { parse } from "./names.js";
import { short } from "../shared/numbers.js";

export function makeWords(catalogue) {
  const say = (key, values = {}) =>
    (catalogue[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  const numerals = [...say("digits")];
  /** What is counted is written in the language's own digits; what is computed is not. */
  const digits = (count) => String(count).replace(/\d/g, (d) => numerals[d] ?? d);

  function stage({ kind, layer }, network) {
    const last = network.weights.length;
    const deep = last > 2 ? "_deep" : "";
    const key = { forward: layer === last ? "forward_output" : `forward${deep}`, delta: layer === last ? "delta_output" : `delta${deep}` }[kind] ?? kind;
    return say(`stage.${key}`, { layer: digits(layer ?? 0) });
  }

  /** The sentence of a stage, with its numbers. */
  function tell({ stage: { kind, layer }, state, result }) {
    const last = state.weights.length;
    const list = (values) => values.map(short).join(", ");
    const values = { output: list(result.output), y: list(state.y), loss: short(result.loss), after: short(result.after.loss) };
    const change = result.after.loss - result.loss;
    const key = {
      forward: layer === last ? "forward_output" : "forward",
      delta: layer === last ? "delta_output" : "delta",
      update: change < 0 ? "update_falls" : change > 0 ? "update_rises" : "update_same",
    }[kind] ?? kind;
    return say(`tell.${key}`, values);
  }

  function thing(name, network) {
    const part = parse(name, network);
    const last = network.weights.length;
    const neuron = (layer, j) => {
      if (layer < 0) return say("thing.input", { i: digits(j + 1) });
      if (layer === last - 1) {
        return say(network.weights[layer].length > 1 ? "thing.output_many" : "thing.output", { j: digits(j + 1) });
      }
      return say(last > 2 ? "thing.deep" : "thing.neuron", { layer: digits(layer + 1), j: digits(j + 1) });
    };
    if (part.kind === "x") return neuron(-1, part.to);
    if (part.kind === "n") return neuron(part.layer, part.to);
    if (part.kind === "w") return say("thing.wire", { source: neuron(part.layer - 1, part.from), target: neuron(part.layer, part.to) });
    return say(part.kind === "L" ? "thing.loss" : "thing.target");
  }

  function knob(name) {
    const key = { w: "weight", b: "bias", x: "input", y: "target", l: "lr" }[name[0]];
    return say(`knob.${key}`) + (name === "lr" ? " η" : "");
  }

  /** What a screen reader says of one thing: its name and the numbers that are known of it. */
  function spoken(name, { state, result, reached, shown }) {
    const { kind, layer, to } = parse(name, state);
    const facts = [thing(name, state)];
    if (kind === "x" || kind === "y") facts.push(short(state[kind][to]));
    if (kind === "w") facts.push(short(shown(name)));
    if (kind === "L" && reached("loss")) facts.push(short(result.loss));
    if (kind === "n") {
      if (reached(`forward.${layer + 1}`)) facts.push(`z ${short(result.z[layer][to])}`, `a ${short(result.a[layer][to])}`);
      if (reached(`delta.${layer + 1}`)) facts.push(`δ ${short(result.deltas[layer][to])}`);
    }
    return facts.join(", ");
  }

  return { say, digits, stage, tell, thing, knob, spoken };
}
