"""Compiling what is differentiated outside: a model called in a loop written by hand.

Its forward pass and its backward pass are recorded as one step, `Both`, with the gradient of the
result as one more argument. The replay then runs in two halves: the first when the model is
called, the second when backward() comes by.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.compile.recorder import recording
from gobhir.engine.op import Op
from gobhir.engine.tape import enable_grad
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


class Both:
    """`call` and its backward pass as one function: (gradients of the results, *args) -> results,
    gradients of those `tensors` and arguments that want one."""

    learns_arguments = True

    def __init__(self, call: Callable[..., Any], tensors: list[Tensor], results: int):
        self.call, self.tensors, self.results = call, tensors, results
        self.split = 0
        self.__name__ = getattr(call, "__name__", type(call).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from gobhir.engine.backward import grad

        cotangents, args = args[: self.results], args[self.results :]
        with enable_grad():
            out = self.call(*args, **kwargs)
        if (recorder := recording()) is not None:
            self.split = len(recorder.calls)
        outs = [out] if isinstance(out, Tensor) else list(out)
        wished = self.wished(args, kwargs)
        grads = grad(outs, wished, list(cotangents), allow_unused=True)
        return [t.detach() for t in outs], list(grads)

    def wished(self, args: Any, kwargs: Any) -> list[Tensor]:
        given = (a for a in (*args, *kwargs.values()) if isinstance(a, Tensor))
        return [t for t in (*self.tensors, *given) if t.requires_grad]


def differentiable(result: Any) -> int:
    """How many results wait for backward(), if that is all of them; else 0."""
    results = [result] if isinstance(result, Tensor) else result
    if type(results) not in (tuple, list) or not results:
        return 0
    return len(results) if all(isinstance(t, Tensor) and waits(t) for t in results) else 0


def waits(t: Tensor) -> bool:
    """Whether backward() has not gone through any of what t was computed from."""
    from gobhir.engine.backward import _reachable

    if not t.requires_grad or t._record is None:
        return False
    return not any(record.spent for record in _reachable({t._record: None}))


class Halves:
    """A trusted replay of `Both`, run in its two halves."""

    def __init__(self, both: Both, replay: Any, several: bool):
        self.both, self.replay, self.several = both, replay, several
        self.split = sum(n < replay.split for n in replay.numbers)
        replay.arguments.keep_copies()
        self.waiting: weakref.ref[Tensor] | None = None

    def busy(self) -> bool:
        """Whether the last result still waits for its backward pass: the buffers are in use."""
        last = None if self.waiting is None else self.waiting()
        return last is not None and last._record is not None and not last._record.spent

    def __call__(self, args: Any, kwargs: Any) -> Any:
        replay, both = self.replay, self.both
        wished = both.wished(args, kwargs)
        cotangents = replay.inputs[: both.results]
        results, grads = replay.result
        versions = [(t._changes, t._changes[0]) for t in wished]

        def forward(*_: Any) -> Any:
            given = (*(b for _, b in cotangents), *args)
            replay.arguments.copy(given, kwargs, both.results)
            replay.carry_out(replay.lines[: self.split], guarded=replay.guarded)
            values = tuple(s.array.copy() for s in results)
            return values if self.several else values[0]

        def vjps(d: Any, out: Any, *inputs: Any) -> Any:
            if isinstance(d, Tensor) or isinstance(inputs[0], Tensor):
                return self._again(d, args, kwargs, wished)
            for changes, then in versions:
                if changes[0] != then:
                    by = changes[1] or "in_place"
                    raise RuntimeError(say("errors.backward.modified", op=both.__name__, by=by))
            for (_, buffer), array in zip(cotangents, d if self.several else [d], strict=True):
                np.copyto(buffer, array)
            replay.carry_out(replay.lines[self.split :], guarded=False)
            return [None if s is None else s.array.copy() for s in grads]

        body = {"forward": staticmethod(forward), "vjps": staticmethod(vjps), "name": both.__name__}
        out = apply(type("Replayed", (_Replayed,), body, abstract=True), *wished)
        self.waiting = weakref.ref(out[0] if self.several else out)
        return out

    def _again(self, d: Any, args: Any, kwargs: Any, wished: list[Tensor]) -> Any:
        """For second derivatives the pullbacks of the model itself are needed."""
        from gobhir.engine.backward import grad

        out = self.both.call(*args, **kwargs)
        outs = [out] if isinstance(out, Tensor) else list(out)
        given = list(d) if self.several else [d]
        return grad(outs, wished, given, create_graph=True, allow_unused=True)


class _Replayed(Op, abstract=True):
    """A compiled model: all of it as one op."""

    inputs = ()
    settings = {}
    defaults = {}
    pullbacks = {"all": lambda d, out, *inputs: None}
