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

from gobhir.derivation.arrays import Transposed, turned
from gobhir.derivation.expression import Expr, Fraction, Num
from gobhir.derivation.places import Joined, Rearranged, Reshaped, Scattered, Taken, shaped
from gobhir.derivation.rounding import decimal, decimals
from gobhir.explain.rules.spatial import lay
from gobhir.explain.rules.use import Use

PICKS = {"max", "min", "sort", "topk", "kthvalue", "median_along", "mode", "cummax", "cummin"}
"""Ops that give values and where they stood, along `dim`."""
_SAME_ORDER = {"reshape", "clone", "cast", "part"}
_WRITES = {"set_item", "view_scatter"}
"""Ops that put the numbers of a second operand into the first."""
_SURE = {"permute", "flip", "roll", "expand", "get_item", "diagonal", "unfold", "tril", "triu"}
"""Ops of which it is known that they only move numbers; of others a trial tells."""
_ADDS = {"add_at", "add_rows", "col2_im", "overlap", "strided_sum", "max_pool_back"}
"""Ops that add numbers up where they put them: even where none meet, one says so."""


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
    x = use.operands[0]
    if not _moves_only(use):
        back = _sent_to(use)
        return None if back is None else Scattered(x, op, back, use.result.shape)
    if _stays(use):
        return shaped(x, use.result.shape)
    if _turns(use):
        return Transposed(x)
    filled = _filled(use)
    return Rearranged(x, op, _positions(use).reshape(use.result.shape), decimal(filled))


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
    if not _moves_only(use):
        back = _sent_to(use)
        return (
            None
            if back is None
            else Rearranged(shaped(c, use.result.shape), op, back.reshape(x.shape))
        )
    if _stays(use):
        return shaped(c, x.shape)
    if _turns(use) and c.shape == use.result.shape:
        return turned(c)
    return Scattered(c, op, lambda: _positions(use), x.shape)


# -- one operand, rearranged ----


def _moved(use: Use, marks: np.ndarray) -> np.ndarray:
    """What the op makes of these marks in the place of its first operand's numbers."""
    made = use.record.op.forward(marks, *use.arrays[1:], **use.record.settings)
    return np.asarray(made)


def _marks(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers for each place, from which one sees where each went."""
    size = math.prod(shape)
    marks = np.arange(1.0, size + 1).reshape(shape)
    return marks, marks + size


def _where(once: np.ndarray, again: np.ndarray) -> np.ndarray:
    """The places that the marks came from; -1 for what is no mark."""
    return np.where(once == again, 0, once).astype(int) - 1


def _positions(use: Use) -> np.ndarray:
    """For each element of the result, its flat position in the operand; -1 for what was put in."""
    return _where(*(_moved(use, m) for m in _marks(use.arrays[0].shape)))


def _filled(use: Use) -> float:
    """The number that was put in beside the operand's."""
    once, again = (_moved(use, m) for m in _marks(use.arrays[0].shape))
    put = once[once == again]
    return float(put[0]) if put.size else 0.0


def _sent_to(use: Use) -> np.ndarray | None:
    """Of an op that adds numbers up where it puts them: the flat position in the result that each
    of the operand's goes to, or -1. Its gradient only moves numbers, and tells. None otherwise."""
    record, pullback = use.record, use.record.op.pullbacks.get(use.record.op.inputs[0])
    if pullback is None or isinstance(record.value, tuple):
        return None
    once, again = (
        np.asarray(pullback(m, record.value, *use.arrays, **record.settings))
        for m in _marks(record.value.shape)
    )
    if once.shape != use.arrays[0].shape or not _only_marks(once, again, record.value.size):
        return None
    return _where(once, again)


def _only_marks(once: np.ndarray, again: np.ndarray, size: int) -> bool:
    """Whether each number is a mark of its own place, or the same in both."""
    return bool(((once == again) | (again - once == size)).all())


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
    looking at the numbers, or one and the same number put in."""
    if use.record.op.name in _SURE:
        return True
    if isinstance(use.record.value, tuple) or use.record.op.name in _ADDS:
        return False
    once, again = (_moved(use, m) for m in _marks(use.arrays[0].shape))
    put = once[once == again]
    return _only_marks(once, again, use.arrays[0].size) and bool((put == put[:1]).all())


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
