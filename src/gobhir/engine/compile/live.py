"""Running an unrolled step, whose weights live in a Python generator between the calls.

A parameter's array would be stale meanwhile, so the parameter watches over it: its class becomes
a subclass whose `array` and `grad` first fetch the numbers from the generator. Whoever looks sees
the truth, and whatever he writes into the array is read by the next step.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from gobhir.engine.compile.recorder import Diverged
from gobhir.engine.compile.source import Source
from gobhir.engine.compile.traced import owner
from gobhir.engine.hooks import changes
from gobhir.engine.tensor import Tensor

_array: Any = Tensor.__dict__["array"]
_grad: Any = Tensor.__dict__["grad"]
_keeper: Any = Tensor.__dict__["_hooks"]
"""While a tensor is live, this slot holds its Keeper: no hook listens then."""


_learns: Any = Tensor.__dict__["requires_grad"]


def _holders(gradient: Tensor | None) -> int:
    return 0 if gradient is None else sys.getrefcount(gradient) + sys.getrefcount(gradient.array)


_probe = Tensor._wrap(np.zeros(1))
_probe.grad = Tensor._wrap(np.zeros(1))
_ALONE = sys.getrefcount(_array.__get__(_probe))
_GRAD_ALONE = _holders(_grad.__get__(_probe))
"""What the interpreter counts where only the Tensor holds its array, or gradient: versions
differ."""


class Keeper:
    """The generator of an unrolled step, and the tensors whose numbers it has.

    current: the tensors' arrays hold the generator's numbers. seen: somebody may have written
    into an array since, or keeps it and would look at old numbers after the next step.
    """

    def __init__(self, source: Source):
        self.source = source
        self.steps = source.compile()
        self.tensors = [*source.weights, *source.states]
        self.generator: Any = None
        self.send: Any = None
        self.current = self.seen = True
        self.attached = False
        self.loaded: list[Any] = []
        """The learning rates that the generator goes by."""

    # -- numbers into the generator and out of it ----

    def rates(self) -> list[Any]:
        """The learning rates in force."""
        groups = [(o, o.param_groups[k]) for o, k in self.source.groups]
        return [float(optimizer.settings(group)["lr"]) for optimizer, group in groups]

    def load(self) -> None:
        """Start from the numbers in the arrays. Diverged where two tensors have one memory: here
        each would have numbers of its own."""
        values: list[float] = []
        arrays = [_array.__get__(t) for t in self.tensors]
        for array in arrays:
            values += array.ravel().tolist()
        if len({id(owner(array)) for array in arrays}) < len(arrays) and any(
            np.may_share_memory(a, b) for a, b in combinations(arrays, 2)
        ):
            raise Diverged
        own = dict(zip(self.source.parameters, values, strict=True))
        self.loaded = self.rates()
        self.generator = self.steps(*own.values(), *self.loaded)
        self.send = self.generator.send
        next(self.generator)
        self.seen = False

    def pull(self) -> None:
        """Bring the numbers into the arrays; each gradient into a new tensor."""
        values = self.generator.send(None)
        stopped = values is None
        if stopped:
            values = self.generator.send(None)
        with np.errstate(all="ignore"):
            self._put(values)
        self.current = True
        if stopped:
            raise KeyboardInterrupt

    def _put(self, values: Any) -> None:
        at = 0
        for t in self.tensors:
            array = _array.__get__(t)
            if array.size == 1:
                array.fill(values[at])
            else:
                array[...] = np.reshape(values[at : at + array.size], array.shape)
            at += array.size
            t._changes[0] += 1
        for t in self.source.grads:
            array = _array.__get__(t)
            found = np.array(values[at : at + array.size], array.dtype).reshape(array.shape)
            old = _grad.__get__(t) if t in self.source.in_place else None
            if old is None:
                _grad.__set__(t, Tensor._wrap(found))
            else:
                old.array[...] = found
                old._changed("backward")
            at += array.size

    def look(self) -> None:
        """Somebody looks: all that can be seen has to be true."""
        self.seen = True
        if not self.current:
            self.pull()

    def kept_elsewhere(self) -> bool:
        """Whether somebody still holds one of the arrays, or a view of it, or a gradient that
        is to change where it lies."""
        return any(
            sys.getrefcount(_array.__get__(t)) > _ALONE or _array.__get__(t).base is not None
            for t in self.tensors
        ) or any(_holders(_grad.__get__(t)) > _GRAD_ALONE for t in self.source.in_place)

    def has_the_state(self) -> bool:
        """Whether the optimizers still have the state that the generator works on: one count of
        steps for all parameters of a group."""
        if self.seen and any(len({t.array.item() for t in c}) > 1 for c in self.source.counts):
            return False
        return all(
            optimizer.state.get(p, {}).get(key) is tensor
            for optimizer, p, key, tensor in self.source.state_of
        )

    # -- one step ----

    def run(self, given: Any) -> Any:
        """The results of one step, or Diverged where plain Python knows no answer."""
        if self.rates() != self.loaded:
            self.look()
        if not self.attached:
            for t in self.tensors:
                if (other := keeper_of(t)) is not None:
                    other.look()  # another recording of the step has the numbers
        if self.seen:
            self.load()
        result = self.send(given)
        if result is None:
            self.stuck()
            raise Diverged
        self.current = False
        if self.attached:
            if self.kept_elsewhere():
                self.look()
        else:
            self.look()
        return result

    def stuck(self) -> None:
        """Plain Python knew no answer (an overflow, another shape), and the weights are as before;
        or somebody pressed Ctrl-C."""
        stopped = self.generator.gi_frame.f_locals["stopped"]
        self.look()
        if stopped:
            raise KeyboardInterrupt

    # -- tensors that fetch their numbers ----

    def attach(self) -> None:
        """From now on the tensors fetch their numbers when somebody looks."""
        for t in (*self.tensors, *self.source.grads):
            other = keeper_of(t)
            if other is not None and other is not self:
                other.release()
        for t in {id(t): t for t in (*self.tensors, *self.source.grads)}.values():
            if keeper_of(t) is None:
                t.__class__ = live(type(t))
                _keeper.__set__(t, self)
        self.attached = True
        if self.kept_elsewhere():
            gc.collect()  # what is left of the recording may still hold the arrays

    def release(self) -> None:
        """The tensors are ordinary again, and up to date."""
        self.look()
        self.attached = False
        for t in (*self.tensors, *self.source.grads):
            if keeper_of(t) is self:
                t.__class__ = type(t).__mro__[1]
                _keeper.__set__(t, None)


def keeper_of(t: Tensor) -> Keeper | None:
    """Who has the numbers of this tensor, if somebody has."""
    if not hasattr(type(t), "_is_live"):
        return None
    try:
        found = _keeper.__get__(t)
    except AttributeError:  # a copy that is being made
        return None
    return found if isinstance(found, Keeper) else None


_classes: dict[type, type] = {}


def live(kind: type) -> type:
    """The subclass of a kind of tensor that fetches its numbers before it shows them."""
    if kind not in _classes:
        body = {
            "__slots__": (),
            "__module__": kind.__module__,
            "__qualname__": kind.__qualname__,
            "_is_live": True,
            "array": property(_shown(_array), _set(_array)),
            "grad": property(_shown(_grad), _set(_grad)),
            "_hooks": property(lambda t: None, _hooked),
            "requires_grad": property(_learns.__get__, _set_learns),
        }
        _classes[kind] = type(kind.__name__, (kind,), body)
    return _classes[kind]


def _shown(slot: Any) -> Callable[[Tensor], Any]:
    def get(t: Tensor) -> Any:
        keeper = keeper_of(t)
        if keeper is not None:
            keeper.look()
        return slot.__get__(t)

    return get


def _set(slot: Any) -> Callable[[Tensor, Any], None]:
    def put(t: Tensor, value: Any) -> None:
        keeper = keeper_of(t)
        if keeper is not None:
            keeper.look()
        slot.__set__(t, value)

    return put


def _set_learns(t: Tensor, value: bool) -> None:
    changes[0] += 1
    _learns.__set__(t, value)


def _hooked(t: Tensor, hooks: Any) -> None:
    """A hook is registered (or the tensor is being made): nothing is replayed past it."""
    keeper = keeper_of(t) if hooks is not None else None
    if keeper is not None:
        keeper.release()
    _keeper.__set__(t, hooks)
