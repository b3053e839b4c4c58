// How numbers are written. They are computed in full precision and shown with a few significant
// digits; a printed line takes as many digits as a calculator needs to get its printed result.

const DIGITS = 4;
const MOST = 12;
const NOTHING = 1e-14; // what is left where 0.1 + 0.2 − 0.3 should be zero
const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** The number that is printed for `value` with that many significant digits. */
export function rounded(value, digits = DIGITS) {
  return Number(nudged(value).toPrecision(digits));
}

/** `value` with at most that many significant digits: "0.4", "−0.008074", "1.2·10⁻⁷". */
export function text(value, digits = DIGITS) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const number = Math.abs(value) < NOTHING ? 0 : rounded(value, digits);
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) {
    const [front, power] = number.toExponential().split("e");
    const raised = [...power.replace("+", "")].map((c) => SUPERSCRIPTS[c]).join("");
    return `${minus(front)}·10${raised}`;
  }
  return minus(String(number === 0 ? 0 : number));
}

/** For the small labels of the picture: at most four decimals and five digits. */
export function short(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || (size > 0 && size < 0.00005) || size >= 1e5) return text(value, 2);
  const decimals = Math.max(0, 4 - Math.max(0, Math.floor(Math.log10(size || 1))));
  return minus(String(Number(nudged(value).toFixed(decimals)) || 0));
}

// Halves go away from zero, as in school, also where binary fractions fall a hair short of a half.
const nudged = (value) => value * (1 + 2e-13);
const minus = (printed) => printed.replace("-", "−");

/**
 * The fewest digits (4 to 12) that its numbers need in print, for a line to come out.
 * `redo(r)` works the line with every number v it reads replaced by r(v), and answers with pairs
 * [what that gives, what is printed as the result, the result's digits (4)].
 */
export function digitsNeeded(redo) {
  for (let digits = DIGITS; digits < MOST; digits++) {
    const pairs = redo((value) => rounded(value, digits));
    if (pairs.every(([found, wanted, own]) => text(found, own) === text(wanted, own))) return digits;
  }
  return MOST;
}
