// What a learner has changed, as a list of moves: ["w1.2.3", -0.5] sets a number, ["go", 3] does
// three updates. The picture's state is the starting network with the moves replayed, and the
// page's address is the moves written out: #glass=s4~@w1.2.3~x2:0.8~go:3

import { allNames, knobOf, parse } from "./names.js";
import { glassStep } from "./step.js";
import { stagesOf } from "./stages.js";

export const LIMIT = 100; // of every number that can be set
export const FASTEST = 10; // learning rate
const MOST_UPDATES = 2000;
const MOST_MOVES = 200;
const LONGEST_ADDRESS = 6000;

/** The numbers a knob may have: [lowest, highest]. */
export const rangeOf = (knob) => (knob === "lr" ? [0, FASTEST] : [-LIMIT, LIMIT]);

/** All knobs of a network: x1, w1.1.1, b1.1, y1, lr. */
export function knobsOf(network) {
  return new Set([...allNames(network).filter((name) => name !== "L").map(knobOf), "lr"]);
}

/** Whether the moves can be replayed on this network at all; what else they hold is not looked at. */
export function areMoves(moves, network) {
  if (!Array.isArray(moves) || moves.length > MOST_MOVES) return false;
  const knobs = knobsOf(network);
  let updates = 0;
  return moves.every((move) => {
    if (!Array.isArray(move) || move.length !== 2) return false;
    const [knob, value] = move;
    if (knob === "go") return Number.isInteger(value) && value > 0 && (updates += value) <= MOST_UPDATES;
    if (!knobs.has(knob)) return false;
    const [low, high] = rangeOf(knob);
    return typeof value === "number" && value >= low && value <= high;
  });
}

/** The state after the moves, and the loss after each update from the last change on. */
export function replay(start, moves) {
  const state = structuredClone(start);
  let losses = [];
  for (const [knob, value] of moves) {
    if (knob === "go") {
      for (let n = 0; n < value; n++) {
        const { updated, loss } = glassStep(state);
        Object.assign(state, updated);
        losses.push(loss);
      }
    } else {
      setKnob(state, knob, value);
      if (knob !== "lr") losses = []; // another question, another curve
    }
  }
  return { state, losses };
}

export function getKnob(state, knob) {
  const [list, place] = placeOf(state, knob);
  return list[place];
}

function setKnob(state, knob, value) {
  const [list, place] = placeOf(state, knob);
  list[place] = value;
}

function placeOf(state, knob) {
  if (knob === "lr") return [state, "lr"];
  const { kind, layer, to, from } = parse(knob.replace("b", "n"), state);
  if (kind === "w") return [state.weights[layer][to], from];
  return [kind === "n" ? state.biases[layer] : state[kind], to];
}

/** The moves with one more. Settings between two updates replace each other; a long list is folded. */
export function added(moves, [knob, value], start) {
  const next = [...moves];
  if (knob === "go") {
    if (next.at(-1)?.[0] === "go") value += next.pop()[1];
    next.push([knob, value]);
  } else {
    const from = next.findLastIndex(([name]) => name === "go") + 1;
    const old = next.findIndex(([name], place) => place >= from && name === knob);
    if (old >= 0) next.splice(old, 1);
    next.push([knob, value]);
  }
  return areMoves(next, start) ? next : folded(next, start);
}

/** The same state as one setting a number. Numbers that ran away go back to where they started. */
function folded(moves, start) {
  const { state } = replay(start, moves);
  return [...knobsOf(start)]
    .map((knob) => [knob, getKnob(state, knob)])
    .filter(([knob, value]) => Math.abs(value) <= rangeOf(knob)[1] && value !== getKnob(start, knob));
}

/** The state of the picture as it stands in the address, without "#glass=". */
export function write({ step, selected, moves }) {
  return [`s${step}`, `@${selected}`, ...moves.map(([knob, value]) => `${knob}:${value}`)].join("~");
}

/** What `write` wrote; what cannot be read or replayed is left out, so the caller's default holds. */
export function read(written, network) {
  const found = {};
  if (written.length > LONGEST_ADDRESS) return found;
  const moves = [];
  for (const part of written.split("~")) {
    const [knob, value] = part.split(":");
    if (/^s\d{1,2}$/.test(part)) {
      if (Number(part.slice(1)) < stagesOf(network).length) found.step = Number(part.slice(1));
    } else if (part.startsWith("@")) {
      if (parse(part.slice(1), network)) found.selected = part.slice(1);
    } else if (/^-?\d+(\.\d+)?(e-?\d+)?$/.test(value ?? "")) {
      const move = [knob, Number(value)];
      if (areMoves([...moves, move], network)) moves.push(move);
    }
  }
  if (moves.length) found.moves = moves;
  return found;
}
