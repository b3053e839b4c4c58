"""Parameters, gradients and optimizer state of a whole network, each as one long array.

An elementwise update rule treats every number alike, so an optimizer can take one step over all
of them instead of one a parameter. Parameters, `.grad` and the optimizer's state stay what they
were, but for where their memory is: views of the long arrays.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gobhir.engine.tensor import Tensor

ALIGNED = 64
"""Buffers begin at multiples of so many bytes: one cache line."""


def aligned(size: int) -> np.ndarray:
    """So many zero bytes, beginning at a cache line."""
    raw = np.zeros(size + ALIGNED, np.uint8)
    skip = -raw.__array_interface__["data"][0] % ALIGNED
    return raw[skip : skip + size]


_updates: WeakKeyDictionary[Any, dict[tuple[int, ...], Update]] = WeakKeyDictionary()


class Update:
    """The step of an optimizer over those parameters that have a gradient. Called, it does what
    `optimizer.step()` does, with gradients taken from `grads`."""

    def __init__(self, optimizer: Any, parameters: list[Tensor]):
        self.optimizer = optimizer
        self.runs: list[_Run] = []
        self.own_step = _has_own_step(optimizer)
        wanted = set(parameters)
        for group in optimizer.param_groups:
            own = [p for p in group["params"] if p in wanted]
            together = [p for p in own if self._flat() and _can_move(p)]
            for dtype in {p.array.dtype: None for p in together}:
                self._add(group, [p for p in together if p.array.dtype == dtype], True)
            for p in own:
                if p not in set(together):
                    self._add(group, [p], False)
        self.parameters = [p for run in self.runs for p in run.parameters]
        self.grads = {p: g for run in self.runs for p, g in run.grads.items()}

    def _flat(self) -> bool:
        return bool(self.optimizer.elementwise) and not self.own_step

    def _add(self, group: Any, parameters: list[Tensor], moved: bool) -> None:
        self.runs.append(_Run(self.optimizer, group, parameters, moved))

    @staticmethod
    def of(optimizer: Any, parameters: list[Tensor]) -> Update:
        """The one update of this optimizer over these parameters: all plans share its memory."""
        known = _updates.setdefault(optimizer, {})
        key = tuple(map(id, parameters))
        if key not in known or not known[key].fits():
            known[key] = Update(optimizer, parameters)
        return known[key]

    def fits(self) -> bool:
        """Whether the optimizer still has the groups that this update was made from."""
        groups = self.optimizer.param_groups
        return all(any(run.group is g for g in groups) for run in self.runs)

    def grads_in(self, flats: list[np.ndarray]) -> dict[Tensor, np.ndarray]:
        """Where the gradients lie in other long arrays, laid out as this update's own."""
        return {
            p: (flat[place] if run.moved else flat).reshape(p.array.shape)
            for run, flat in zip(self.runs, flats, strict=True)
            for p, place in zip(run.parameters, run.places, strict=True)
        }

    def adopt(self) -> None:
        """Bring in an array that somebody put in the place of a parameter's own."""
        for run in self.runs:
            for p, mine in run.weights:
                if p.array is not mine:
                    mine[...] = p.array
                    p.array = mine

    def __call__(self) -> None:
        if not self.own_step:
            for run in self.runs:
                run()
            return
        for p, array in self.grads.items():
            if p.grad is None or p.grad.array is not array:
                p.grad = Tensor._wrap(array)
        self.optimizer.step()


def _has_own_step(optimizer: Any) -> bool:
    """Whether the class says by itself what a step is, instead of `update`."""
    for kind in type(optimizer).__mro__:
        if "step" in vars(kind):
            return "_step_one" not in vars(kind)
    return True


def _references(p: Tensor) -> int:
    return sys.getrefcount(p.array)


_ALONE = _references(Tensor._wrap(np.zeros(1)))
"""What the interpreter counts where only the Tensor holds its array: versions differ."""


def _can_move(p: Tensor) -> bool:
    """Whether nobody else looks at the memory: elsewhere, a view would no longer see it change."""
    alone = p.array.base is None and _references(p) <= _ALONE
    return alone and p.array.flags.c_contiguous and bool(p.array.size)


class _Run:
    """Parameters of one group and dtype, side by side if `moved`, else the only one."""

    def __init__(self, optimizer: Any, group: Any, parameters: list[Tensor], moved: bool):
        self.optimizer, self.group, self.parameters = optimizer, group, parameters
        dtype = parameters[0].array.dtype
        sizes = [p.array.size for p in parameters]
        ends = np.cumsum([0, *sizes]).tolist()
        self.moved = moved
        self.places = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]
        self.g = aligned(ends[-1] * dtype.itemsize).view(dtype)
        self.w = aligned(ends[-1] * dtype.itemsize).view(dtype) if moved else parameters[0].array
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
        self.shown: list[dict[str, Tensor]] = []

    def _gather(self) -> bool:
        """Put the state of all parameters side by side; False where they differ in kind."""
        owns = [self.optimizer.state.get(p, {}) for p in self.parameters]
        self.state, self.shown = {}, []
        first = owns[0]
        if not all(own.keys() == first.keys() for own in owns) or not all(
            isinstance(value, Tensor) for value in first.values()
        ):
            return False
        for key, value in first.items():
            pairs = list(zip(self.parameters, owns, strict=True))
            shared = key in self.optimizer.shared
            if not shared and all(own[key].array.shape == p.array.shape for p, own in pairs):
                flat = np.empty_like(self.w, dtype=value.dtype)
                for own, place in zip(owns, self.places, strict=True):
                    at: Any = place if self.moved else ...
                    part = flat[at].reshape(own[key].array.shape)
                    part[...] = own[key].array
                    own[key].array = part
                self.state[key] = flat
            elif shared and all(own[key].array == value.array for own in owns):
                self.state[key] = value.array.copy()
            else:
                return False
        self.shown = [{k: own[k] for k in own} for own in owns]
        return True

    def _in_place(self) -> bool:
        """Whether the optimizer's state is still what lies side by side here."""
        if not self.state:
            return False
        state = self.optimizer.state
        for p, shown in zip(self.parameters, self.shown, strict=True):
            own = state.get(p, {})
            if len(own) != len(shown):
                return False
            for key, tensor in shown.items():
                if own.get(key) is not tensor:
                    return False
                flat = self.state[key]
                if key not in self.optimizer.shared:
                    if tensor.array.base is not flat and tensor.array.base is not flat.base:
                        return False
                elif tensor.array.item() != flat.item():
                    return False
        return True

    def __call__(self) -> None:
        optimizer, settings = self.optimizer, self.optimizer.settings(self.group)
        for p in self.parameters:
            p._changed(type(optimizer).__name__)
        if not (self._in_place() or self._gather()) or not self.state and not self._plain():
            # Parameter by parameter: the first step, or state of several kinds.
            for p, g in self.grads.items():
                optimizer._step_one(p, g, settings)
            return
        before = len(self.state)
        optimizer.begin(self.w, settings, self.state)
        optimizer.update(self.w, self.g, settings, self.state)
        if len(self.state) != before:
            self._show()
            return
        for shown in self.shown:
            for key, tensor in shown.items():
                if key in self.optimizer.shared:
                    tensor.array[...] = self.state[key]

    def _plain(self) -> bool:
        """Whether no parameter has any state."""
        return not any(self.optimizer.state.get(p) for p in self.parameters)

    def _show(self) -> None:
        """The step has made new state: show each parameter its part."""
        self.shown = []
        for p, place in zip(self.parameters, self.places, strict=True):
            own = self.optimizer.state[p]
            for key, flat in self.state.items():
                if key not in self.optimizer.shared:
                    own[key] = Tensor._wrap(flat[place if self.moved else ...].reshape(p.shape))
                else:
                    own[key] = Tensor._wrap(flat.copy())
            self.shown.append(dict(own))
