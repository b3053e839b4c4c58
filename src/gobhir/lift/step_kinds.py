"""Kinds of recurrent steps that Keras has beside the engine's own: with a mask, with dropout of
what is remembered, with another bend, a GRU that resets before it multiplies. Each is the engine's
step with other formulas."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from gobhir.engine.apply import apply
from gobhir.engine.ops.recurrent import GRUStep, LSTMStep, RNNStep, Step
from gobhir.engine.ops.written import written


@dataclass(frozen=True)
class Kind:
    """bend, gate: of the candidate and of the gates. masked: m (B, 1) is 1 where something is;
    where it is 0, all stays as it was. reset_first: r is put to h before the weights. dropped: of
    which of x and h some numbers are left out, others for each gate where `apart`. order: of the
    gates in the weights, where it is not the engine's."""

    op: type[Step]
    bend: str = "tanh"
    gate: str = "sigmoid"
    masked: bool = False
    reset_first: bool = False
    dropped: str = ""
    apart: bool = False
    order: str = ""

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of what x and h are multiplied by, in the order in which Keras draws them."""
        gates = tuple(self.order or self.op.gates) if self.apart else ("",)
        return tuple(f"d_{word}{gate}" for word in self.dropped for gate in gates)

    @property
    def peculiar(self) -> tuple[str, ...]:
        """See Step.peculiar."""
        known = {"reset_first": self.reset_first, "masked": self.masked}
        known |= {"dropped": bool(self.dropped) and not self.apart, "dropped_apart": self.apart}
        return tuple(word for word, holds in known.items() if holds)


def lstm(**kind: Any) -> Kind:
    return Kind(LSTMStep, **kind)


def gru(**kind: Any) -> Kind:
    return Kind(GRUStep, order="zrn", **kind)


def plain(**kind: Any) -> Kind:
    return Kind(RNNStep, **kind)


@cache
def step(kind: Kind) -> Callable[..., tuple[Any, ...]]:
    """From x, the states, the weights, m and what is left out (if there is such): the states."""
    count = len(kind.op.results) or 1
    if kind == Kind(kind.op):
        return lambda *given: _first(apply(kind.op, *given), count)
    if kind == Kind(RNNStep, bend="relu"):
        return lambda *given: (apply(RNNStep, *given, relu=True),)
    more = (("m",) if kind.masked else ()) + kind.left_out
    own = written(kind.op, _gates(kind), _formula(kind), more, kind.peculiar)
    return lambda *given: _first(apply(own, *given), count)


def _first(made: Any, count: int) -> tuple[Any, ...]:
    return made[:count] if isinstance(made, tuple) else (made,)


def _gates(kind: Kind) -> dict[str, str]:
    out = {}
    for name in kind.order or kind.op.gates:
        own = (
            kind.op.gates[name]
            .replace("tanh(", f"{kind.bend}(")
            .replace("sigmoid(", f"{kind.gate}(")
        )
        for word in kind.dropped:
            left = f"d_{word}{name if kind.apart else ''}"
            own = own.replace(f"@ {word}", f"@ ({left} * {word})")
        if kind.reset_first and name == "n":
            own = re.sub(r"r \* \(W_hn @ (.*) \+ b_hn\)", r"W_hn @ (r * \1)", own)
        out[name] = own
    return out


def _formula(kind: Kind) -> str:
    if kind.op is RNNStep:
        new = f"{kind.bend}(a)"
    else:
        new = kind.op.formula.replace("tanh(", f"{kind.bend}(")
    if not kind.masked:
        return new
    new = new.replace("f * c + i * g", "m * (f * c + i * g) + (1 - m) * c")
    return f"m * ({new}) + (1 - m) * h"
