// Gradient descent with a learning rate: on the curve L = w², and on the bowl L = w² + 4v².

import { arrow, dots, factor, graph, handle, line, plot, sub, text, word } from "../moving/scene.js";

const FLAT = 1e-12;

/** The places of w (and v) before each update: [[w, v, L], ...], `updates` of them after the first. */
export function descend({ on, w, v, lr }, updates) {
  const steep = on === "bowl" ? 4 : 0;
  const loss = (w, v) => w * w + steep * v * v;
  const road = [[w, v, loss(w, v)]];
  for (let k = 0; k < updates; k++) {
    w -= lr * 2 * w;
    v -= lr * 2 * steep * v;
    road.push([w, v, loss(w, v)]);
  }
  return road;
}

export function scene(state, { updates }) {
  const road = descend(state, updates);
  return {
    say: sentence(state, road),
    plots: [state.on === "bowl" ? bowl(state, road) : curve(state, road), losses(state, road, updates)],
    rows: rows(state, road),
  };
}

function sentence({ on, w, v, lr, step }, road) {
  const values = { step, w: road[step][0], v: road[step][1], loss: road[step][2] };
  // How the steepest direction behaves: each update multiplies it by this.
  const times = on === "bowl" && Math.abs(v) > 0 ? 1 - 8 * lr : 1 - 2 * lr;
  const still = lr === 0 || road[0][2] === 0;
  const size = Math.abs(times);
  const key = still ? "still" : size < FLAT ? "once" : size > 1 + FLAT ? "away" : size > 1 - FLAT ? "swings" : times > 0 ? "slides" : "across";
  return word(`say.${key}`, { ...values, times });
}

function curve({ step }, road) {
  const seen = road.slice(0, step + 1);
  return plot([-6, 6], [-2, 38], [
    graph("soft", [-6, 6], (w) => w * w),
    ...seen.slice(1).map(([w, , loss], k) => arrow("main thin", [seen[k][0], seen[k][2]], [w, loss])),
    dots("main hollow", seen.slice(0, -1).map(([w, , loss]) => [w, loss]), 3.5),
    dots("main", seen.slice(-1).map(([w, , loss]) => [w, loss]), 6.5),
  ], { across: ["w"], up: ["L = w²"], handles: step === 0 ? [handle([road[0][0], road[0][2]], "w", null)] : [] });
}

function bowl({ step }, road) {
  const seen = road.slice(0, step + 1);
  const ring = (loss) => line("soft thin faint", Array.from({ length: 73 }, (_, k) => {
    const turn = (2 * Math.PI * k) / 72;
    return [Math.sqrt(loss) * Math.cos(turn), (Math.sqrt(loss) / 2) * Math.sin(turn)];
  }));
  return plot([-6, 6], [-4, 4], [
    ...[1, 4, 9, 16, 25, 36, 49].map(ring),
    ...seen.slice(1).map(([w, v], k) => arrow("main thin", [seen[k][0], seen[k][1]], [w, v])),
    dots("main hollow", seen.slice(0, -1).map(([w, v]) => [w, v]), 3.5),
    dots("main", seen.slice(-1).map(([w, v]) => [w, v]), 6.5),
    text([0, 0], ["+"], { look: "third big" }),
  ], { ratio: 2 / 3, across: ["w"], up: ["v;  L = w² + 4v²"], handles: step === 0 ? [handle([road[0][0], road[0][1]], "w", "v")] : [] });
}

function losses({ step }, road, updates) {
  const top = 1.25 * (road[0][2] || 1);
  return plot([0, updates], [0, top], [
    line("second faint", road.map(([, , loss], k) => [k, loss])),
    line("second", road.slice(0, step + 1).map(([, , loss], k) => [k, loss])),
    dots("second", [[step, road[step][2]]], 5),
  ], { ratio: 0.4, across: [word("updates")], up: ["L"] });
}

function rows({ on, lr, step }, road) {
  if (step === 0) return [];
  const [w, v] = road[step - 1];
  const [newW, newV] = road[step];
  const row = (name, times, before, after) => [
    name, sub(step), " = ", before, " − ", lr, " × ", times, " × ", factor(before), " = ", after,
  ];
  return [row("w", 2, w, newW), ...(on === "bowl" ? [row("v", 8, v, newV)] : [])];
}
