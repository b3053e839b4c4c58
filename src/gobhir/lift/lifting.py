"""From a trace to the engine's tape: every call again, by the engine's function of the same name,
in float64.

What the engine does not have is computed by the framework itself, as one opaque op. What was drawn
at random is drawn as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir import nn
from gobhir.engine import Tape, Tensor
from gobhir.engine.dtypes import get_default_dtype, set_default_dtype
from gobhir.engine.tape import Record, set_grad_enabled
from gobhir.lift.foreign import foreign
from gobhir.lift.steps import Step, steps_of
from gobhir.lift.trace import MODEL, Call, Trace, Value, exchanged, values_in
from gobhir.lift.updating import Used, update, used_gradients
from gobhir.nn.functional.dropout import keeping


@dataclass(eq=False)
class Layer:
    """A module of the framework's, as the scope of what ran in it; its class is called as there."""

    path: str


@dataclass(eq=False)
class Lifted:
    """One training step on a tape. loss: a Tensor (of several losses, their sum). leaves: the
    tensor of each value that no call computed. calls: by record, what it was in the framework.
    opaque: what the framework computed, and why. used: what became of the gradients before the
    optimizer took them, None without an optimizer."""

    step: Step
    tape: Tape
    layers: dict[str, Layer]
    loss: Tensor
    tensors: dict[Value, Tensor]
    results: dict[Value, Record]
    calls: dict[Record, Call] = field(default_factory=dict)
    opaque: dict[Call, str] = field(default_factory=dict)
    used: Used | None = None
    optimizer: Any = None

    @property
    def leaves(self) -> dict[Value, Tensor]:
        return {v: t for v, t in self.tensors.items() if v.origin}

    def distance(self, call: Call) -> float:
        """How far the framework's results are from the engine's float64, at most, in terms of the
        largest of them."""
        worst = 0.0
        for value in values_in(call.results):
            record = self.results.get(value)
            if record is None:
                continue  # a tensor that somebody made of plain numbers
            worst = max(worst, apart(value.read(), record.value))
        return worst


def apart(theirs: np.ndarray, ours: np.ndarray) -> float:
    """The largest difference, in terms of the largest number."""
    if not theirs.size:
        return 0.0
    scale = float(np.abs(ours).max()) or 1.0
    return float(np.abs(np.asarray(theirs, float) - ours).max()) / scale


def lift(trace: Trace) -> Iterator[Lifted]:
    """Every training step of the trace, on a tape of its own."""
    for step in steps_of(trace):
        yield _Lifting(step, trace).lifted


class _Lifting:
    def __init__(self, step: Step, trace: Trace):
        self.kinds, self.again = trace.kinds, trace.again
        self.layers: dict[str, Layer] = {}
        self.tensors: dict[Value, Tensor] = {}
        self.results: dict[Value, Record] = {}
        self.opaque: dict[Call, str] = {}
        self.tape = Tape()
        calls: dict[Record, Call] = {}
        with _float64():
            with self.tape:
                for call in step.calls:
                    before = len(self.tape.entries)
                    self._carry_out(call)
                    for record in self.tape.entries[before:]:
                        if isinstance(record, Record):
                            calls[record] = call
                loss = self._loss(step)
                leaves = [t for v, t in self.tensors.items() if t.requires_grad and v.origin]
                for t in leaves:
                    self.tape.remember(t)
                loss.backward()
            self.lifted = Lifted(
                step, self.tape, self.layers, loss, self.tensors, self.results, calls, self.opaque
            )
            if step.stepped is not None:
                self.lifted.used = used_gradients(step, self.tensors)
                with self.tape:
                    self.lifted.optimizer = update(step, self.tensors, self.lifted.used)

    def _loss(self, step: Step) -> Tensor:
        """What all that was differentiated adds up to."""
        terms = []
        for backward in step.backwards:
            for root, seed in zip(backward.roots, backward.seeds, strict=True):
                t = self._tensor(root)
                terms.append(t if seed is None else (t * self._tensor(seed)).sum())
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def _tensor(self, value: Value) -> Tensor:
        if value not in self.tensors:
            array = value.read()
            learns = value.learns and array.dtype.kind == "f"
            t = Tensor._wrap(array)
            if value.origin == "parameter":
                t = nn.Parameter(t)
            t.requires_grad = learns
            self.tensors[value] = t
        return self.tensors[value]

    def _carry_out(self, call: Call) -> None:
        wanted = list(values_in(call.results))
        try:
            found = None if call.function is None else self._by_the_engine(call, call.function)
            why = "" if found is not None else call.name
        except (TypeError, ValueError, RuntimeError, LookupError, AttributeError) as trouble:
            found, why = None, str(trouble)
        if found is not None and not self._fits(call, wanted, found):
            found, why = None, call.name
        if found is None:
            self.opaque[call] = why
            found = self._by_the_framework(call)
        for value, t in zip(wanted, found, strict=False):
            self.tensors[value] = t
            record = t.grad_fn or t._record
            if record is not None:
                self.results[value] = record

    def _fits(self, call: Call, wanted: list[Value], found: list[Tensor]) -> bool:
        """Whether these are the results; of what draws random numbers, also whether the same."""
        alike = len(found) >= len(wanted) and all(
            v.shape == tuple(t.shape) for v, t in zip(wanted, found, strict=False)
        )
        if not alike or call.draws is None:
            return alike
        return all(apart(v.read(), t.array) < 1e-2 for v, t in zip(wanted, found, strict=False))

    @contextmanager
    def _around(self, call: Call) -> Iterator[None]:
        with ExitStack() as stack:
            for path in call.scope:
                if path and path != MODEL:
                    stack.enter_context(self.tape.inside(self._layer(path)))
            stack.enter_context(set_grad_enabled(call.remembers))
            yield

    def _layer(self, path: str) -> Layer:
        if path not in self.layers:
            kind = self.kinds.get(path, "Layer")
            self.layers[path] = type(kind, (Layer,), {})(path)
        return self.layers[path]

    def _by_the_engine(self, call: Call, function: Callable[..., Any]) -> list[Tensor]:
        args, kwargs = exchanged((call.args, call.kwargs), self._engines)
        for name in ("memory_format", "layout", "pin_memory", "generator", "is_grads_batched"):
            kwargs.pop(name, None)
        with ExitStack() as stack:
            stack.enter_context(self._around(call))
            if call.draws is not None:
                from gobhir.lift.torch_again import drawing

                stack.enter_context(keeping(stack.enter_context(drawing(call))))
            before = len(self.tape.entries)
            result = function(*args, **kwargs)
            if call.writes and len(self.tape.entries) > before:
                self._written(result)
        return list(_tensors_in(args[:1] if call.name.endswith("__setitem__") else result))

    def _written(self, t: Any) -> None:
        """In the engine, what learns nothing has no history of being written over; a page has."""
        last = self.tape.entries[-1]
        if not isinstance(t, Tensor) or t.requires_grad or not isinstance(last, Record):
            return
        if not isinstance(last.value, tuple) and np.array_equal(last.value, t.array):
            t._record = last

    def _by_the_framework(self, call: Call) -> list[Tensor]:
        again = self.again(call)
        inputs = [self._tensor(v) for v in again.inputs]
        with self._around(call):
            name = call.name.rpartition(".")[2]
            return list(_tensors_in(foreign(name, again.run, again.pull, inputs)))

    def _engines(self, x: Any) -> Any:
        """An argument as the engine takes it."""
        if isinstance(x, Value):
            return self._tensor(x)
        if type(x).__module__ != "torch":
            return x
        if type(x).__name__ == "dtype":
            name = str(x).removeprefix("torch.")
            return np.dtype("float64" if "float" in name else name)
        return "cpu" if type(x).__name__ == "device" else None


@contextmanager
def _float64() -> Iterator[None]:
    before = get_default_dtype()
    set_default_dtype(np.dtype("float64"))
    try:
        yield
    finally:
        set_default_dtype(before)


def _tensors_in(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (tuple, list)):
        for v in x:
            yield from _tensors_in(v)
