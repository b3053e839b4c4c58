"""What a framework did in a step, in no framework's terms: which of the engine's functions were
called on which values, what was differentiated, what an optimizer changed.

A recorder (torch_watch.py) writes it, lifting.py reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir.engine.tape import in_a_row

MODEL = "-"
"""The path of the model itself, where it is the only one."""


@dataclass(eq=False)
class Value:
    """A tensor as it was at one moment. read: its numbers then, floats as float64.

    origin: "parameter", "buffer", "given" (it came from outside), "drawn" (random numbers),
    "unseen" (out of something differentiable that was not watched), "" for
    what a call computed. name: a parameter's or buffer's path in its model, or what the user's
    program calls it. learns: whether it asks for a gradient.
    """

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray] = field(repr=False)
    origin: str = ""
    name: str = ""
    learns: bool = False
    strides: tuple[int, ...] = ()
    """How it lay in memory: numbers are drawn in that order."""
    memory: int = 0
    """Which memory: that of a view is its base's."""
    lies: Callable[[], np.ndarray] | None = field(default=None, repr=False)
    """`read` without a copy, in the framework's dtype, where it can be had so."""

    def lying(self) -> np.ndarray:
        """Its numbers, only to be looked at; not always as float64."""
        return (self.lies or self.read)()

    def part(self, part: slice) -> np.ndarray:
        """Some of its numbers in a row, as float64."""
        return in_a_row(self.lying(), part).astype(float)


@dataclass(eq=False)
class Call:
    """One function at work. args, kwargs, results: as given, with a Value for each tensor.

    name: what the framework calls it; function: the engine's own of that name, None where there is
    none; foreign: the framework's own. scope: paths of the modules in which it ran, outermost
    first. line: the user's file and line. remembers: whether gradients were wanted. draws: the
    random state before, where it draws numbers. writes: it writes over what it is given. kernels:
    what ran backward for it, by the framework's names.
    """

    name: str
    function: Callable[..., Any] | None
    foreign: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: Any
    scope: tuple[str, ...]
    line: str
    remembers: bool
    draws: Any = None
    writes: bool = False
    kernels: list[str] = field(default_factory=list)
    within: tuple[Whole, ...] = ()
    """The layers of which it is a part, outermost first, where these are written down as one."""

    @property
    def values(self) -> Iterator[Value]:
        """All that it was given and gave; also what the layers around it were given."""
        for call in (self, *self.within):
            yield from values_in((call.args, call.kwargs, call.results))


@dataclass(eq=False)
class Whole(Call):
    """A layer's call as one, beside the calls in it. rounding: how far the framework's own results
    may be from exact ones, in terms of the largest."""

    rounding: float = 1e-3


@dataclass(eq=False)
class Backward:
    """Gradients were asked for. roots: what was differentiated; seeds: the gradients to start
    from, None for 1. found: of each leaf, its gradient before (None: there was none) and after.
    unlinked: kernels that belong to no call and to no leaf."""

    roots: list[Value]
    seeds: list[Value | None]
    found: dict[Value, tuple[Value | None, Value]]
    unlinked: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Changed:
    """A parameter in an optimizer's step: the gradient that was used, the optimizer's state
    before, and what it became."""

    parameter: Value
    before: Value
    grad: Value
    state: dict[str, Any]
    after: Value
    group: int
    """Whose settings hold for it; -1 where it was not changed by the optimizer's rule."""


@dataclass(eq=False)
class Schedule:
    """What sets the learning rates: a scheduler's class, its attributes at this moment, and the
    schedulers inside it. formula: as LRScheduler.formula, for one that the engine does not have."""

    kind: str
    state: dict[str, Any]
    inside: list[Schedule] = field(default_factory=list)
    formula: str = ""


@dataclass(eq=False)
class Stepped:
    """An optimizer took a step. kind: its class; groups: settings; key: which optimizer it is;
    rule: the optimizer of ours that does the same, where that is not the one of its name;
    schedule: what has set the learning rates, if anything did."""

    kind: str
    groups: list[dict[str, Any]]
    changes: list[Changed]
    key: int
    rule: Any = None
    schedule: Schedule | None = None
    backwards: list[Backward] = field(default_factory=list)
    """What its gradients were added up from."""


Event = Call | Backward | Stepped


@dataclass(eq=False)
class Trace:
    """What happened, in order. notes: what a page should say about how it was recorded, as keys of
    the catalogue and values. models: the outermost modules that ran, by the path that their parts'
    names begin with: their class."""

    events: list[Event] = field(default_factory=list)
    past: list[float] = field(default_factory=list)
    """The losses of the steps before these events, of which no more is known."""
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """Classes of modules, by path."""
    parameters: dict[str, Value] = field(default_factory=dict)
    """Those of the models that ran, by path, whether or not anything used them; read late."""
    framework: str = "PyTorch"
    again: Any = None
    """Makes of a call one that the framework itself runs once more (torch_again.Again)."""

    @property
    def calls(self) -> list[Call]:
        return [e for e in self.events if isinstance(e, Call)]

    def take_off(self, label: str) -> None:
        """Leave out what all paths begin with: there is only one model."""
        seen: set[Value] = set()
        for call in {c for own in self.calls for c in (own, *own.within)}:
            call.scope = tuple(_without(label, path) if path else "" for path in call.scope)
            seen |= set(call.values)
        for event in self.events:
            if isinstance(event, Stepped):
                seen |= {c.parameter for c in event.changes} | {c.after for c in event.changes}
            elif isinstance(event, Backward):
                seen |= set(event.found)
        for value in seen:
            value.name = _without(label, value.name)
        self.kinds = {_without(label, path): kind for path, kind in self.kinds.items()}
        self.parameters = {_without(label, path): v for path, v in self.parameters.items()}

    @property
    def unlinked(self) -> list[str]:
        """Kernels of backward that belong to no call and to no leaf."""
        return [k for e in self.events if isinstance(e, Backward) for k in e.unlinked]


def _without(label: str, path: str) -> str:
    return MODEL if path == label else path.removeprefix(label + ".")


def values_in(x: Any) -> Iterator[Value]:
    """Every Value in nested arguments."""
    if isinstance(x, Value):
        yield x
    elif isinstance(x, (tuple, list)):
        for v in x:
            yield from values_in(v)
    elif isinstance(x, dict):
        for v in x.values():
            yield from values_in(v)


def exchanged(x: Any, how: Callable[[Any], Any]) -> Any:
    """Nested arguments with `how(leaf)` in the place of each leaf; named tuples become tuples."""
    if isinstance(x, dict):
        return {k: exchanged(v, how) for k, v in x.items()}
    if isinstance(x, (tuple, list)):
        kind = list if isinstance(x, list) else tuple
        return kind(exchanged(v, how) for v in x)
    return how(x)
