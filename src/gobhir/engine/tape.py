"""The tape: what was computed from what, in the order in which it happened.

Every op that runs under autograd leaves a `Record`; backward() reads the records in reverse.
Inside `with Tape() as tape:` everything is kept in order: the records of the forward pass, a
`Gradient` for each record that backward() went through, an `Update` for each parameter that an
optimizer changed. Derivation, replay and drawing are readers of that list.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

import numpy as np

if TYPE_CHECKING:
    from gobhir.engine.op import Op
    from gobhir.engine.tensor import Tensor

_ticks = count()


class _State(threading.local):
    grad_enabled = True
    tape: Tape | None = None
    watch: Any = None
    """Called with every op's result: how anomaly detection finds the birth of a NaN."""
    before_backward: Any = None
    """Called with the tensors from which backward() is about to start: how a story hears a loss."""
    recorder: Any = None
    """What writes down NumPy calls for gobhir.compile, while it does."""


state = _State()


class Record:
    """One op that ran: `value` came from `inputs` by `op` under `settings`.

    `inputs` are Tensors and plain numbers, as given; `value` is the resulting array (a tuple of
    them for an op of several results). `edges` says where the gradient of each input goes: to
    the Record that made it, to the leaf itself, or (None) nowhere; a later change in place gives
    the input a new history, and this one keeps the old. `scope` is the stack of modules inside
    which the op ran, outermost first. `versions` says how often each input Tensor, and at last
    the result, had been changed in place by then. `ran` is there while anomalies are looked for:
    the user's line in which the op ran, and the modules, innermost first. Where what the op
    worked on is not kept (`utils.checkpoint`), `inputs` is no tuple but something whose `again`
    brings it back.
    """

    __slots__ = (
        "edges",
        "hooks",
        "inputs",
        "op",
        "order",
        "ran",
        "retained",
        "scope",
        "settings",
        "spent",
        "value",
        "versions",
    )

    ran: Any
    inputs: Any

    def __init__(
        self,
        op: type[Op],
        inputs: tuple[Any, ...],
        settings: dict[str, Any],
        value: Any,
        edges: Sequence[Any],
        versions: Sequence[tuple[list[Any], int]],
        scope: tuple[Any, ...] = (),
    ):
        self.op = op
        self.inputs = inputs
        self.settings = settings
        self.value = value
        self.edges = edges
        self.order = next(_ticks)
        self.versions = versions
        self.scope = scope
        self.spent = False
        self.hooks: list[Any] | None = None
        self.retained: Any = None

    def name(self) -> str:
        return f"{self.op.__name__}Backward0"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Where the gradients of the inputs go: (Record, 0), (AccumulateGrad, 0) for a leaf,
        (None, 0) for nowhere."""
        return tuple(
            (e if e is None or isinstance(e, Record) else AccumulateGrad(e), 0) for e in self.edges
        )

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class AccumulateGrad:
    """Where a graph ends, as `next_functions` shows it: a gradient is added to variable.grad."""

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable
        self.next_functions = ()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


@dataclass(frozen=True, eq=False)
class Gradient:
    """backward() passed through `of`: `cotangent` is dL/d(its value); `grads` are what the op's
    pullbacks made of it, one for each input (None where no gradient was wanted)."""

    of: Record
    cotangent: np.ndarray
    grads: tuple[np.ndarray | None, ...]

    def to(self, i: int) -> np.ndarray | None:
        """What input i received; None where that is nothing."""
        return self.grads[i] if i < len(self.grads) else None


@dataclass(frozen=True, eq=False)
class Update:
    """An optimizer changed `parameter`: values and state before and after, the gradient it used
    and the hyperparameters in force (learning rate as `lr`, step count as `t`)."""

    optimizer: Any
    parameter: Tensor
    grad: np.ndarray
    hyper: dict[str, Any]
    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    rule: tuple[Any, ...] = ()
    """The assignments that were in force, in order: (target, formula) in words of formulas."""

    def became(self) -> np.ndarray:
        """The parameter's new numbers."""
        return self.after["w"]

    def part(self, part: slice) -> Update:
        """The same for some of the parameter's numbers, in a row."""

        def cut(kept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: in_a_row(a, part) for name, a in kept.items()}

        own = in_a_row(self.grad, part), self.hyper, cut(self.before), cut(self.after)
        return Update(self.optimizer, self.parameter, *own, self.rule)

    def at(self, index: tuple[int, ...]) -> Update:
        """The same for one number, which then stands at 0."""
        k = int(np.ravel_multi_index(index, tuple(self.parameter.shape))) if index else 0
        return self.part(slice(k, k + 1))


def in_a_row(array: np.ndarray, part: slice) -> np.ndarray:
    """Some of an array's numbers, counted row by row, without a copy of all."""
    flat: Any = array.reshape(-1) if array.flags.c_contiguous else array.flat
    numbers: np.ndarray = flat[part]
    return numbers


@dataclass(eq=False)
class Tape:
    """An ordered recording. Use as a context manager; recordings do not nest."""

    entries: list[Record | Gradient | Update] = field(default_factory=list)
    written: list[ref[Tensor]] = field(default_factory=list)
    """Tensors that were changed in place."""
    _seen: dict[int, tuple[Tensor, np.ndarray]] = field(default_factory=dict)
    _first: dict[int, np.ndarray] = field(default_factory=dict)
    """What leaves were before the forward pass itself changed them."""
    _arrived: dict[int, np.ndarray] = field(default_factory=dict)
    """The last gradient that came to a leaf, by the leaf's id."""
    _scope: tuple[Any, ...] = ()
    _outer: Tape | None = None
    private: bool = False
    """Nobody goes on from the optimizer's state that a step on this tape leaves behind."""
    sparing = False
    """Whether what leaves receive is left to be worked out again by whoever asks for it."""

    def __enter__(self) -> Self:
        self._outer, state.tape = state.tape, self
        return self

    def __exit__(self, *exc: object) -> None:
        state.tape = self._outer

    def record(self, entry: Record | Gradient | Update) -> None:
        """Add an entry; leaves that it reads are remembered as they are now."""
        if isinstance(entry, Record):
            for x in entry.inputs:
                if hasattr(x, "_record") and x._record is None:
                    self.remember(x)
        elif isinstance(entry, Gradient):
            for x, g in zip(entry.of.inputs, entry.grads, strict=False):
                if g is not None and hasattr(x, "_record") and x._record is None:
                    self._arrived[id(x)] = g
        self.entries.append(entry)

    def remember(self, tensor: Tensor) -> None:
        """Keep the value of a leaf as it was when first used: an optimizer changes it in place."""
        if id(tensor) not in self._seen:
            self._seen[id(tensor)] = (tensor, tensor.array.copy())

    @contextmanager
    def rewriting(self, leaf: Tensor) -> Iterator[None]:
        """The forward pass changes a leaf before it reads it: the step's value is the later one."""
        self.remember(leaf)
        yield
        self._first.setdefault(id(leaf), self._seen[id(leaf)][1])
        self._seen[id(leaf)] = (leaf, leaf.array.copy())

    def first(self, leaf: Tensor) -> np.ndarray:
        """A leaf's value before the step began."""
        found = self._first.get(id(leaf))
        return self.value(leaf) if found is None else found

    def note(self, leaf: Tensor, value: np.ndarray, gradient: np.ndarray) -> None:
        """A leaf's value so far, and what it received, in arrays that nobody will change."""
        self._seen[id(leaf)] = (leaf, value)
        self._arrived[id(leaf)] = gradient

    def keep(self, memory: np.ndarray) -> None:
        """Something is about to be written there: what records have there is copied."""
        for record in self.records:
            parts = record.value if isinstance(record.value, tuple) else (record.value,)
            if any(np.may_share_memory(part, memory) for part in parts):
                copies = tuple(part.copy() for part in parts)
                record.value = copies if isinstance(record.value, tuple) else copies[0]

    def known(self, leaf: Tensor, array: np.ndarray) -> np.ndarray:
        """These numbers of a leaf, its value or its gradient, to be kept: what the tape has of
        them already, else a copy."""
        seen = self._seen.get(id(leaf), (leaf, None))[1]
        for there in (seen, self._arrived.get(id(leaf))):
            if there is not None and there.dtype == array.dtype and np.array_equal(there, array):
                return there
        return array.copy()

    def value(self, tensor: Tensor) -> np.ndarray:
        """The tensor's value as it was on this tape, before any update."""
        if tensor._record is not None:
            return tensor._record.value
        seen = self._seen.get(id(tensor))
        return tensor.array if seen is None else seen[1]

    @property
    def records(self) -> list[Record]:
        """The ops that ran forward, in order."""
        return [e for e in self.entries if isinstance(e, Record)]

    @property
    def gradients(self) -> list[Gradient]:
        """What backward() passed through, in order."""
        return [e for e in self.entries if isinstance(e, Gradient)]

    @property
    def updates(self) -> list[Update]:
        """What an optimizer changed, in order."""
        return [e for e in self.entries if isinstance(e, Update)]

    @property
    def scope(self) -> tuple[Any, ...]:
        """The modules inside which ops run now, outermost first."""
        return self._scope

    @contextmanager
    def inside(self, module: Any) -> Iterator[None]:
        """Ops recorded meanwhile belong to `module`."""
        outer, self._scope = self._scope, (*self._scope, module)
        try:
            yield
        finally:
            self._scope = outer


class no_grad:
    """`with no_grad():` computes without remembering how. Also a decorator."""

    wanted = False

    def __new__(cls, *given: Any, **named: Any) -> Any:
        if given and callable(given[0]):  # `@no_grad`, without parentheses
            return cls()(given[0])
        return super().__new__(cls)

    def __init__(self) -> None:
        self._outer: list[bool] = []

    def __enter__(self) -> None:
        self._outer.append(state.grad_enabled)
        state.grad_enabled = self.wanted

    def __exit__(self, *exc: object) -> None:
        state.grad_enabled = self._outer.pop()

    def __call__(self, function: Any) -> Any:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            block = no_grad()  # one for each call: calls may run side by side
            block.wanted = self.wanted
            with block:
                return function(*args, **kwargs)

        return wrapped


class enable_grad(no_grad):
    """Undo an enclosing no_grad."""

    wanted = True


class set_grad_enabled(no_grad):
    """Switch autograd on or off, from now on or for a `with` block."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.wanted = mode
        self._outer.append(state.grad_enabled)
        state.grad_enabled = mode

    def __enter__(self) -> None:
        state.grad_enabled = self.wanted

    def __call__(self, function: Any) -> Any:
        state.grad_enabled = self._outer[-1]  # as a decorator it is for the function alone
        return super().__call__(function)


class inference_mode(no_grad):
    """no_grad under the name for using a finished model."""

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.wanted = not mode


def is_grad_enabled() -> bool:
    """Whether ops are being remembered for backward()."""
    return state.grad_enabled
