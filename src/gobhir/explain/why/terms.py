"""The sum that a number is: its largest terms one by one, the signed rest, the share covered.

A gradient is a sum over all the numbers that this number went into: how strongly each of them
reacts, times the gradient there. A value that came from a weighted sum is one over what went in.
Only arrays are at work here, so a sum of a million terms is a matter of milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part, Parts
from gobhir.engine.op import Family
from gobhir.explain.why.influence import arrays_of, inputs_of, pull, pull_one, push_one
from gobhir.explain.why.trace import Node, Place, Trace, home
from gobhir.lift.sparing import BILINEAR, lying

LISTED = 4
"""How many terms are listed one by one."""
Found = tuple[Node, np.ndarray, np.ndarray]
"""Where numbers live, how strongly each of them counts, and what they are."""


@dataclass(frozen=True)
class Term:
    """slope times value: what the number at `place` brings."""

    place: Place
    slope: float
    value: float

    @property
    def product(self) -> float:
        return self.slope * self.value


@dataclass(frozen=True)
class Terms:
    """The largest terms of a sum (by size), how many there are, the sum of all, and the sum of
    all their sizes. extra: what is added besides (a bias)."""

    top: tuple[Term, ...]
    count: int
    total: float
    size: float
    extra: Term | None = None

    @property
    def rest(self) -> float:
        """The signed sum of the terms that are not listed."""
        listed = sum(t.product for t in self.top)
        return self.total - listed - (self.extra.product if self.extra else 0.0)

    @property
    def share(self) -> float:
        """How much of the sizes of all terms the listed ones cover, 0 to 1."""
        return sum(abs(t.product) for t in self.top) / self.size if self.size else 1.0


def after(trace: Trace, place: Place) -> Iterator[tuple[Record, np.ndarray]]:
    """The results into which this number went, and how each changes with it: one op further
    towards the loss, along the edges that backward took."""
    for record, i in trace.users.get(place.node, ()):
        x = inputs_of(record)[i]
        if not x.requires_grad or (record.edges and record.edges[i] is None):
            continue
        moved = push_one(trace.tape, record, i, place.index)
        if moved is None:
            continue
        if not isinstance(moved, tuple):
            yield record, moved
            continue
        for part, _ in trace.users.get(record, ()):
            if part.op is Part:
                yield part, moved[part.settings["place"]]


def one_hot(shape: tuple[int, ...], index: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """1 at the index, 0 everywhere else."""
    out = np.zeros(shape, dtype)
    out[index] = 1
    return out


def of_gradient(trace: Trace, place: Place) -> Terms:
    """dL/d(number) as a sum over the numbers that it went into."""
    found: list[Found] = []
    for record, moved in after(trace, place):
        c = trace.gradient(record)
        if c is not None:
            found.append((record, moved, np.broadcast_to(c, moved.shape)))
    return _greatest(found)


def maker(record: Record, hot: np.ndarray) -> tuple[Record, Any]:
    """The op that made this result, and `hot` as a gradient of all that the op gave out."""
    if record.op is not Part:
        return record, hot
    whole = home(inputs_of(record)[0])
    assert isinstance(whole, Record)
    wanted = record.settings["place"]
    parts = enumerate(whole.value)
    return whole, Parts(hot if k == wanted else np.zeros_like(v) for k, v in parts)


_SUMS = {Family.LINEAR, Family.REDUCTION, Family.REARRANGEMENT, Family.GATHER}
_ADDING = {"add", "sub", "neg"}


def of_value(trace: Trace, place: Place) -> Terms | None:
    """The number as a sum over what went into its op; None where the op makes no such sum."""
    if isinstance(place.node, Tensor):
        return None
    op = place.node.op
    if not (op.name in _ADDING or (op.family in _SUMS and op is not Part)):
        return None
    value = float(place.node.value[place.index])
    hot = one_hot(place.node.value.shape, place.index, place.node.value.dtype)
    record, hot = maker(place.node, hot)
    whole = record is place.node
    found: list[Found] = []
    extra = None
    bilinear = record.op.name in BILINEAR
    for i, x in enumerate(inputs_of(record)):
        if not isinstance(x, Tensor) or (bilinear and i == 1):
            continue
        array = lying(trace.tape, x)
        if array.dtype.kind != "f":
            continue
        if whole:
            slopes = pull_one(trace.tape, record, i, place.index)
        else:
            slopes = pull(trace.tape, record, i, hot)
        if slopes is None:
            continue
        if bilinear and i == 2:
            at = np.unravel_index(int(np.abs(slopes).argmax()), slopes.shape)
            where = tuple(int(k) for k in at)
            extra = Term(Place(home(x), where), 1.0, float(array[where]))
        else:
            found.append((home(x), slopes, array))
    terms = _greatest(found, extra)
    exact = abs(terms.total - value) <= 1e-4 * max(terms.size, abs(value))
    return terms if terms.count and exact else None


def of_influence(trace: Trace, place: Place) -> Terms:
    """What the number reacts to, where it is no plain sum: slope times input for each input. The
    products do not add up to it."""
    assert isinstance(place.node, Record)
    hot = one_hot(place.node.value.shape, place.index, place.node.value.dtype)
    record, hot = maker(place.node, hot)
    arrays = arrays_of(trace.tape, record)
    found: list[Found] = []
    for i, x in enumerate(inputs_of(record)):
        if isinstance(x, Tensor) and arrays[i].dtype.kind == "f":
            slopes = pull(trace.tape, record, i, hot)
            if slopes is not None:
                found.append((home(x), slopes, arrays[i]))
    return _greatest(found)


def _greatest(found: list[Found], extra: Term | None = None) -> Terms:
    candidates: list[Term] = []
    count, total, size = 0, 0.0, 0.0
    for node, slopes, values in found:
        flat = np.flatnonzero(slopes)
        s = slopes.reshape(-1)[flat].astype(float)
        v = values.reshape(-1)[flat].astype(float)
        products = s * v
        count += flat.size
        total += float(products.sum())
        size += float(np.abs(products).sum())
        most = min(LISTED, flat.size)
        chosen = np.argpartition(-np.abs(products), most - 1)[:most] if most else ()
        for k in chosen:
            at = np.unravel_index(int(flat[k]), slopes.shape)
            place = Place(node, tuple(int(i) for i in at))
            candidates.append(Term(place, float(s[k]), float(v[k])))
    candidates.sort(key=lambda t: -abs(t.product))
    if extra is not None:
        total, size = total + extra.product, size + abs(extra.product)
    return Terms(tuple(candidates[:LISTED]), count, total, size, extra)
