"""Parameters, gradients and optimizer state of a whole network, each as one long array.

An elementwise update rule treats every number alike, so an optimizer can take one step over all
of them instead of one a parameter. Parameters, `.grad` and the optimizer's state stay what they
were, but for where their memory is: views of the long arrays.
"""

from __future__ import annotations

import sys
from mmap import mmap
from operator import attrgetter, is_
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gobhir.engine.compile.gradients import Gradients
from gobhir.engine.compile.recorder import Diverged, has_own_step
from gobhir.engine.tensor import Tensor

ALIGNED = 64
"""Buffers begin at multiples of so many bytes: one cache line."""


def aligned(size: int) -> np.ndarray:
    """So many zero bytes, beginning at a cache line."""
    raw = np.zeros(size + ALIGNED, np.uint8)
    skip = -raw.__array_interface__["data"][0] % ALIGNED
    return raw[skip : skip + size]


def shared(size: int) -> np.ndarray:
    """So many zero bytes that a process forked from this one sees too, and changes."""
    return np.frombuffer(mmap(-1, max(size, 1)), np.uint8)[:size]


def is_shared(array: np.ndarray) -> bool:
    """Whether the array lies in such memory."""
    memory: Any = array
    while isinstance(memory, np.ndarray):
        memory = memory.base
    return isinstance(memory, memoryview) and isinstance(memory.obj, mmap)


def shared_like(array: np.ndarray) -> np.ndarray:
    """A copy in memory that a process forked from this one sees too."""
    laid_out = array.copy("K")
    copy = np.ndarray(array.shape, array.dtype, shared(array.nbytes), 0, laid_out.strides)
    copy[...] = array
    return copy


_updates: WeakKeyDictionary[Any, dict[tuple[int, ...], Update]] = WeakKeyDictionary()


class Update:
    """The step of an optimizer over those parameters that have a gradient. Called, it does what
    `optimizer.step()` does, with gradients taken from `grads`. shared: the long arrays lie where a
    forked process sees them."""

    def __init__(self, optimizer: Any, parameters: list[Tensor], shared: bool, copied: set[Tensor]):
        self.optimizer = optimizer
        self.shared = shared
        self.runs: list[_Run] = []
        self.own_step = has_own_step(optimizer)
        wanted = set(parameters)
        for number, group in enumerate(optimizer.param_groups):
            own = [p for p in group["params"] if p in wanted]
            together = [p for p in own if self._flat() and can_move(p)]
            for dtype in {p.array.dtype: None for p in together}:
                self._add(number, [p for p in together if p.array.dtype == dtype], True)
            for p in own:
                if p not in set(together):
                    self._add(number, [p], False)
        self.parameters = [p for run in self.runs for p in run.parameters]
        self.grads = {p: g for run in self.runs for p, g in run.grads.items()}
        self.gradients = Gradients(self.grads, copied)

    def _flat(self) -> bool:
        return bool(self.optimizer.elementwise) and not self.own_step

    def _add(self, number: int, parameters: list[Tensor], moved: bool) -> None:
        self.runs.append(_Run(self.optimizer, number, parameters, moved, self.shared))

    @staticmethod
    def of(optimizer: Any, parameters: list[Tensor], shared: bool = False) -> Update:
        """The one update of this optimizer over these parameters: all plans share its memory."""
        known = _updates.setdefault(optimizer, {})
        key = tuple(map(id, parameters))
        if key not in known or not known[key].fits():
            copied = known[key].gradients.copied if key in known else set()
            known[key] = Update(optimizer, parameters, shared, copied)
        known[key].adopt()  # what is recorded now has to read the weights where they will lie
        return known[key]

    def fits(self) -> bool:
        """Whether the optimizer still has the groups that this update was made from, and its
        memory may be written into."""
        groups = self.optimizer.param_groups
        return not self.gradients.kept() and all(
            run.number < len(groups)
            and set(run.parameters) <= set(run.group["params"])
            and all(run.can_take(k) for k in range(len(run.weights)))
            for run in self.runs
        )

    def grads_in(self, flats: list[np.ndarray]) -> dict[Tensor, np.ndarray]:
        """Where the gradients lie in other long arrays, laid out as this update's own."""
        return {
            p: (flat[place] if run.moved else flat).reshape(p.array.shape)
            for run, flat in zip(self.runs, flats, strict=True)
            for p, place in zip(run.parameters, run.places, strict=True)
        }

    def adopt(self) -> None:
        """Bring in an array that somebody put in the place of a parameter's own."""
        if self.gradients.kept():
            raise Diverged
        for run in self.runs:
            if not any(p.array is not mine for p, mine in run.weights):
                continue
            for k, p in enumerate(run.parameters):
                if p.array is not run.weights[k][1]:
                    if not run.can_take(k):
                        raise Diverged
                    run.take(k)

    def side_by_side(self) -> bool:
        """Whether the step may be taken in parts, each by itself."""
        return not self.own_step and all(run.moved and run.side_by_side() for run in self.runs)

    def settings(self) -> list[dict[str, Any]]:
        """The settings of each run, as plain numbers."""
        groups = (self.optimizer.settings(run.group) for run in self.runs)
        return [{k: v for k, v in group.items() if k != "params"} for group in groups]

    def __call__(self) -> None:
        if not self.own_step:
            for run in self.runs:
                run()
            return
        self.gradients.show()
        self.optimizer.step()


def _references(p: Tensor) -> int:
    return sys.getrefcount(p.array)


def _kept(weights: list[tuple[Tensor, np.ndarray]], k: int) -> int:
    return sys.getrefcount(weights[k][1])


_ALONE = _references(Tensor._wrap(np.zeros(1)))
"""What the interpreter counts where only the Tensor holds its array: versions differ."""
_KEPT = _kept([(Tensor._wrap(np.zeros(1)), np.zeros(1))], 0)
"""What it counts where only a list of weights holds it."""


def can_move(p: Tensor) -> bool:
    """Whether nobody else looks at the memory: elsewhere, a view would no longer see it change."""
    alone = p.array.base is None and _references(p) <= _ALONE
    return alone and p.array.flags.c_contiguous and bool(p.array.size)


_NONE: dict[str, Tensor] = {}
_array_of = attrgetter("array")


def _rows(column: np.ndarray) -> list[np.ndarray]:
    """Views, also where a row is one number."""
    return [column[i, ...] for i in range(len(column))]


class _Run:
    """Parameters of one group and dtype, side by side if `moved`, else the only one."""

    def __init__(
        self, optimizer: Any, number: int, parameters: list[Tensor], moved: bool, in_shared: bool
    ):
        self.optimizer, self.number, self.parameters = optimizer, number, parameters
        dtype = parameters[0].array.dtype
        sizes = [p.array.size for p in parameters]
        ends = np.cumsum([0, *sizes]).tolist()
        self.moved, self.in_shared = moved, in_shared
        self.places = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]
        memory = shared if in_shared else aligned
        self.g = memory(ends[-1] * dtype.itemsize).view(dtype)
        self.w = memory(ends[-1] * dtype.itemsize).view(dtype) if moved else parameters[0].array
        self.weights: list[tuple[Tensor, np.ndarray]] = []
        self.grads: dict[Tensor, np.ndarray] = {}
        for p, place in zip(parameters, self.places, strict=True):
            self.grads[p] = self.g[place].reshape(p.array.shape)
            if moved:
                part = self.w[place].reshape(p.array.shape)
                part[...] = p.array
                p.array = part
            self.weights.append((p, p.array))
        if not moved:
            self.g = self.grads[parameters[0]]
        self.state: dict[str, np.ndarray] = {}
        self.columns: dict[str, np.ndarray] = {}
        """Of the state's entries that hold for all numbers, what each parameter shows."""
        self.shown: list[Tensor] = []
        self.arrays: list[np.ndarray] = []

    @property
    def group(self) -> dict[str, Any]:
        """The settings: loading a state puts other dictionaries in their place."""
        found: dict[str, Any] = self.optimizer.param_groups[self.number]
        return found

    def can_take(self, k: int) -> bool:
        """Whether the parameter's numbers, if they lie elsewhere by now, can be brought here:
        nobody but the parameter looks at them there, and nobody here any more."""
        if self.parameters[k].array is self.weights[k][1]:
            return True
        alone = _kept(self.weights, k) <= _KEPT + (not self.moved)
        p, mine = self.weights[k]
        alike = (p.array.dtype, p.array.shape) == (mine.dtype, mine.shape)
        return alone and alike and can_move(p)

    def take(self, k: int) -> None:
        p, mine = self.weights[k]
        mine[...] = p.array
        p.array = mine

    def _new(self, like: np.ndarray) -> np.ndarray:
        return shared_like(like) if self.in_shared else np.empty_like(like)

    def _gather(self) -> bool:
        """Put the state of all parameters side by side; False where they differ in kind."""
        owns = [self.optimizer.state.get(p, {}) for p in self.parameters]
        self.state, self.columns = {}, {}
        first = owns[0]
        if not all(own.keys() == first.keys() for own in owns) or not all(
            isinstance(value, Tensor) for value in first.values()
        ):
            return False
        for key, value in first.items():
            pairs = list(zip(self.parameters, owns, strict=True))
            shared = key in self.optimizer.shared
            if not shared and all(own[key].array.shape == p.array.shape for p, own in pairs):
                flat = self._new(np.empty_like(self.w, dtype=value.dtype))
                for own, place in zip(owns, self.places, strict=True):
                    at: Any = place if self.moved else ...
                    part = flat[at].reshape(own[key].array.shape)
                    part[...] = own[key].array
                    own[key].array = part
                self.state[key] = flat
            elif shared and all(own[key].array == value.array for own in owns):
                self.state[key] = self._new(value.array)
                self.state[key][...] = value.array
                self.columns[key] = np.stack([own[key].array for own in owns])
                for own, number in zip(owns, _rows(self.columns[key]), strict=True):
                    own[key].array = number
            else:
                self.state = {}
                return False
        self._note(owns)
        return True

    def _note(self, owns: list[dict[str, Tensor]]) -> None:
        self.shown = [tensor for own in owns for tensor in own.values()]
        self.arrays = [tensor.array for tensor in self.shown]

    def _in_place(self) -> bool:
        """Whether the optimizer's state is still what lies side by side here."""
        if not self.state:
            return False
        state = self.optimizer.state
        found = [tensor for p in self.parameters for tensor in state.get(p, _NONE).values()]
        return (
            len(found) == len(self.shown)
            and all(map(is_, found, self.shown))
            and all(map(is_, map(_array_of, found), self.arrays))
            and all((self.state[key] == column).all() for key, column in self.columns.items())
        )

    def __call__(self) -> None:
        optimizer, settings = self.optimizer, self.optimizer.settings(self.group)
        if not self.side_by_side():
            # Parameter by parameter: the first step, or state of several kinds.
            for p, g in self.grads.items():
                optimizer._step_one(p, g, settings)
            return
        before = len(self.state)
        optimizer.begin(self.w, settings, self.state)
        optimizer.update(self.w, self.g, settings, self.state)
        self._told()
        if len(self.state) != before:
            self._show()

    def side_by_side(self) -> bool:
        """Whether the state of all parameters lies, or now comes to lie, side by side."""
        if not (self._in_place() or self._gather()):
            return False
        return bool(self.state) or self._plain()

    def half(self, which: int | None) -> slice:
        """The first or the second half of all numbers, to the cache line; None: all."""
        middle = self.g.size // 2 // ALIGNED * ALIGNED
        return (slice(0, middle), slice(middle, None), slice(None))[2 if which is None else which]

    def advance(self, part: slice, settings: dict[str, Any]) -> dict[str, np.ndarray]:
        """The step for a part of the numbers. The state's entries that hold for all numbers stay
        as they are: as they are afterwards is returned, for `finish`."""
        shared = self.optimizer.shared
        own = {k: v.copy() if k in shared else v[part] for k, v in self.state.items()}
        self.optimizer.update(self.w[part], self.g[part], settings, own)
        return own

    def finish(self, state: dict[str, np.ndarray]) -> None:
        """All parts are done."""
        for key in self.optimizer.shared:
            if key in state:
                self.state[key][...] = state[key]
        self._told()

    def _told(self) -> None:
        for p in self.parameters:
            p._changed(type(self.optimizer).__name__)
        for key, column in self.columns.items():
            column[...] = self.state[key]

    def _plain(self) -> bool:
        """Whether no parameter has any state."""
        return not any(self.optimizer.state.get(p) for p in self.parameters)

    def _show(self) -> None:
        """The step has made new state: show each parameter its part."""
        owns = [self.optimizer.state[p] for p in self.parameters]
        for key, flat in self.state.items():
            if key in self.optimizer.shared:
                self.columns[key] = np.stack([flat] * len(owns))
                parts = _rows(self.columns[key])
            else:
                windows = (flat[place if self.moved else ...] for place in self.places)
                parts = [w.reshape(p.shape) for w, p in zip(windows, self.parameters, strict=True)]
            for own, part in zip(owns, parts, strict=True):
                own[key] = Tensor._wrap(part)
        self._note(owns)
        if self.in_shared:
            self.state = {}  # it lies elsewhere, and is gathered at the next step
