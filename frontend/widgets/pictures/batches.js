// Batch, epoch and noise: one line y = wx + b learned from 24 points, a batch at a time.

import { dots, line, plot, text, word } from "../moving/scene.js";

const SEEN = { across: [-1, 3], up: [-2, 3] };

/** Half the mean squared error of these points, and its gradient. */
function loss([w, b], points) {
  const errors = points.map(([x, y]) => w * x + b - y);
  const mean = (of) => of.reduce((sum, value) => sum + value, 0) / points.length;
  return { loss: mean(errors.map((e) => e * e)) / 2, gradient: [mean(errors.map((e, k) => e * points[k][0])), mean(errors)] };
}

/** Each update: where it stands, the loss of its batch and of all points. The last has no batch yet. */
export function learn({ size, lr }, { points, orders, start }, updates) {
  const count = Number(size);
  const road = [];
  let place = start;
  for (let k = 0; k <= updates; k++) {
    const epoch = Math.floor((k * count) / points.length);
    const order = orders[epoch % orders.length];
    const batch = order.slice((k * count) % points.length).slice(0, count).map((n) => points[n]);
    const own = loss(place, batch);
    road.push({ place, epoch, batch, own, all: loss(place, points).loss });
    place = place.map((value, n) => value - lr * own.gradient[n]);
  }
  return road;
}

export function scene(state, given) {
  const { size, step, lr } = state;
  const { points, updates, best, lowest } = given;
  const road = learn(state, given, updates);
  const now = road[step];
  const before = road[Math.max(0, step - 1)];
  const each = points.length / Number(size);
  const [w, b] = now.place;
  const ends = [-0.2, 2.2];
  // Where epochs are shorter than this, lines at their ends would hide everything else.
  const epochs = each < 6 ? [] : Array.from({ length: Math.floor(updates / each) + 1 }, (_, k) => k * each);
  return {
    say: [word(`say.of${size}`, { each }), " ", word("say.now", { step, epoch: now.epoch, loss: now.all, lowest })],
    plots: [
      plot(ends, [-1, 5], [
        dots("soft", points, 3.5),
        ...(step ? [dots("third", before.batch, 5.5)] : []),
        line("main", ends.map((x) => [x, w * x + b])),
      ], { ratio: 0.5, across: ["x"], up: ["y = wx + b"] }),
      plot(SEEN.across, SEEN.up, [
        ...rings(given).map((ring) => line("soft thin faint", ring)),
        line("main", road.slice(0, step + 1).map(({ place }) => place)),
        dots("main", [now.place], 6), text(best, ["+"], { look: "third big" }),
      ], { ratio: 0.5, across: ["w"], up: ["b"] }),
      plot([0, updates], [0, 1.2 * road[0].all], [
        ...epochs.map((at) => line("soft thin dashed faint", [[at, 0], [at, 100]])),
        line("third thin", road.slice(0, step).map(({ own }, k) => [k, own.loss])),
        line("second", road.slice(0, step + 1).map(({ all }, k) => [k, all])),
        dots("second", [[step, now.all]], 5),
        text([updates, 1.2 * road[0].all], [word("whole")], { look: "second", side: "end", shift: [-6, 12] }),
        text([updates, 1.2 * road[0].all], [word("batch")], { look: "third", side: "end", shift: [-6, 28] }),
      ], { ratio: 0.42, across: [word("updates")], up: ["L"] }),
    ],
    rows: step ? ["w", "b"].map((name, n) => [name, " = ", before.place[n], " − ", lr, " × (", before.own.gradient[n], ") = ", now.place[n]]) : [],
  };
}

/** Where the loss of all points is this much above its lowest: ellipses round the best line. */
function rings({ best, stretch: [[a], [c, d]] }) {
  return [0.02, 0.1, 0.3, 0.7, 1.3, 2.2, 3.4].map((above) => Array.from({ length: 73 }, (_, k) => {
    const [turn, size] = [(2 * Math.PI * k) / 72, Math.sqrt(2 * above)];
    const y = (size * Math.sin(turn)) / d;
    return [best[0] + (size * Math.cos(turn) - c * y) / a, best[1] + y];
  }));
}
