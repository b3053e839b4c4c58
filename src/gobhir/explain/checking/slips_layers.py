"""Slips in recurrent and convolutional layers, and in softmax with cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gobhir.derivation.expression import Expr, Function, Num, Sum, Sym, number
from gobhir.derivation.places import Rearranged
from gobhir.engine.op import Family
from gobhir.explain.checking.sheet import Entry, Sheet, ones
from gobhir.explain.checking.slip import back, changed, dropped, exchanged, kind_of, slip
from gobhir.explain.checking.slips_network import hot
from gobhir.explain.quantity import size

# -- over time ----


def time_of(entry: Entry) -> int | None:
    """The time step of a quantity: 2 for h<2>."""
    layer = str(entry.name.layer or "")
    digits = layer.strip("⟨⟩")
    return int(digits) if digits != layer and digits.isdecimal() else None


def _reads(e: Expr, sheet: Sheet) -> list[Entry]:
    found = (sheet.of(n) for n in e.walk())
    return [f[0] for f in found if f is not None]


@slip
def no_memory(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The hidden state of the step before left out of a weighted sum."""
    own = time_of(entry)
    if own is not None and not back(entry):

        def earlier(t: Expr) -> bool:
            read = [e for e in _reads(t, sheet) if e.name.base == "h"]
            return any((time_of(e) or 0) < own for e in read)

        yield dropped(entry.expr, earlier)


@slip
def no_future(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """What comes back from the next time step left out of the blame of a state."""
    own = time_of(entry)
    if own is not None and back(entry):

        def later(t: Expr) -> bool:
            return any((time_of(e) or 0) > own for e in _reads(t, sheet))

        yield dropped(entry.expr, later)


@slip
def one_time_step(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The gradient of a shared weight from a single time step, not the sum over all."""
    parameter = entry.of is not None and time_of(entry) is None
    if back(entry) and parameter and isinstance(entry.expr, Sum):
        times = {t for e in sheet.needs(entry) if back(e) and (t := time_of(e)) is not None}
        for only in sorted(times, reverse=True):

            def other(t: Expr, only: int = only) -> bool:
                return any(back(e) and time_of(e) not in (None, only) for e in _reads(t, sheet))

            yield dropped(entry.expr, other)


_PAIRS = {"c": ("f", "i"), "h": ("z", "n")}


@slip
def gates_exchanged(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """f and i exchanged in the cell of an LSTM; z and 1 - z in a GRU, as other books write it."""
    pair = _PAIRS.get(entry.name.base)
    if pair is None or back(entry) or time_of(entry) is None:
        return
    found = {e.name.base: e for e in sheet.needs(entry) if time_of(e) == time_of(entry)}
    if entry.name.base == "c" and all(name in found for name in pair):
        a, b = (found[name] for name in pair)
        swap = {a: b.sym, b: a.sym}

        def change(e: Expr) -> Expr | None:
            of = sheet.of(e)
            return swap.get(of[0]) if of is not None else None

        yield changed(entry.expr, change)
    elif entry.name.base == "h" and all(name in found for name in pair):
        before = [e for e in sheet.needs(entry) if e.name.base == "h"]
        swap = {found["n"]: before[0].sym, before[0]: found["n"].sym} if before else {}

        def turned(e: Expr) -> Expr | None:
            of = sheet.of(e)
            return swap.get(of[0]) if of is not None else None

        yield changed(entry.expr, turned)


@slip
def no_tanh_of_cell(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """h = o c for h = o tanh(c)."""
    if (
        entry.name.base == "h"
        and not back(entry)
        and any(e.name.base == "c" for e in sheet.needs(entry))
    ):
        bare = kind_of(Function, lambda f: f.arguments[0] if f.name == "tanh" else None)
        yield changed(entry.expr, bare)


# -- convolution ----


@slip
def kernel_turned(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The kernel turned by half a circle, as mathematicians convolve; networks do not turn it."""
    r = entry.record
    if back(entry) or r is None or r.op.family is not Family.LINEAR:
        return
    for p in sheet.parameters(entry):
        if len(p.shape) >= 3:
            places = np.arange(size(p.shape)).reshape(p.shape)
            turned = np.flip(places, tuple(range(2, len(p.shape))))
            yield exchanged(entry.expr, p.sym, Rearranged(p.sym, "flip", turned))


# -- softmax and cross-entropy ----


@slip
def class_number(entry: Entry, sheet: Sheet) -> Iterator[Expr | None]:
    """The class's number, or 1 everywhere, where its row of a 1 and zeros is due."""
    if not back(entry) or entry.expr is None:
        return
    rows = [n for n in entry.expr.walk() if isinstance(n, Sym) and hot(n) and not sheet.of(n)]
    for row in rows[:1]:
        yield exchanged(entry.expr, row, ones(row))
        if len(row.shape) == 1:
            right = int(np.argmax(np.asarray(row.value, float)))
            for k in {right, right + 1} - {0}:  # 0 is no target at all
                same = np.full(row.shape, number(k).value, object)
                yield exchanged(entry.expr, row, Num(same))
