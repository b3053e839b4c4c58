// The state in the page's address: readable, complete, and only data (its step counts from 1).
//
//   #v=1&net=4.sigmoid-1.sigmoid&loss=half&opt=sgd.lr:0.5&steps=100&x=0.5,0.1,0.9,0.3&y=1&step=3
//
// Rows are parted by ";". A row of only 0 and 1 is written without commas: b0110. What is at its
// usual value is left out.

import { ACTIVATIONS, copy, LARGEST, LOSSES, MODES, MOST, OPTIMIZERS, SETS, VERSION } from "./state.js";

const USUAL = { batch: 0, seed: 0, mode: "auto", step: 1 };

export function written(state, step) {
  const { name, ...settings } = state.optimizer;
  const parts = {
    v: state.v,
    net: state.layers.map(([n, activation]) => `${n}.${activation}`).join("-"),
    loss: state.loss,
    opt: [name, ...Object.entries(settings).map(([key, value]) => `${key}:${value}`)].join("."),
    batch: state.batch,
    seed: state.seed,
    steps: state.steps,
    mode: state.mode,
    x: rows(state.x),
    y: rows(state.y),
    w: Object.entries(state.weights).map(([name, value]) => `${name.replace(", ", ",")}:${value}`).join(";"),
    step: step + 1,
  };
  return Object.entries(parts)
    .filter(([key, value]) => value !== "" && value !== USUAL[key])
    .map(([key, value]) => `${key}=${value}`)
    .join("&");
}

const rows = (table) => table.map(row).join(";");
const row = (numbers) =>
  numbers.length > 2 && numbers.every((v) => v === 0 || v === 1) ? `b${numbers.join("")}` : numbers.join(",");

/** {state, step} of an address; an Error with the name of the damaged part. */
export function read(hash) {
  const given = {};
  for (const part of decoded(hash.replace(/^#/, "")).split("&")) {
    const at = part.indexOf("=");
    if (at < 1) throw new Error(part.slice(0, 20));
    given[part.slice(0, at)] = part.slice(at + 1);
  }
  if (given.v !== `${VERSION}`) throw new Error("v");
  const state = copy(SETS.house);
  state.layers = list(given, "net", "-", MOST.layers).map((layer) => {
    const [n, activation, ...rest] = layer.split(".");
    if (rest.length) throw new Error("net");
    return [whole(n, "net", 1, MOST.neurons), one(activation, "net", ACTIVATIONS)];
  });
  state.loss = one(given.loss, "loss", Object.keys(LOSSES));
  state.optimizer = optimizer(given);
  state.batch = whole(given.batch ?? "0", "batch", 0, MOST.examples);
  state.seed = whole(given.seed ?? "0", "seed", 0, MOST.seed);
  state.steps = whole(given.steps, "steps", 1, MOST.steps);
  state.mode = one(given.mode ?? "auto", "mode", MODES);
  state.x = table(given, "x", MOST.inputs);
  state.y = table(given, "y", MOST.neurons);
  state.weights = Object.fromEntries(
    (given.w ? given.w.split(";") : []).map((part) => {
      const found = part.match(/^(\d+\.(?:weight|bias)\[\d+(?:,\d+)?\]):(.+)$/);
      if (!found) throw new Error("w");
      return [found[1].replace(",", ", "), number(found[2], "w")];
    }),
  );
  return { state, step: whole(given.step ?? "1", "step", 1, state.steps) - 1 };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error("%");
  }
}

function optimizer(given) {
  const settings = { name: "", lr: 0 };
  // "." parts the settings and is in the numbers: a setting begins with its name.
  const [name, ...parts] = (given.opt ?? "").split(/\.(?=[a-z_]+:)/);
  settings.name = one(name, "opt", Object.keys(OPTIMIZERS));
  for (const part of parts) {
    const [key, value] = part.split(":");
    one(key, "opt", ["lr", ...OPTIMIZERS[settings.name]]);
    settings[key] = key === "nesterov" ? value === "true" : number(value, "opt");
  }
  return settings;
}

function table(given, part, most) {
  const found = list(given, part, ";", MOST.examples).map((text) => {
    const numbers = text.startsWith("b") ? [...text.slice(1)] : text.split(",");
    if (numbers.length > most) throw new Error(part);
    return numbers.map((v) => number(v, part));
  });
  if (found.some((row) => row.length !== found[0].length)) throw new Error(part);
  return found;
}

function list(given, part, sign, most) {
  const parts = (given[part] ?? "").split(sign);
  if (!given[part] || parts.length > most) throw new Error(part);
  return parts;
}

function one(value, part, known) {
  if (!known.includes(value)) throw new Error(part);
  return value;
}

function whole(text, part, least, most) {
  const value = number(text, part);
  if (!Number.isInteger(value) || value < least || value > most) throw new Error(part);
  return value;
}

function number(text, part) {
  if (!/^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(text ?? "") || Math.abs(Number(text)) > LARGEST * 10) throw new Error(part);
  return Number(text);
}
