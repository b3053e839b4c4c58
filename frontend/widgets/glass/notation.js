// The pieces a line of the derivation is made of, before it is drawn. A row is a list of pieces:
// a string, or one of these. `plain` spells a row as text, for tests and screen readers.

import { text } from "../shared/numbers.js";

/** A letter with its small marks: sym("w", 1, "23") is w⁽¹⁾₂₃. */
export const sym = (letter, layer, index) => ({ sym: letter, layer: layer ?? "", index: index ?? "" });
/** A number, printed with that many digits. */
export const num = (value, digits) => ({ num: value, digits });
/** The same as a factor or a later term: negative ones stand in brackets. */
export const factor = (value, digits) => (value < 0 ? glued("(", num(value, digits), ")") : num(value, digits));
/** Pieces that stay on one line of the page. */
export const glued = (...pieces) => ({ glued: pieces });
/** Pieces with a brace under them, and what the brace says. */
export const brace = (pieces, label) => ({ brace: pieces, label });
/** A partial derivative, ∂L/∂w. */
export const partial = (of, by) => glued("∂", of, "/", "∂", by);
/** e to a power. */
export const power = (pieces) => ({ power: pieces });

/** A row as plain text: "= −0.6 × 0.9". */
export function plain(row) {
  return [row].flat().map(spell).join("");
}

function spell(piece) {
  if (typeof piece === "string") return piece;
  if ("num" in piece) return text(piece.num, piece.digits);
  if (piece.glued) return plain(piece.glued);
  if (piece.brace) return plain(piece.brace);
  if (piece.power) return `e^(${plain(piece.power)})`;
  return piece.sym + (piece.layer && `(${piece.layer})`) + (piece.index && `_${piece.index}`);
}
