// The perceptron's line on AND, OR, NAND and XOR: one example a step, and the line turns.

import { area, dots, factor, line, plot, sub, text, word } from "../moving/scene.js";

const ENDS = [-0.5, 1.5];
const CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]];
export const GATES = { and: [0, 0, 0, 1], or: [0, 1, 1, 1], nand: [1, 1, 1, 0], xor: [0, 1, 1, 0] };

/** w₁, w₂ and b after each step; a step looks at the next of the four corners. */
export function learn({ gate, w1, w2, b, lr }, updates) {
  const road = [[w1, w2, b]];
  for (let k = 0; k < updates; k++) {
    const [x1, x2] = CORNERS[k % 4];
    const blame = GATES[gate][k % 4] - fires(road[k], CORNERS[k % 4]);
    road.push([road[k][0] + lr * blame * x1, road[k][1] + lr * blame * x2, road[k][2] + lr * blame]);
  }
  return road;
}

const sum = ([w1, w2, b], [x1, x2]) => w1 * x1 + w2 * x2 + b;
const fires = (weights, corner) => (sum(weights, corner) >= 0 ? 1 : 0);

export function scene(state, { updates }) {
  const { gate, step } = state;
  const road = learn(state, updates);
  const now = road[step];
  const mistakes = road.map((weights) => CORNERS.filter((corner, k) => fires(weights, corner) !== GATES[gate][k]).length);
  const wrong = mistakes[step];
  const seen = CORNERS[(step + 3) % 4];
  return {
    say: word(wrong === 0 ? "say.right" : gate === "xor" ? "say.never" : "say.wrong", { wrong, step }),
    plots: [
      plot(ENDS, ENDS, [
        area("main", above(now)),
        line("main", border(now)),
        ...(step ? [dots("ink hollow", [seen], 12)] : []),
        ...CORNERS.map((corner, k) => dots(GATES[gate][k] ? "main" : "third hollow", [corner], 7)),
        ...CORNERS.map((corner, k) => text(corner, [GATES[gate][k]], { look: "strong", shift: [17, -13] })),
      ], { ratio: 0.8, across: ["x₁"], up: ["x₂"] }),
      plot([0, updates], [0, 4.2], [
        line("second", mistakes.slice(0, step + 1).map((count, k) => [k, count])),
        dots("second", [[step, wrong]], 5),
      ], { ratio: 0.26, across: [word("steps")], up: [word("mistakes")] }),
    ],
    rows: step ? rows(state, road) : [["w₁ = ", now[0], ",  w₂ = ", now[1], ",  b = ", now[2]]],
  };
}

/** The part of the square where the perceptron fires: the square, cut along the line. */
function above(weights) {
  const [low, high] = ENDS;
  const square = [[low, low], [high, low], [high, high], [low, high]];
  return square.flatMap((from, k) => {
    const to = square[(k + 1) % 4];
    const [a, b] = [sum(weights, from), sum(weights, to)];
    const cut = [from[0] + (a / (a - b)) * (to[0] - from[0]), from[1] + (a / (a - b)) * (to[1] - from[1])];
    return [...(a > 0 ? [from] : []), ...(a > 0 !== b > 0 ? [cut] : [])];
  });
}

function border([w1, w2, b]) {
  if (w1 === 0 && w2 === 0) return [];
  if (Math.abs(w2) >= Math.abs(w1)) return ENDS.map((x) => [x, -(w1 * x + b) / w2]);
  return ENDS.map((y) => [-(w2 * y + b) / w1, y]);
}

function rows({ gate, lr, step }, road) {
  const k = (step - 1) % 4;
  const [before, after, x] = [road[step - 1], road[step], CORNERS[k]];
  const [guess, truth] = [fires(before, x), GATES[gate][k]];
  const update = (name, place, times) => [name, " = ", before[place], " + ", lr, " × ", factor(truth - guess), times, " = ", after[place]];
  return [
    [word("example", { n: k + 1 }), ": x₁ = ", x[0], ", x₂ = ", x[1], ", y = ", truth],
    ["z = ", before[0], " × ", x[0], " + ", factor(before[1]), " × ", x[1], " + ", factor(before[2]), " = ", sum(before, x)],
    ["ŷ = ", guess, ",  y − ŷ = ", truth - guess],
    ...(truth === guess ? [[word("stays")]] : [update(`w${sub(1)}`, 0, [" × ", x[0]]), update(`w${sub(2)}`, 1, [" × ", x[1]]), update("b", 2, [])]),
  ];
}
