// The optimizers' race: all start at one place with one learning rate.

import { dots, line, plot, text, word } from "../moving/scene.js";

/** The ground: the gradient, the loss above its lowest point, level curves. */
const GROUNDS = {
  ravine: { loss: (x, y) => 0.5 * x * x + 10 * y * y, slope: (x, y) => [x, 20 * y], start: [-4, 1.5], ends: [[-5, 7], [-2, 2]], goals: [[0, 0]] },
  saddle: { loss: (x, y) => 0.5 * x * x + 0.25 * (y * y - 1) ** 2, slope: (x, y) => [x, y * (y * y - 1)], start: [-2.5, 0.05], ends: [[-3, 4.2], [-1.2, 1.2]], goals: [[0, 1], [0, -1]] },
};
const EPS = 1e-8;

/** What each optimizer does with a gradient: update(state, g, w, lr, t) gives the new w. */
export const OPTIMIZERS = {
  sgd: { name: "SGD", look: "ink", update: (s, g, w, lr) => w - lr * g },
  momentum: { name: "Momentum", look: "second", update: (s, g, w, lr) => w - lr * (s.m = (s.m ?? 0) * 0.9 + g) },
  nesterov: { name: "Nesterov", look: "seventh", update: (s, g, w, lr) => w - lr * (g + 0.9 * (s.m = (s.m ?? 0) * 0.9 + g)) },
  adagrad: { name: "Adagrad", look: "sixth", update: (s, g, w, lr) => w - (lr * g) / (Math.sqrt((s.v = (s.v ?? 0) + g * g)) + 1e-10) },
  rmsprop: { name: "RMSprop", look: "third", update: (s, g, w, lr) => w - (lr * g) / (Math.sqrt((s.v = 0.99 * (s.v ?? 0) + 0.01 * g * g)) + EPS) },
  adam: { name: "Adam", look: "main", update: (s, g, w, lr, t) => w - adaptive(s, g, lr, t) },
  adamw: { name: "AdamW", look: "fifth", update: (s, g, w, lr, t) => w * (1 - 0.01 * lr) - adaptive(s, g, lr, t) },
};

function adaptive(s, g, lr, t) {
  s.m = 0.9 * (s.m ?? 0) + 0.1 * g;
  s.v = 0.999 * (s.v ?? 0) + 0.001 * g * g;
  return (lr * (s.m / (1 - 0.9 ** t))) / (Math.sqrt(s.v / (1 - 0.999 ** t)) + EPS);
}

/** The places of one runner: [[x, y], ...], `updates` of them after the start. */
export function run({ update }, { slope, start }, lr, updates) {
  const own = [{}, {}];
  const road = [start];
  for (let t = 1; t <= updates; t++) {
    const slopes = slope(...road.at(-1));
    road.push(road.at(-1).map((w, k) => update(own[k], slopes[k], w, lr, t)));
  }
  return road;
}

export function scene({ on, who, lr, step }, { updates }) {
  const ground = GROUNDS[on];
  const runners = Object.entries(OPTIMIZERS).map(([key, kind]) => {
    const road = run(kind, ground, lr, step);
    return { key, ...kind, road, losses: road.map((place) => ground.loss(...place)) };
  });
  const [best] = runners.filter(({ losses }) => Number.isFinite(losses[step])).sort((a, b) => a.losses[step] - b.losses[step]);
  const chosen = runners.find(({ key }) => key === who);
  const told = chosen ?? best;
  const faint = (key) => (chosen && key !== who ? " faint thin" : "");
  const [[left, right], [low, high]] = ground.ends;
  const height = (loss) => Math.max(-6, Math.log10(Math.max(loss, 1e-12)));
  return {
    say: [word(`say.${on}`), " ", word(step === 0 ? "say.start" : "say.now", { step, name: told.name, loss: told.losses[step] })],
    plots: [
      plot([left, right], [low, high], [
        ...rings(on).map((points) => line("soft thin faint", points)),
        ...ground.goals.map((goal) => text(goal, ["+"], { look: "soft big" })),
        ...runners.flatMap(({ key, look, road }) => [line(look + faint(key), road), dots(look + faint(key), road.slice(-1), 4.5)]),
        ...runners.map(({ key, name, look }, k) => text([right, high], [name], { look: `${look}${key === who ? " strong" : ""}`, side: "end", shift: [-5, 10 + 15 * k] })),
      ], { ratio: 0.6, across: ["x"], up: ["y"] }),
      plot([0, updates], [-4, 2], runners.map(({ key, look, losses }) => line(look + faint(key), losses.map((loss, k) => [k, height(loss)]))),
        { ratio: 0.45, across: [word("updates")], up: [word("height")] }),
    ],
    rows: (chosen ? [chosen] : runners).map(({ name, road, losses }) => [name, chosen ? [": (", road[step][0], ", ", road[step][1], "),"] : ":", " L = ", losses[step]]),
  };
}

function rings(on) {
  const turns = Array.from({ length: 73 }, (_, k) => (2 * Math.PI * k) / 72);
  if (on === "ravine") return [0.5, 2, 4.5, 8, 12.5, 20].map((loss) => turns.map((turn) => [Math.sqrt(2 * loss) * Math.cos(turn), Math.sqrt(loss / 10) * Math.sin(turn)]));
  // L = x²/2 + (y² − 1)²/4: an arc in (x, y² − 1), from its lowest point round, where y² is not negative.
  const edge = (loss, side) => (loss > 0.25 ? [[side * Math.sqrt(2 * loss - 0.5), 0]] : []);
  return [0.03, 0.12, 0.25, 0.5, 1, 2, 3.5].flatMap((loss) => [1, -1].map((side) => [...edge(loss, 1), ...turns
    .map((turn) => [Math.sqrt(2 * loss) * Math.sin(turn), 1 - 2 * Math.sqrt(loss) * Math.cos(turn)])
    .filter(([, square]) => square >= 0)
    .map(([x, square]) => [x, side * Math.sqrt(square)]), ...edge(loss, -1)]));
}
