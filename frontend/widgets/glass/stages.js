// The stages of one training step, in the order in which the picture walks through them.

import { linesOf } from "./lines.js";
import { sizesOf } from "./names.js";

/** [{ id: "forward.1", kind, layer, phase }, ...] for a network of that many layers of weights. */
export function stagesOf(network) {
  const layers = network.weights.map((_, l) => l + 1);
  const stage = (kind, phase, layer) => ({ id: layer ? `${kind}.${layer}` : kind, kind, phase, layer });
  return [
    stage("start", ""),
    ...layers.map((l) => stage("forward", "forward", l)),
    stage("loss", "loss"),
    ...layers.toReversed().flatMap((l) => [stage("delta", "backward", l), stage("gradient", "backward", l)]),
    stage("update", "update"),
  ];
}

/** What a teacher would point at in this stage. */
export function heroOf(stage, network) {
  const sizes = sizesOf(network);
  const at = (wanted, layer) => Math.min(wanted, sizes[layer]);
  switch (stage.kind) {
    case "forward":
      return `n${stage.layer}.1`;
    case "loss":
      return "L";
    case "delta":
      return `n${stage.layer}.${at(2, stage.layer)}`;
    case "gradient":
      return `w${stage.layer}.${at(2, stage.layer)}.${at(stage.layer === 1 ? 3 : 2, stage.layer - 1)}`;
    default:
      return `w1.${at(2, 1)}.${at(3, 0)}`;
  }
}

/** The thing to show when the walk goes on: what the learner chose, while it has a line there. */
export function selectionAt(stage, before, selected, state, result) {
  const chosen = selected !== heroOf(before, state);
  const stays = chosen && linesOf(selected, state, result).some((line) => line.stage === stage.id);
  return stays ? selected : heroOf(stage, state);
}

/** Which numbers the wires of a layer (from 1) show: "weight", "gradient" or "new". */
export function wireShows(stage, layer) {
  if (stage.kind === "update") return "new";
  return stage.kind === "gradient" && layer >= stage.layer ? "gradient" : "weight";
}
