"""The playground's address: any state comes back from it as it was, and damage is named."""

from __future__ import annotations

import subprocess

from frontend.bundle import FRONTEND
from tests.widgets.node import node

SCRIPT = """
import assert from "node:assert";
import { read, written } from "./src/play/address.js";
import { ACTIVATIONS, copy, fitted, LOSSES, MODES, OPTIMIZERS, SETS, typed }
  from "./src/play/state.js";

let seed = 7;
const below = (n) => Math.floor(((seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31) * n);
const pick = (list) => list[below(list.length)];
const number = () => pick([0, 1, -1, 0.1, -0.25, 1e-7, -1000, 999.5, below(2000) / 10 - 100]);
const many = (n, make) => Array.from({ length: n }, make);
let refused = 0;
for (let n = 0; n < 3000; n++) {
  const state = copy(pick(Object.values(SETS)));
  state.layers = many(1 + below(6), () => [1 + below(16), pick(ACTIVATIONS)]);
  state.loss = pick(Object.keys(LOSSES));
  const [rows, width, bits] = [1 + below(8), 1 + below(25), below(3) === 0];
  state.x = many(rows, () => many(width, () => (bits ? below(2) : number())));
  state.y = many(rows, () => [number()]);
  state.optimizer = { name: pick(Object.keys(OPTIMIZERS)), lr: pick([0, 0.5, 1e-7, 10]) };
  for (const key of OPTIMIZERS[state.optimizer.name]) {
    if (below(2)) state.optimizer[key] = key === "nesterov" ? true : pick([0, 0.9, 0.01, 1]);
  }
  Object.assign(state, { batch: below(5), seed: below(10000), steps: 1 + below(2000) });
  Object.assign(state, { mode: pick(MODES), weights: { "0.weight[0, 0]": number() } });
  fitted(state);
  const step = below(state.steps);
  const { hash } = new URL(`http://a/b#${written(state, step)}`);
  assert.deepStrictEqual(read(hash), { state, step });
  const at = below(hash.length);
  const damaged = hash.slice(0, at) + pick(["", "x", "&", "%", "=", ";", "-", ".", "<"])
    + hash.slice(at + below(3));
  try {
    assert(Array.isArray(read(damaged).state.layers)); // another state, and a whole one
  } catch (error) {
    assert.strictEqual(error.constructor, Error, damaged); // named, and no accident of the code
    refused += 1;
  }
}
assert(refused > 1000);
const read_ = ["০.৫", "-৩", "১,৫", "\\u22122", ".5", "1.2.3", "", "x"].map(typed);
assert.deepStrictEqual(read_, [0.5, -3, 1.5, -2, 0.5, null, null, null]);
"""


def test_a_state_comes_back_from_its_address() -> None:
    done = subprocess.run(
        [node(), "--input-type=module"],
        input=SCRIPT,
        cwd=FRONTEND,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
