"""What single ops of a step tell: units that are silent or saturated, gates, targets of losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gobhir.engine.compile.blas import one_thread
from gobhir.lift.diary import Diary, Guess, Units
from gobhir.lift.gates import cell_gates, gates

SILENT = {"relu", "relu_", "relu6", "threshold"}
"""Functions that are zero, and flat, on one whole side."""
FLAT = {"sigmoid": 0.4975, "sigmoid_": 0.4975, "tanh": 0.995, "tanh_": 0.995}
"""How far from the middle of its range such a function's slope is below 1 % of its greatest:
tanh' = 1 - a^2 and sigmoid' = a (1 - a)."""
LOSSES = {
    "cross_entropy": "classes",
    "cross_entropy_loss": "classes",
    "binary_cross_entropy": "yes_no",
    "bce_loss": "yes_no",
    "binary_cross_entropy_with_logits": "yes_no",
    "bce_with_logits_loss": "yes_no",
    "mse_loss": "mse",
}
STRETCHED = {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
"""Losses that broadcast the output against the target."""
CHANNELS_FIRST = ("Conv", "BatchNorm", "InstanceNorm", "GroupNorm")
FIRST = 3
"""Of so many watched steps things are learned that do not change later."""
EXAMPLES = 64
"""So many examples of a batch are looked at for silent and saturated units."""
GATES_EVERY = 10
"""Gates are computed anew in every tenth watched step: they open and close slowly."""


class Heard(NamedTuple):
    """One op of the step that is under way."""

    op: str
    layer: str
    value: np.ndarray


def unit_key(layer: str, op: str) -> str:
    """Under which name a diary keeps the units behind an activation function."""
    return f"{layer}|{op.rstrip('_')}"


def units_of(diary: Diary, heard: Heard, producer: str) -> None:
    """How large a share of an activation's units was silent, or of its values in flat parts.
    producer: the class of the layer that computed them: after a convolution a unit is a channel."""
    a = heard.value[:EXAMPLES]
    if a.ndim < 2:
        return
    name, step = heard.op.rstrip("_"), diary.steps
    if name not in SILENT:
        middle = 0.5 if name == "sigmoid" else 0.0
        units = _units(diary, heard, a.shape[-1])
        units.shares[step] = float((np.abs(a - middle) > FLAT[name]).mean())
        return
    if a.ndim > 2 and producer.startswith(CHANNELS_FIRST):
        best = a.reshape(*a.shape[:2], -1).max(-1).max(0)
    else:
        best = a.reshape(-1, a.shape[-1]).max(0)
    units = _units(diary, heard, len(best))
    if units.last is None:
        units.last = np.full(len(best), -1)
    if len(best) == units.count:
        awake = best > 0
        units.last[awake] = step
        units.shares[step] = float(1 - awake.mean())


def _units(diary: Diary, heard: Heard, count: int) -> Units:
    key = unit_key(heard.layer, heard.op)
    if key not in diary.units:
        diary.units[key] = Units(heard.layer, heard.op.rstrip("_"), count)
    return diary.units[key]


def gates_of(
    diary: Diary, path: str, module: Any, args: Any, numbers: Callable[[Any], np.ndarray]
) -> None:
    """How large a share of each gate of an LSTM, GRU or a cell of theirs is stuck open or shut;
    of a cell that is called for each time step, in the last of them."""
    simple = getattr(module, "proj_size", 0) == 0 and args and hasattr(args[0], "shape")
    if len(diary.rows) % GATES_EVERY or not simple:
        return
    cell = type(module).__name__.endswith("Cell")
    found = cell_gates(module, args, numbers) if cell else gates(module, args[0], numbers)
    with one_thread():
        opened = list(found)
    for name, values in opened:
        like = "tanh" if name.endswith(("cell", "new")) else "sigmoid"
        far = np.abs(values - (0.0 if like == "tanh" else 0.5)) > FLAT[like]
        units = diary.units.setdefault(
            f"{path}|{name}", Units(path, name, values.shape[-1], gate=True)
        )
        units.shares[diary.steps] = float(far.mean())


def inputs_of(diary: Diary, args: Any, numbers: Callable[[Any], np.ndarray]) -> None:
    """In which units the model's inputs are: the root of the mean square, of all numbers, of the
    largest and of the smallest column. Of the first batches only: data do not change much."""
    if len(diary.rows) >= FIRST or not args or not hasattr(args[0], "shape"):
        return
    x = numbers(args[0])
    if x.dtype.kind != "f" or x.ndim < 2 or not x.size:
        return
    columns = x if x.ndim == 2 else x.reshape(-1, 1)
    with np.errstate(all="ignore"):
        roots = np.sqrt(np.mean(np.square(columns, dtype=float), 0))
        sizes = float(np.sqrt(np.mean(roots**2))), float(roots.max()), float(roots.min())
    diary.details["inputs"] = max(sizes, diary.details.get("inputs", sizes))


def targets_of(
    diary: Diary,
    name: str,
    inputs: tuple[Any, ...],
    value: np.ndarray,
    numbers: Callable[[Any], np.ndarray],
) -> float | None:
    """Note what a loss was given. Its value, where the best constant answer can be told from the
    targets alone; None where it cannot."""
    if len(inputs) < 2 or not all(hasattr(x, "shape") for x in inputs[:2]):
        return None
    counts = diary.counts
    counts["losses_heard"] += 1
    output, target = (numbers(x) for x in inputs[:2])
    if name in STRETCHED and output.shape != target.shape:
        counts["broadcast"] += 1
        diary.details["broadcast"] = (output.shape, target.shape)
    weighted = any(hasattr(x, "shape") for x in inputs[2:])
    alone = float(value) if value.size == 1 and not weighted and name in LOSSES else None
    kind = LOSSES.get(name)
    if kind == "classes":
        some = output[:EXAMPLES]
        if some.ndim == 2 and some.shape[1] > 1 and some.size:
            sums = some.sum(1)
            counts["softmaxed"] += bool(some.min() >= 0 and np.abs(sums - 1).max() < 1e-3)
        if target.dtype.kind != "i" or output.ndim < 2:
            return None
        if len(diary.rows) < FIRST and alone is not None:
            counts["summed"] += _summed(alone, _surprise(output, target))
        found = np.bincount(target[target >= 0].ravel(), minlength=output.shape[1])
        _add(diary, kind, found.astype(float), 0.0 * found, target.size)
    elif kind is not None and output.shape == target.shape and target.ndim:
        rows = target.reshape(len(target), -1).astype(float)
        if len(diary.rows) < FIRST and alone is not None and kind == "mse":
            counts["summed"] += _summed(alone, (output - target) ** 2)
        _add(diary, kind, rows.sum(0), (rows**2).sum(0), len(rows))
    return alone


def _add(diary: Diary, kind: str, sums: np.ndarray, squares: np.ndarray, count: int) -> None:
    guess = diary.guess
    if guess is None or guess.loss != kind or guess.counts.shape != sums.shape:
        guess = diary.guess = Guess(kind, 0.0 * sums, 0.0 * sums)
    guess.counts = guess.counts + sums
    guess.squares = guess.squares + squares
    guess.total += count


def _summed(value: float, each: np.ndarray) -> bool:
    """Whether the loss is the sum of what each target costs, and not the mean."""
    with np.errstate(all="ignore"):
        return each.size > 1 and bool(np.isclose(value, each.sum(dtype=float), 1e-3, 0.0))


def _surprise(output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Cross-entropy of each example: scores (n, classes), classes (n,)."""
    if output.ndim != 2 or len(output) != target.size:
        return np.zeros(0)
    z = output.astype(float)
    z = z - z.max(1, keepdims=True)
    right = np.take_along_axis(z, np.maximum(target.reshape(-1, 1), 0), 1)[:, 0]
    return np.asarray(np.log(np.exp(z).sum(1)) - right)
