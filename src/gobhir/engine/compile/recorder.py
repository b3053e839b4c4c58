"""Writing down which NumPy calls a step makes, while it runs.

While a `Recorder` is active, the arrays of a step are `Traced`: an ndarray subclass that computes
as usual, on real memory, and appends every call to the recorder's list. Because the memory is
real, a view is the same memory as what it looks at, and the recorded result arrays already are
the buffers of the replay. No op knows about any of this.

What a list of NumPy calls cannot hold is noticed and named: `refuse` says why, and the step then
runs as it is written, every time.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.engine.compile.hidden import nothing_hidden
from gobhir.engine.compile.traced import Traced, plain
from gobhir.engine.tape import state
from gobhir.lang import Message, say


class Diverged(Exception):
    """A replay met a value on which the recorded step had taken another way."""


@dataclass(eq=False)
class Call:
    """One NumPy call: `f(*args, **kwargs)`, its results in `outs`.

    how: "ufunc" (f is the ufunc, called), "method" (f is (ufunc, its method)), "copy" (outs[0]
    becomes args[0]), "opaque" (f's result is copied into outs), "guard" (args[0] must be
    kwargs["value"]), "draw" (opaque, and different at every call), "update" (an optimizer's
    step: f() changes what it writes).
    """

    how: str
    f: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: tuple[np.ndarray, ...]
    also_writes: tuple[np.ndarray, ...] = ()
    must: bool = False
    """The call is kept even if nobody reads its result: its shape depends on values."""
    number: int = 0
    """Its place in the recording."""


def recording() -> Recorder | None:
    """The recorder that is at work in this thread, if any."""
    found: Recorder | None = state.recorder
    return found


class Recorder:
    """The list of calls of one run. `reason`: why it cannot be replayed, or None."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.reason: Message | None = None
        self.made: list[weakref.ref[Traced]] = []
        self.numbers: list[tuple[Any, np.ndarray]] = []
        """Python numbers that were read out of an array (and must be returned, nothing else)."""
        self.updates: list[tuple[Any, list[Any]]] = []
        """Each optimizer that took a step, and the parameters that had a gradient."""
        self.dry = False
        """Optimizers do not take their step; what they were given is in `given`."""
        self.given: dict[Any, np.ndarray] = {}
        self.share = 1.0
        """What `backward` starts from: the weight of these examples in the loss of a batch."""

    def refuse(self, why: str, **values: Any) -> None:
        if self.reason is None:
            line = _user_line()
            self.reason = say(
                f"errors.compile.{why}", line=line, **values
            )  # keys: errors.compile.*

    def add(self, how: str, f: Any, args: Any, kwargs: Any, outs: Any, **more: Any) -> None:
        call = Call(how, f, tuple(args), dict(kwargs), tuple(outs), **more)
        call.number = len(self.calls)
        self.calls.append(call)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Calls on Traced arrays in this thread are written down meanwhile."""
        outer, state.recorder = state.recorder, self
        try:
            out, err = (_Heard(self, stream) for stream in (sys.stdout, sys.stderr))
            with nothing_hidden(), redirect_stdout(out), redirect_stderr(err):
                yield
        finally:
            state.recorder = outer

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Calls are carried out and not written down."""
        outer, state.recorder = state.recorder, None
        try:
            yield
        finally:
            state.recorder = outer

    def optimizer_step(self, optimizer: Any, closure: Any = None) -> Any:
        """An optimizer changes its parameters: one call, whatever it does inside."""
        if closure is not None:
            self.refuse("closure")
        if optimizer._before_step or optimizer._after_step:
            self.refuse("hook")
        every = [p for group in optimizer.param_groups for p in group["params"]]
        pairs = [(p, p.grad) for p in every if p.grad is not None]
        arrays = [(p.array, grad.array) for p, grad in pairs]
        weights = tuple(plain(w) for w, _ in arrays)
        grads = tuple(plain(g) for _, g in arrays)
        self.updates.append((optimizer, [p for p, _ in pairs]))
        before = _kept_by(optimizer)
        if self.dry:
            if before:
                self.refuse("python", name=type(optimizer).__name__)
            self.given |= {p: g for (p, _), g in zip(pairs, grads, strict=True)}
            return None
        which = len(self.updates) - 1
        self.add("update", which, grads, {}, (), also_writes=weights, must=True)
        for (p, grad), w, g in zip(pairs, weights, grads, strict=True):
            p.array, grad.array = w, g
        try:
            with self.paused():
                return optimizer.step(closure)
        finally:
            for name, value in _kept_by(optimizer).items():
                if type(value) not in _PLAIN or before.get(name) != value:
                    self.refuse("python", name=name)
            for (p, grad), (w, g) in zip(pairs, arrays, strict=True):
                p.array, grad.array = w, g

    def writes(self, array: np.ndarray) -> None:
        """Something is about to be written into it in place."""
        if not isinstance(array, Traced):
            self.refuse("outside")

    def alive(self) -> list[Traced]:
        """The Traced arrays that somebody still holds."""
        return [t for ref in self.made if (t := ref()) is not None]


def has_own_step(optimizer: Any) -> bool:
    """Whether the class says by itself what a step is, instead of `update`."""
    for kind in type(optimizer).__mro__:
        if "step" in vars(kind):
            return "_step_one" not in vars(kind)
    return True


_PLAIN = (bool, int, float, str, type(None))


def _kept_by(optimizer: Any) -> dict[str, Any]:
    """What an optimizer whose step its user wrote has in attributes of its own: if the step
    changes it, a step that is tried out cannot be taken back."""
    if not has_own_step(optimizer):
        return {}
    made = getattr(optimizer, "_made", ())
    return {k: v for k, v in vars(optimizer).items() if k not in made and not callable(v)}


class _Heard:
    """What is printed while a step is recorded: a replay would print nothing."""

    def __init__(self, recorder: Recorder, stream: Any):
        self._recorder, self._stream = recorder, stream

    def write(self, text: str) -> Any:
        self._recorder.refuse("prints")
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _user_line() -> str:
    """File and line outside of Gobhir and NumPy: where the step does what was noticed."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] in (
        "gobhir",
        "numpy",
    ):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
