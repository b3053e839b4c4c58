"""Arrays with more than two dimensions on a page: where a number stands, in words, and the
numbers as small maps, or what can be said of very many in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.expression import Index, Name, Num, Sym
from gobhir.derivation.rounding import decimals, significant
from gobhir.derivation.step import Count, Line, Piece, Say
from gobhir.engine import Tensor
from gobhir.explain.pages.lines import WIDEST, off, page_values
from gobhir.explain.quantity import Quantity
from gobhir.explain.reading import Reading

MAPS = 4
"""So many maps are drawn, of an array that has more."""
_IMAGES = {"conv", "conv_transpose", "max_pool", "avg_pool", "resample", "batch_norm"}
_IMAGES |= {"batch_norm_by_running", "instance_norm", "group_norm"}
_AXES = {
    2: ("example", "neuron"),
    3: ("example", "place", "feature"),
    4: ("example", "channel", "row", "column"),
    5: ("example", "channel", "slice", "row", "column"),
}
# keys: rules.place.*


def deep(q: Quantity) -> bool:
    """Whether it takes more than rows and columns to write it down."""
    return len(q.shape) > 2


def axes(r: Reading, q: Quantity) -> tuple[str, ...]:
    """What the dimensions of a result count, from the last: channel, row, column, ..."""
    rank = _rank(r, q)
    known = _AXES.get(rank, ())
    if rank == 3 and _of_images(q):
        known = ("example", "channel", "place")
    return known[len(known) - len(q.shape) :] if len(known) >= len(q.shape) else ()


def _rank(r: Reading, q: Quantity) -> int:
    """How many dimensions it has for the engine."""
    of = getattr(q, "of", None) or q
    if of.record is None:
        tensors = (t for t, known in r.quantities.items() if known is of)
        found = next((t for t in tensors if isinstance(t, Tensor)), None)
        return len(q.shape) if found is None else found.array.ndim
    value = of.record.value
    return (value[0] if isinstance(value, tuple) else value).ndim


def _of_images(q: Quantity) -> bool:
    """Whether channels come before places: as in what convolutions work on."""
    record = (getattr(q, "of", None) or q).record
    while record is not None:
        if record.op.name in _IMAGES:
            return True
        first = record.inputs[0] if record.inputs else None
        record = first._record if isinstance(first, Tensor) else None
    return False


def place(r: Reading, q: Quantity, index: Index) -> Say | None:
    """Where this element stands: example 1, channel 2, row 3, column 3."""
    named = axes(r, q)
    said: Say | None = None
    for word, i, n in reversed(list(zip(named, index, q.shape, strict=False))):
        if n > 1:
            one = Say(f"rules.place.{word}", {"n": Count(i + 1)})
            said = one if said is None else Say("rules.place.and", {"a": one, "b": said})
    return said


def middle(q: Quantity, padded: bool) -> Index:
    """The element that is shown: the first of all, or in the first map the one in the middle,
    where padding would leave the first with half a window."""
    if not padded:
        return (0,) * len(q.shape)
    spatial = 2 if len(q.shape) > 2 else 1
    first = len(q.shape) - spatial
    return tuple(0 if a < first else n // 2 for a, n in enumerate(q.shape))


def maps(r: Reading, q: Quantity) -> list[Piece]:
    """The numbers of the first maps, where a map fits on a page, and of how many more."""
    exact = np.asarray(q.exact)
    if exact.ndim <= 2:
        return [Line(q.sym, (Num(page_values(q.sym.value, r.mode)),), off(q, r.mode), q.exact)]
    rows, columns = exact.shape[-2:]
    count = exact.size // (rows * columns)
    if rows > WIDEST or columns > WIDEST or count == 0:
        return [statistics(q)]
    out: list[Piece] = []
    for lead in (
        list(np.ndindex(*exact.shape[:-2]))[:MAPS] if count < 4096 else [(0,) * (exact.ndim - 2)]
    ):
        left = _part(q.sym, lead)
        value = page_values(np.asarray(q.sym.value)[lead], r.mode)
        out.append(Line(left, (Num(value),), off(q, r.mode, lead), exact[lead]))
    if count > len(out):
        more = {"count": Count(count - len(out)), **_numbers(exact)}
        out.append(Say("rules.maps.more", more))
    return out


def _part(sym: Sym, lead: Index) -> Name:
    """The name of one map: its example and channel are counted, its places are not."""
    counted = tuple(i for i, n in zip(lead, sym.shape, strict=False) if n > 1)
    name = sym.name
    own = name.at(counted) if counted else name
    if name.partial or not counted:
        return own
    return Name(name.base, name.layer, own.index, name.element)


def statistics(q: Quantity) -> Say:
    """Shape, mean, spread, smallest and largest, in a sentence."""
    exact = np.asarray(q.exact)
    shape = " × ".join(map(str, exact.shape))
    return Say("rules.maps.statistics", {"name": q.sym, "shape": shape, **_numbers(exact)})


def _numbers(exact: np.ndarray) -> dict[str, Any]:
    values = exact.astype(float)
    found = {
        "mean": values.mean(), "spread": values.std(), "low": values.min(), "high": values.max(),
    }  # fmt: skip
    return {k: Num(significant(decimals(v))) for k, v in found.items()}
