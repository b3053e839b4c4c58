"""The general element of an array: letters for indices, as a sum sign needs them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gobhir.derivation.arrays import Along, MatMul, Transposed
from gobhir.derivation.expression import Expr, Labelled, Name, Num, Sym, number
from gobhir.derivation.places import Joined, Rearranged, Reshaped, Scattered, Spread, Taken

LETTERS = "ijklmnop"


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n > 1)


def indexed(body: Expr, axes: Iterable[int]) -> Expr | None:
    """The general element, with letters for indices: p * log(q) becomes p_i ln q_i. None where
    the body has parts that letters do not reach (written matrices, products of matrices)."""
    axes = tuple(axes)
    rank = len(body.shape)
    if axes == tuple(range(len(axes))):  # whole rows are summed: the rest needs no index
        named = dict(zip(axes, LETTERS, strict=False))
    else:
        others = iter(LETTERS[len(axes) :])
        named = dict(zip(axes, LETTERS, strict=False))
        named.update({a: next(others) for a in range(rank) if a not in named})

    def go(e: Expr) -> Expr | None:
        if not e.shape:
            return e
        match e:
            case Sym():
                first = rank - len(e.shape)
                index = [
                    named[first + k] for k, n in enumerate(e.shape) if n > 1 and first + k in named
                ]
                # Only the name is written; the value plays no part any more.
                n = e.name
                own = Name(n.element or n.base, n.layer, (*n.index, *index), None, n.partial, n.by)
                return Sym(own, number(0).value)
            case Reshaped(body=Sym() as inner) if _squeezed(e.shape) == _squeezed(inner.shape):
                return go(Sym(inner.name, np.broadcast_to(np.zeros(()), e.shape)))
            case Num() | MatMul() | Transposed() | Along():
                return None
            case Rearranged() | Reshaped() | Scattered() | Taken() | Joined():
                return None
            case Spread():
                return go(e.body)
            case Labelled():
                return go(e.body)
        parts = [go(c) for c in e.children]
        whole = tuple(p for p in parts if p is not None)
        return e.rebuild(whole) if len(whole) == len(parts) else None

    return go(body)
