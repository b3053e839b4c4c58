// The derivative as a slope that slides along a curve, and the gradient on a hill.

import { arrow, dots, factor, graph, handle, line, plot, text, word } from "../moving/scene.js";

/** of, slope, how both are written, and what the drawing shows of each. */
const CURVES = {
  square: { of: (x) => x * x, slope: (x) => 2 * x, f: "x²", df: "2x", y: [-2, 10], dy: [-7, 7] },
  cube: { of: (x) => x ** 3, slope: (x) => 3 * x * x, f: "x³", df: "3x²", y: [-10, 10], dy: [-3, 28] },
  sine: { of: Math.sin, slope: Math.cos, f: "sin x", df: "cos x", y: [-1.6, 1.6], dy: [-1.4, 1.4] },
  exp: { of: Math.exp, slope: Math.exp, f: "exp x", df: "exp x", y: [-2, 12], dy: [-2, 12] },
};
const ENDS = [-3, 3];
const HILL = [-3, 3, -2, 2];
const SHOWN = 0.2; // of the gradient's length

export const scene = (state) => (state.on === "hill" ? hill(state) : curve(state));

function curve({ on, x, h }) {
  const { of, slope, f, df, y, dy } = CURVES[on];
  const [here, ahead, rise] = [of(x), of(x + h), slope(x)];
  const secant = (ahead - here) / h;
  const through = (by) => [x - 4, x + 4].map((at) => [at, here + by * (at - x)]);
  return {
    say: [word(rise > 0.05 ? "say.up" : rise < -0.05 ? "say.down" : "say.flat", { x, slope: rise }), " ", word("say.secant", { h, secant, apart: Math.abs(secant - rise) })],
    plots: [
      plot(ENDS, y, [
        graph("soft", ENDS, of), line("third dashed", through(secant)), line("main", through(rise)),
        dots("third hollow", [[x + h, ahead]], 5), dots("main", [[x, here]], 6.5),
      ], { across: ["x"], up: ["f(x) = ", f], handles: [handle([x, here], "x", null)] }),
      plot(ENDS, dy, [graph("main faint", ENDS, slope), graph("main", [ENDS[0], x], slope), dots("main", [[x, rise]], 6)],
        { ratio: 0.36, across: ["x"], up: ["f′(x) = ", df] }),
    ],
    rows: [
      ["(f(x + h) − f(x)) / h = (", ahead, " − ", factor(here), ") / ", h, " = ", secant],
      ["f′(x) = ", df, " = ", rise],
    ],
  };
}

function hill({ x, y }) {
  const height = 6 - x * x - 2 * y * y;
  const [dx, dy] = [-2 * x, -4 * y];
  const length = Math.hypot(dx, dy);
  const [left, right, low, high] = HILL;
  const ring = (r) => line("soft thin faint", Array.from({ length: 73 }, (_, k) => {
    const turn = (2 * Math.PI * k) / 72;
    return [r * Math.cos(turn), (r / Math.SQRT2) * Math.sin(turn)];
  }));
  return {
    say: word(length < 0.05 ? "say.top" : "say.hill", { x, y, height, length, dx, dy }),
    plots: [plot([left, right], [low, high], [
      ...[0.5, 1, 1.5, 2, 2.5, 3, 3.5].map(ring),
      text([0, 0], ["▲"], { look: "soft" }),
      arrow("second dashed", [x, y], [x + SHOWN * dx, y]), arrow("third dashed", [x, y], [x, y + SHOWN * dy]),
      arrow("main", [x, y], [x + SHOWN * dx, y + SHOWN * dy]), dots("main", [[x, y]], 6.5),
    ], { ratio: (high - low) / (right - left), across: ["x"], up: ["y;  f = 6 − x² − 2y²"], handles: [handle([x, y], "x", "y")] })],
    rows: [
      ["f = 6 − ", factor(x), "² − 2 × ", factor(y), "² = ", height],
      ["∂f/∂x = −2x = ", dx, ",  ∂f/∂y = −4y = ", dy],
      ["|∇f| = √((", dx, ")² + (", dy, ")²) = ", length],
    ],
  };
}
