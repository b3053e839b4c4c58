// What a picture says, as plain data that no page is needed for. A scene is one sentence, plots with
// their marks in the units of their axes, and rows of worked numbers. gobhir/widgets/scene.py makes
// the same for the still picture, with the engine's numbers.
//
// Text is a list of pieces: a string as it stands, a number to be printed, or a word of the catalogue.

export const word = (key, values = {}) => ({ word: key, with: values });
/** A number that follows a sign or a times: a negative one stands in brackets. */
export const factor = (value) => (value < 0 ? ["(", value, ")"] : [value]);
export const sub = (n) => [...String(n)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");

/** ratio: height by width; bare: without axes. */
export const plot = (x, y, marks, { ratio = 0.62, across = [], up = [], bare = false, handles = [], buttons = [] } = {}) =>
  ({ x, y, ratio, across, up, bare, marks, handles, buttons });

export const line = (look, points) => ({ mark: "line", look, points });
export const area = (look, points) => ({ mark: "area", look, points });
export const dots = (look, points, size = 5) => ({ mark: "dots", look, points, size });
export const arrow = (look, from, to) => ({ mark: "arrow", look, points: [from, to] });
/** shift: pixels to the right and down. */
export const text = (at, pieces, { look = "", side = "middle", shift = [0, 0] } = {}) =>
  ({ mark: "text", look, points: [at], text: pieces, side, shift });
/** A box with its lower left corner at `at`, and its text in the middle. */
export const box = (look, [x, y], [width, height], pieces) =>
  ({ mark: "box", look, points: [[x, y], [x + width, y + height]], text: pieces });
/** The curve of f over [low, high]. */
export const graph = (look, range, f, count = 120) => line(look, along(range, count).map((x) => [x, f(x)]));
export const along = ([low, high], count) => Array.from({ length: count + 1 }, (_, k) => low + ((high - low) * k) / count);

/** What can be taken hold of: moving it sets the knobs of its two directions (null: none). */
export const handle = (at, across, up) => ({ at, knobs: [across, up] });
/** A place to touch that sets knobs. */
export const button = ([x, y], [width, height], set, label) => ({ box: [[x, y], [x + width, y + height]], set, label });
