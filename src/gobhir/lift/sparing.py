"""A step of very many parameters, on a tape that has none of them twice.

The framework's record has the weights, the gradients and the optimizer's state already. Here a
parameter is read when an op works on it, and its gradient is worked out, in float64, for whoever
asks, from what came back to the op that used it: one layer at a time; its update a piece at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np

from gobhir import nn
from gobhir.engine import Gradient, Record, Tape, Tensor, Update
from gobhir.engine.backward import received
from gobhir.engine.latest import Latest
from gobhir.engine.size import Size
from gobhir.lift.trace import Value

MANY = 1_000_000
"""More parameters than this are not kept in float64, unless the page shows all of them."""
AT_HAND = 16_000_000
"""So many numbers that were read or worked out are kept at a time."""
PIECE = 1 << 17
"""Numbers worked on at once: what fits into a processor's cache takes no time to be put away."""


def pieces(size: int) -> Iterator[slice]:
    """So many numbers in a row, cut up."""
    return (slice(start, start + PIECE) for start in range(0, size, PIECE))


BILINEAR = {"linear", "mat_mul", "conv", "conv_transpose"}
"""Ops that are linear in each of their first two inputs; what comes third is added."""


class Remembered(nn.Parameter):
    """A parameter whose numbers stay where the framework's record has them."""

    def __init__(self, value: Value, latest: Latest):
        self._value, self._latest = value, latest
        self._set(np.empty(0), value.learns)

    @property
    def array(self) -> np.ndarray:
        """The numbers, read once more unless they have just been."""
        read: np.ndarray = self._latest.get(self._value, math.prod(self.shape), self._value.read)
        read.flags.writeable = False
        return read

    @array.setter
    def array(self, data: np.ndarray) -> None:
        """They cannot be changed."""

    def lying(self) -> np.ndarray:
        """The numbers where they are, only to be looked at; not always as float64."""
        return self._value.lying()

    @property
    def shape(self) -> Size:
        """Known without reading."""
        return Size(self._value.shape)

    @property
    def ndim(self) -> int:
        """Known without reading."""
        return len(self._value.shape)


class Passed(Gradient):
    """What went through an op; what it gave to leaves is worked out when asked for."""

    def to(self, i: int) -> np.ndarray | None:
        """What input i received."""
        if i >= len(self.of.edges) or not isinstance(self.of.edges[i], Tensor):
            return super().to(i)
        inputs = [self._needed(k, i) for k in range(len(self.of.inputs))]
        return received(self.of, self.cotangent, inputs, i)

    def _needed(self, k: int, i: int) -> Any:
        """Input k, for the gradient of input i. A product's gradient needs the other factor."""
        x = self.of.inputs[k]
        if isinstance(x, Remembered) and self.of.op.name in BILINEAR and (k == i or i > 1):
            return np.broadcast_to(np.zeros(()), x.shape)
        return x.array if isinstance(x, Tensor) else x


Work = Callable[[slice | None], Update]
"""What an optimizer's step does to some of a parameter's numbers, in a row, or to all."""


class Postponed(Update):
    """An optimizer's update of one parameter, worked out when asked for. by_piece: whether it
    takes each number by itself."""

    def __init__(
        self, parameter: Tensor, after: Value, tape: SparingTape, work: Work, by_piece: bool
    ):
        vars(self).update(parameter=parameter, _after=after, _tape=tape)
        vars(self).update(_work=work, _by_piece=by_piece)

    def __getattr__(self, name: str) -> Any:
        if name in ("grad", "before", "after"):
            return getattr(self._whole(), name)
        if name in ("optimizer", "hyper"):
            return getattr(self._first, name)
        raise AttributeError(name)

    @property
    def rule(self) -> tuple[Any, ...]:
        """As in any update; its default would be found before `__getattr__` is asked."""
        return self._first.rule

    @cached_property
    def _first(self) -> Update:
        """What holds for all of its numbers can be seen of the first."""
        return self.part(slice(0, 1))

    def _whole(self) -> Update:
        size = math.prod(self.parameter.shape)
        whole: Update = self._tape.updated.get(self, size, partial(self._work, None))
        return whole

    def part(self, part: slice) -> Update:
        """Worked out by itself, where that can be."""
        return self._work(part) if self._by_piece else self._whole().part(part)

    def became(self) -> np.ndarray:
        """What the framework has now."""
        size = math.prod(self.parameter.shape)
        read: np.ndarray = self._tape.read.get(self._after, size, self._after.read)
        return read


class StepTape(Tape):
    """The tape of a lifted step."""

    def gradient(self, leaf: Tensor) -> np.ndarray | None:
        """dL/d(leaf), None where nothing came."""
        return None if leaf.grad is None else leaf.grad.array

    def reached(self, leaf: Tensor) -> bool:
        """Whether backward came to it."""
        return leaf.grad is not None


class SparingTape(StepTape):
    """Its leaves have no `.grad`, and it has no copies of them."""

    sparing = True

    def __init__(self) -> None:
        super().__init__()
        self.read, self.received, self.updated = (Latest(AT_HAND) for _ in range(3))
        self._given: dict[int, list[tuple[Gradient, int]]] = {}

    def remember(self, tensor: Tensor) -> None:
        """Nobody changes what is remembered already."""
        if not isinstance(tensor, Remembered):
            super().remember(tensor)

    def record(self, entry: Record | Gradient | Update) -> None:
        """Note who gave something to which leaf."""
        if isinstance(entry, Gradient):
            entry = Passed(entry.of, entry.cotangent, entry.grads)
            for i, edge in enumerate(entry.of.edges):
                if isinstance(edge, Tensor):
                    self._given.setdefault(id(edge), []).append((entry, i))
        super().record(entry)

    def gradient(self, leaf: Tensor) -> np.ndarray | None:
        """Worked out, unless it has just been."""
        found: np.ndarray | None = self.received.get(
            leaf, math.prod(leaf.shape), lambda: self._sum(leaf)
        )
        return found

    def _sum(self, leaf: Tensor) -> np.ndarray | None:
        parts = [g for entry, i in self._given.get(id(leaf), ()) if (g := entry.to(i)) is not None]
        return sum(parts[1:], parts[0]) if parts else None

    def reached(self, leaf: Tensor) -> bool:
        """Whether an op that used it was."""
        return id(leaf) in self._given


def lying(tape: Tape, leaf: Tensor) -> np.ndarray:
    """A leaf's numbers on a tape, only to be looked at; not always as float64."""
    return leaf.lying() if isinstance(leaf, Remembered) else tape.value(leaf)
