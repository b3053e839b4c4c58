"""The rule of what moves numbers without changing them: rearrangement, picking, joining.

Each number of the result is one of the operand's, or 0; so the op is a table of positions, and
its gradient is the same table read the other way round: what was taken from a place is added to
it, as often as it was taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gobhir.derivation.arrays import Transposed
from gobhir.derivation.expression import Expr, Fraction, Num
from gobhir.derivation.places import Joined, Rearranged, Reshaped, Scattered, Taken, shaped
from gobhir.derivation.rounding import decimals
from gobhir.explain.spatial import lay
from gobhir.explain.use import Use

PICKS = {"max", "min", "sort", "topk", "kthvalue", "median_along", "mode", "cummax", "cummin"}
"""Ops that give values and where they stood, along `dim`."""
_SAME_ORDER = {"reshape", "clone", "cast", "part"}
_WRITES = {"set_item", "view_scatter"}
"""Ops that put the numbers of a second operand into the first."""
_SURE = {"permute", "flip", "roll", "expand", "get_item", "diagonal", "unfold", "tril", "triu"}
"""Ops of which it is known that they only move numbers; of others a trial tells."""


def forward(use: Use) -> Expr | None:
    op = use.record.op.name
    if op in ("cat", "stack"):
        return _joined(use)
    if op == "embedding":
        return Rearranged(use.operands[1], "embedding", _rows(use).reshape(use.result.shape))
    if op in PICKS:
        return Rearranged(use.operands[0], op, _picked(use).reshape(use.result.shape))
    if op in _WRITES:
        flat = (shaped(e, (math.prod(e.shape),)) for e in use.operands)
        return Rearranged(Joined(tuple(flat)), op, _written(use).reshape(use.result.shape))
    if op in _SAME_ORDER:
        return shaped(use.operands[0], use.result.shape)
    if len(use.operands) > 1 or not _moves_only(use):
        return None
    if _stays(use):
        return shaped(use.operands[0], use.result.shape)
    if _turns(use):
        return Transposed(use.operands[0])
    return Rearranged(use.operands[0], op, _positions(use).reshape(use.result.shape))


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    op, x = use.record.op.name, use.operands[i]
    if op in ("cat", "stack"):
        return _part_of(use, i, c)
    if op == "embedding":
        return _rows_back(use, c) if i == 1 else None
    if op in PICKS:
        return Scattered(c, op, lambda: _picked(use), x.shape)
    if op in _WRITES:
        return Scattered(c, op, lambda: _written_from(use, i), x.shape)
    if op in _SAME_ORDER:
        return shaped(c, x.shape)
    if op == "expand":
        return c
    if len(use.operands) > 1 or not _moves_only(use):
        return None
    if _stays(use):
        return shaped(c, x.shape)
    if _turns(use) and c.shape == use.result.shape:
        return Transposed(c)
    return Scattered(c, op, lambda: _positions(use), x.shape)


# -- one operand, rearranged ----


def _moved(use: Use, marks: np.ndarray) -> np.ndarray:
    """What the op makes of these marks in the place of its operand's numbers."""
    return np.asarray(use.record.op.forward(marks, **use.record.settings))


def _positions(use: Use) -> np.ndarray:
    """For each element of the result, its flat position in the operand; -1 for a 0 put in."""
    x = use.arrays[0]
    return _moved(use, np.arange(1, x.size + 1).reshape(x.shape)) - 1


def _stays(use: Use) -> bool:
    """Whether all numbers come out in the order in which they went in."""
    size = use.arrays[0].size
    return use.record.value.size == size and bool(
        (_positions(use).ravel() == np.arange(size)).all()
    )


def _turns(use: Use) -> bool:
    """Whether just the rows and columns are exchanged, on the page, too."""
    dims = use.record.settings.get("dims", ())
    n = len(dims)
    swap = n > 1 and tuple(d % n for d in dims) == (*range(n - 2), n - 1, n - 2)
    shape = use.operands[0].shape
    return swap and len(shape) > 1 and use.result.shape == (*shape[:-2], shape[-1], shape[-2])


def _moves_only(use: Use) -> bool:
    """Whether each number of the result is one of the operand's, in a place that is known without
    looking at the numbers, or 0."""
    if use.record.op.name in _SURE:
        return True
    if isinstance(use.record.value, tuple):
        return False
    x = use.arrays[0]
    marks = np.arange(1, x.size + 1).reshape(x.shape)
    once, again = _moved(use, marks), _moved(use, marks + x.size)
    zero = (once == 0) & (again == 0)
    return bool((zero | (again - once == x.size)).all())


# -- two operands, one written into the other ----


def _written(use: Use) -> np.ndarray:
    """For each element of the result, its flat position in both operands end to end."""
    x, v = (np.asarray(a) for a in use.arrays)
    marks = np.arange(x.size).reshape(x.shape), x.size + np.arange(v.size).reshape(v.shape)
    return np.asarray(use.record.op.forward(*marks, **use.record.settings))


def _written_from(use: Use, i: int) -> np.ndarray:
    """For each element of the result, its flat position in operand i, or -1."""
    where, first = _written(use), np.size(use.arrays[0])
    if i == 0:
        return np.where(where < first, where, -1)
    return np.where(where >= first, where - first, -1)


# -- chosen along a dimension, and rows of a table ----


def _picked(use: Use) -> np.ndarray:
    """Where in the operand each value of the result stood."""
    x, at = use.arrays[0], np.asarray(use.results[1])
    dim = use.record.settings["dim"] % max(x.ndim, 1)
    kept = at if at.ndim == x.ndim else np.expand_dims(at, dim)
    mesh: list[Any] = list(np.ogrid[tuple(map(slice, kept.shape))]) if x.ndim else [0]
    mesh[dim] = kept
    return np.asarray(np.ravel_multi_index(np.broadcast_arrays(*mesh), x.shape or (1,)))


def _rows(use: Use) -> np.ndarray:
    tokens, table = use.arrays[:2]
    return np.asarray(tokens)[..., None] * table.shape[1] + np.arange(table.shape[1])


def _rows_back(use: Use, c: Expr) -> Expr:
    """Each row of c added to the row of its token."""
    tokens, table, settings = np.asarray(use.arrays[0]), use.arrays[1], use.record.settings
    if settings["scale_grad_by_freq"]:
        often = np.bincount(tokens.ravel(), minlength=len(table))[tokens][..., None]
        c = Fraction(c, Reshaped(Num(decimals(often)), (*c.shape[:-1], 1)))
    where = _rows(use)
    if settings["padding_idx"] is not None:
        where = np.where((tokens == settings["padding_idx"])[..., None], -1, where)
    return Scattered(c, "embedding", where, use.operands[1].shape)


# -- several operands, joined ----


def _operand_shapes(use: Use) -> Iterator[tuple[int, ...]]:
    dim = use.record.settings["dim"] % max(use.record.value.ndim, 1)
    for a in use.arrays:
        new = use.record.op.name == "stack"
        yield (*a.shape[:dim], 1, *a.shape[dim:]) if new else a.shape


def _joined(use: Use) -> Expr:
    dim = use.record.settings["dim"] % max(use.record.value.ndim, 1)
    parts = (shaped(e, s) for e, s in zip(use.operands, _operand_shapes(use), strict=True))
    return Joined(tuple(parts), dim, use.record.op.name)


def _part_of(use: Use, i: int, c: Expr) -> Expr:
    """The piece of c that belongs to operand i."""
    shapes = list(_operand_shapes(use))
    dim = use.record.settings["dim"] % max(use.record.value.ndim, 1)
    start = sum(s[dim] for s in shapes[:i])
    whole, rank = shaped(c, use.record.value.shape), use.record.value.ndim
    first = [start * (axis == dim) for axis in range(rank)]
    places = (lay(rank, np.arange(n) + first[axis], axis) for axis, n in enumerate(shapes[i]))
    return shaped(Taken(whole, "part", tuple(places)), use.operands[i].shape)
