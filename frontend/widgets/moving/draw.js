// A plot as SVG, the very same that gobhir/widgets/still.py draws. Nothing here touches the page.

import { short } from "../shared/numbers.js";

const AXES = { left: 42, right: 14, top: 28, bottom: 40 };
const BARE = { left: 6, right: 6, top: 6, bottom: 6 };

/** The text of pieces, in the language of `strings`. */
export function speak(pieces, strings) {
  if (Array.isArray(pieces)) return pieces.map((piece) => speak(piece, strings)).join("");
  if (typeof pieces === "number") return short(pieces);
  if (typeof pieces === "string") return pieces;
  const value = (name) => speak(pieces.with[name] ?? "", strings);
  return (strings[pieces.word] ?? pieces.word).replace(/\{(\w+)\}/g, (_, name) => value(name));
}

/** Where the plot's units lie on a drawing of this width. */
export function frameOf({ x, y, ratio, bare }, width) {
  const { left, right, top, bottom } = bare ? BARE : AXES;
  const w = width - left - right;
  const h = w * ratio;
  return {
    left, top, w, h, height: top + h + bottom,
    x: (value) => (w * (value - x[0])) / (x[1] - x[0]),
    y: (value) => (h * (y[1] - value)) / (y[1] - y[0]),
  };
}

export function draw(plot, width, strings) {
  const frame = frameOf(plot, width);
  const { left, top, w, h, height } = frame;
  const say = (pieces) => escape(speak(pieces, strings));
  const clipped = plot.marks.filter(({ mark }) => SHAPES[mark]).map((mark) => SHAPES[mark.mark](mark, frame, say));
  const above = plot.marks.filter(({ mark }) => POINTS[mark]).map((mark) => POINTS[mark.mark](mark, frame, say));
  return `<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}">`
    + (plot.bare ? "" : axes(plot, frame, say))
    + `<svg x="${px(left)}" y="${px(top)}" width="${px(w)}" height="${px(h)}" overflow="hidden">${clipped.join("")}</svg>`
    + `<g transform="translate(${px(left)} ${px(top)})">${above.join("")}</g></svg>`;
}

function axes(plot, frame, say) {
  const { left, top, w, h } = frame;
  const parts = [`<rect class="ground" x="${px(left)}" y="${px(top)}" width="${px(w)}" height="${px(h)}"/>`];
  for (const at of ticks(plot.x, w, 56)) {
    const x = left + frame.x(at);
    parts.push(`<path class="${at === 0 ? "zero" : "grid"}" d="M${px(x)} ${px(top)}V${px(top + h)}"/>`);
    parts.push(`<text class="tick" x="${px(x)}" y="${px(top + h + 14)}">${short(at)}</text>`);
  }
  for (const at of ticks(plot.y, h, 38)) {
    const y = top + frame.y(at);
    parts.push(`<path class="${at === 0 ? "zero" : "grid"}" d="M${px(left)} ${px(y)}H${px(left + w)}"/>`);
    parts.push(`<text class="tick end" x="${px(left - 6)}" y="${px(y)}">${short(at)}</text>`);
  }
  parts.push(`<text class="axis end" x="${px(left + w)}" y="${px(top + h + 31)}">${say(plot.across)}</text>`);
  parts.push(`<text class="axis start" x="${px(left)}" y="${px(top - 13)}">${say(plot.up)}</text>`);
  return parts.join("");
}

/** Round numbers on an axis, `wish` pixels apart or a little more. */
export function ticks([low, high], room, wish) {
  const rough = (high - low) / Math.max(2, Math.floor(room / wish));
  const power = 10 ** Math.floor(Math.log10(rough) + 1e-9);
  const step = [1, 2, 5, 10].find((times) => times * power >= rough * (1 - 1e-9)) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

// Shapes end where the plot ends; points are left out where they lie outside it.
const SHAPES = {
  line: ({ look, points }, frame) => `<path class="line ${look}" d="${path(points, frame)}"/>`,
  area: ({ look, points }, frame) => (points.length ? `<path class="area ${look}" d="${path(points, frame)}Z"/>` : ""),
  arrow({ look, points }, frame) {
    const [[x1, y1], [x2, y2]] = points.map(([x, y]) => [frame.x(x), frame.y(y)]);
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (!(length > 1 && length < 1e5)) return "";
    const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const head = Math.min(9, length);
    const side = (turn) => `${px(x2 - head * ux - turn * head * 0.45 * uy)} ${px(y2 - head * uy + turn * head * 0.45 * ux)}`;
    return `<path class="line ${look}" d="M${px(x1)} ${px(y1)}L${px(x2 - 0.7 * head * ux)} ${px(y2 - 0.7 * head * uy)}"/>`
      + `<path class="head ${look}" d="M${px(x2)} ${px(y2)}L${side(1)}L${side(-1)}Z"/>`;
  },
  box({ look, points: [[x1, y1], [x2, y2]], text }, frame, say) {
    const [left, top, right, bottom] = [frame.x(x1), frame.y(y2), frame.x(x2), frame.y(y1)];
    return `<rect class="box ${look}" x="${px(left)}" y="${px(top)}" width="${px(right - left)}" height="${px(bottom - top)}" rx="6"/>`
      + `<text class="${look}" x="${px((left + right) / 2)}" y="${px((top + bottom) / 2)}">${say(text)}</text>`;
  },
};

const POINTS = {
  dots: ({ look, points, size }, frame) => points.filter((point) => inside(point, frame))
    .map(([x, y]) => `<circle class="dot ${look}" cx="${px(frame.x(x))}" cy="${px(frame.y(y))}" r="${size}"/>`).join(""),
  text({ look, points: [at], text, side, shift: [right, down] }, frame, say) {
    if (!inside(at, frame)) return "";
    return `<text class="${side} ${look}" x="${px(frame.x(at[0]) + right)}" y="${px(frame.y(at[1]) + down)}">${say(text)}</text>`;
  },
};

function inside([x, y], frame) {
  const [left, top] = [frame.x(x), frame.y(y)];
  return left >= -0.5 && left <= frame.w + 0.5 && top >= -0.5 && top <= frame.h + 0.5;
}

/** A path through the points; where a point is no number, the pen is lifted. */
function path(points, frame) {
  let pen = "M";
  let drawn = "";
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = "M";
      continue;
    }
    drawn += `${pen}${px(within(frame.x(x)))} ${px(within(frame.y(y)))}`;
    pen = "L";
  }
  return drawn;
}

const within = (place) => Math.min(1e4, Math.max(-1e4, place)); // browsers lose very long lines
const px = (value) => String(Number(value.toFixed(1)) || 0);
const escape = (said) => said.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
