"""A worked example of an op, for its card: inputs, result and gradients, as small as they can be.

The op may bring its own inputs (`Op.example`); else usual ones are tried until it takes some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from gobhir.engine import OPS, Op
from gobhir.engine.apply import Parts

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Example:
    """Inputs and settings that the op takes, what it makes of them, and the gradients of the
    inputs for a gradient `cotangent` of result number `of`."""

    inputs: tuple[Any, ...]
    settings: dict[str, Any]
    value: Any
    cotangent: np.ndarray | None
    grads: dict[str, np.ndarray]
    of: int = 0


def example(op: type[Op]) -> Example | None:
    """A small example of the op, worked; None where no inputs were found that it takes."""
    for inputs, settings in _candidates(op):
        with np.errstate(all="ignore"):
            try:
                return _work(op, inputs, settings)
            except Exception:  # this one does not fit: try the next
                continue
    return None


def _work(op: type[Op], inputs: tuple[Any, ...], settings: dict[str, Any]) -> Example:
    options = op.defaults | settings
    arrays = tuple(x.copy() if isinstance(x, np.ndarray) else x for x in inputs)
    value = op.forward(*arrays, **options)
    values = tuple(np.asarray(v) for v in (value if isinstance(value, tuple) else (value,)))
    _check_finite(values)
    first = values[0]
    if not op.pullbacks or first.dtype.kind != "f":
        shown = values if isinstance(value, tuple) else first
        return Example(inputs, settings, shown, None, {})
    out = values if isinstance(value, tuple) else first
    for of, part in enumerate(values):
        if part.dtype.kind == "f":  # the first result that a gradient comes through
            cotangent = np.resize(np.array([1.0, -0.5, 2.0, 0.25]), part.shape)
            grads = _grads(op, inputs, arrays, options, out, of, cotangent)
            if any(g.any() for g in grads.values()):
                return Example(inputs, settings, out, cotangent, grads, of)
    cotangent = np.resize(np.array([1.0, -0.5, 2.0, 0.25]), first.shape)
    grads = _grads(op, inputs, arrays, options, out, 0, cotangent)
    return Example(inputs, settings, out, cotangent, grads)


def _grads(
    op: type[Op],
    inputs: tuple[Any, ...],
    arrays: tuple[Any, ...],
    options: dict[str, Any],
    out: Any,
    of: int,
    cotangent: np.ndarray,
) -> dict[str, np.ndarray]:
    """The inputs' gradients where only result number `of` has one."""
    d: Any = cotangent
    if isinstance(out, tuple):
        d = Parts(cotangent if i == of else np.zeros_like(v, float) for i, v in enumerate(out))
    grads: dict[str, Any] = {}
    named = input_names(op, len(inputs))
    if op.vjps is not None:
        every = op.vjps(d, out, *arrays, **options)
        grads = {n: g for n, g in zip(named, every, strict=False) if g is not None}
    else:
        for n, x in zip(named, inputs, strict=False):
            if n in op.pullbacks and isinstance(x, np.ndarray) and x.dtype.kind == "f":
                grads[n] = op.pullbacks[n](d, out, *arrays, **options)
    fitted = {}
    for n, x in zip(named, inputs, strict=False):
        if n in grads and isinstance(x, np.ndarray):
            g = np.asarray(grads[n])
            fitted[n] = g if g.shape == x.shape else OPS["sum_to"].forward(g, shape=x.shape)
    _check_finite(tuple(fitted.values()))
    return fitted


def _check_finite(values: Arrays) -> None:
    for v in values:
        if v.dtype.kind == "f" and not np.isfinite(v).all():
            raise ValueError("not finite")


_ANY = np.array([0.5, -1.2, 2.0]), np.array([1.5, 0.4, -0.7]), np.array([-0.3, 0.8, 1.1])
_ABOVE = np.array([0.5, 1.2, 2.0]), np.array([1.5, 0.4, 0.7]), np.array([0.3, 0.8, 1.1])
_WITHIN = np.array([0.2, 0.5, 0.9]), np.array([0.7, 0.4, 0.1]), np.array([0.3, 0.8, 0.6])
_WHOLE = np.array([1, 2, 0]), np.array([2, 1, 1]), np.array([0, 1, 1])
_SQUARE = tuple(np.array(m) for m in ([[2.0, 1.0], [1.0, 3.0]], [[1.0, 0.5], [0.2, 2.0]]))
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "dim": (0, -1),
    "dims": ((1, 0), (0,)),
    "shape": ((3, 1), (4,), (2, 2, 2), (2, 3)),
    "index": ((1,),),
    "dtype": (np.dtype("float32"),),
    "place": (0,),
    "p": (2.0,),
    "eps": (1e-5,),
}


def _candidates(op: type[Op]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    if op.example is not None:
        given, settings = op.example
        yield tuple(np.asarray(x) if isinstance(x, list) else x for x in given), settings
        return
    needed = [n for n in op.settings if n not in op.defaults]
    choices = [_SETTINGS.get(n, (1, 0.5)) for n in needed]
    count = len(op.inputs)
    pools: list[tuple[np.ndarray, ...]] = [_ANY, _ABOVE, _WITHIN, _SQUARE, _WHOLE]
    for pool in pools:
        inputs = tuple(pool[i % len(pool)] for i in range(count))
        mixed = (_WHOLE[0] > 0, *inputs[1:])
        for chosen in product(*choices):
            settings = dict(zip(needed, chosen, strict=True))
            yield inputs, settings
            if count > 1:
                yield mixed, settings


def input_names(op: type[Op], count: int) -> tuple[str, ...]:
    return (
        op.inputs[:count] if len(op.inputs) >= count else tuple(f"x{i + 1}" for i in range(count))
    )
