"""From a trace to the engine's tape: every call again, by the engine's function of the same name,
in float64.

What the engine does not have is computed by the framework itself, as one opaque op. What was drawn
at random is drawn as it was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, takewhile
from typing import Any

import numpy as np

from gobhir import nn
from gobhir.engine import Tensor
from gobhir.engine.compile.blas import one_thread
from gobhir.engine.dtypes import get_default_dtype, set_default_dtype
from gobhir.engine.tape import Record, set_grad_enabled
from gobhir.lang import say
from gobhir.lift.foreign import foreign
from gobhir.lift.sparing import MANY, Remembered, SparingTape, StepTape
from gobhir.lift.steps import Step, steps_of
from gobhir.lift.trace import MODEL, Call, Trace, Value, Whole, exchanged, values_in
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
    tape: StepTape
    layers: dict[str, Layer]
    loss: Tensor
    tensors: dict[Value, Tensor]
    results: dict[Value, Record]
    calls: dict[Record, Call] = field(default_factory=dict)
    opaque: dict[Call, str] = field(default_factory=dict)
    used: Used | None = None
    optimizer: Any = None
    carried: list[Call] = field(default_factory=list)
    """What was carried out, in order: the step's calls, a layer in the place of those in it."""
    gradients: dict[Value, np.ndarray] = field(default_factory=dict)
    """What the engine's backward found for each leaf, where the tape does not spare it."""

    @property
    def leaves(self) -> dict[Value, Tensor]:
        return {v: t for v, t in self.tensors.items() if v.origin}

    @property
    def learning(self) -> list[Value]:
        """The leaves that backward came to."""
        leaves = {v: t for v, t in self.leaves.items() if t.requires_grad}
        return [v for v, t in leaves.items() if self.tape.reached(t)]

    def gradient(self, leaf: Value) -> np.ndarray | None:
        """The same of one leaf, None where nothing came."""
        if self.tape.sparing:
            return self.tape.gradient(self.tensors[leaf]) if leaf in self.tensors else None
        return self.gradients.get(leaf)

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
    """The largest difference, in terms of the largest number; infinite where only one of them is a
    number."""
    theirs = np.asarray(theirs, float)
    fine = np.abs(ours[np.isfinite(ours)])
    with np.errstate(invalid="ignore"):
        off = np.where((theirs == ours) | np.isnan(theirs) & np.isnan(ours), 0.0, theirs - ours)
    far = float(np.abs(off).max(initial=0.0))
    return float("inf") if np.isnan(far) else far / (float(fine.max(initial=0.0)) or 1.0)


def lift(trace: Trace) -> Iterator[Lifted]:
    """Every training step of the trace, on a tape of its own."""
    for step in steps_of(trace):
        yield lift_step(step, trace)


@one_thread()
def lift_step(step: Step, trace: Trace, sparing: bool = True) -> Lifted:
    """One of its steps. sparing: where it has very many parameters, on a tape without them."""
    return _Lifting(step, trace, sparing).lifted


class _Lifting:
    def __init__(self, step: Step, trace: Trace, sparing: bool):
        self.kinds, self.again = trace.kinds, trace.again
        self.layers: dict[str, Layer] = {}
        self.tensors: dict[Value, Tensor] = {}
        self.results: dict[Value, Record] = {}
        self.opaque: dict[Call, str] = {}
        self.rounding = 0.0
        sparing = sparing and _parameters(step) > MANY
        self.tape = SparingTape() if sparing else StepTape()
        calls: dict[Record, Call] = {}
        with _float64():
            with self.tape:
                carried: list[Call] = []
                before = 0
                for call in self._all(step):
                    carried.append(call)
                    new = self.tape.entries[before:]
                    calls |= {r: call for r in new if isinstance(r, Record)}
                    before += len(new)
                loss = self._loss(step)
                leaves = [t for v, t in self.tensors.items() if t.requires_grad and v.origin]
                for t in leaves:
                    self.tape.remember(t)
                loss.backward()
            self.lifted = Lifted(
                step, self.tape, self.layers, loss, self.tensors, self.results, calls, self.opaque,
                carried=carried,
            )  # fmt: skip
            for v, t in self.lifted.leaves.items():
                if t.grad is not None:
                    self.lifted.gradients[v] = t.grad.array
            if step.stepped is not None:
                self.lifted.used = used_gradients(step, self.tensors, self.tape)
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
        if value in self.tensors:
            return self.tensors[value]
        parameter = value.origin == "parameter"
        if isinstance(self.tape, SparingTape) and parameter:
            t: Tensor = Remembered(value, self.tape.read)
        else:
            t = Tensor._wrap(value.read())
            t = nn.Parameter(t) if parameter else t
            t.requires_grad = value.learns and t.array.dtype.kind == "f"
        self.tensors[value] = t
        return t

    def _all(self, step: Step) -> Iterator[Call]:
        """Carry out every call, layers as one where the engine can; then tell."""
        calls, tried, place = step.calls, set[Whole](), 0
        needed = {v: k for k, c in enumerate(calls) for v in values_in((c.args, c.kwargs))}
        needed |= {v: len(calls) for b in step.backwards for v in values_in((b.roots, b.seeds))}
        while place < len(calls):
            for whole in calls[place].within:
                rest = islice(calls, place, None)
                parts = list(takewhile(partial(_is_part, whole), rest))
                after = place + len(parts)
                made = {v for c in parts for v in values_in(c.results)}
                later = {
                    v for v in made - set(values_in(whole.results)) if needed.get(v, 0) >= after
                }
                if whole not in tried and not later and self._as_one(whole, parts):
                    place = after
                    yield whole
                    break
                tried.add(whole)
            else:
                self._carry_out(calls[place])
                yield calls[place]
                place += 1

    def _as_one(self, whole: Whole, parts: list[Call]) -> bool:
        """Whether the engine has a function that gives what the layer gave."""
        before, found = len(self.tape.entries), None
        wanted = list(values_in(whole.results))
        given = values_in((whole.args, whole.kwargs))
        if whole.function is None or any(
            v.learns and not v.origin and v not in self.tensors for v in given
        ):
            return False
        self.rounding = max(self.rounding, whole.rounding)  # what comes of bfloat16 is as coarse
        whole.remembers = any(part.remembers for part in parts)
        whole.kernels = [kernel for part in parts for kernel in part.kernels]
        try:
            with _keeping_as(parts):
                found = self._by_the_engine(whole, whole.function)
        except _TROUBLE:
            pass
        if found is None or not self._fits(whole, wanted, found):
            del self.tape.entries[before:]
            return False
        self._known(wanted, found)
        return True

    def _carry_out(self, call: Call) -> None:
        wanted = list(values_in(call.results))
        try:
            found = None if call.function is None else self._by_the_engine(call, call.function)
            why = "" if found is not None else call.name
        except _TROUBLE as trouble:
            found, why = None, str(trouble)
        if found is not None and not self._fits(call, wanted, found):
            found, why = None, call.name
        if found is None:
            self.opaque[call] = why
            found = self._by_the_framework(call)
            if call.draws is not None and not self._fits(call, wanted, found):
                raise ValueError(say("errors.watch.drawn", name=call.name))
        self._known(wanted, found)

    def _known(self, wanted: list[Value], found: list[Tensor]) -> None:
        for value, t in zip(wanted, found, strict=False):
            self.tensors[value] = t
            record = t.grad_fn or t._record
            if record is not None:
                self.results[value] = record

    def _fits(self, call: Call, wanted: list[Value], found: list[Tensor]) -> bool:
        """Whether these are the results; of a layer and of what draws random numbers, also whether
        the same."""
        alike = len(found) >= len(wanted) and all(
            v.shape == tuple(t.shape) for v, t in zip(wanted, found, strict=False)
        )
        far = self.rounding if isinstance(call, Whole) else 1e-2
        if not alike or (call.draws is None and not isinstance(call, Whole)):
            return alike
        return all(apart(v.read(), t.array) < far for v, t in zip(wanted, found, strict=False))

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
            self._used_before(t, last)
            t._record = last

    def _used_before(self, t: Tensor, last: Record) -> None:
        """What had used it before it was written over had used other numbers."""
        users = [r for r in self.tape.records if r is not last and any(x is t for x in r.inputs)]
        if not users:
            return
        was = Tensor._wrap(self.tape.value(t))
        was._record = t._record
        self.tape.remember(was)
        for r in users:
            r.inputs = tuple(was if x is t else x for x in r.inputs)
        self.tensors |= {v: was for v, known in self.tensors.items() if known is t}

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


def _is_part(whole: Whole, call: Call) -> bool:
    return whole in call.within


_TROUBLE = (TypeError, ValueError, RuntimeError, LookupError, AttributeError)


@contextmanager
def _keeping_as(parts: list[Call]) -> Iterator[None]:
    """Each dropout keeps what a dropout among these calls has kept, one after the other.
    LookupError for one too many."""
    kept = _kept(parts)

    def keep(shape: tuple[int, ...], p: float) -> np.ndarray:
        own = next(kept, None)
        if own is None:
            raise LookupError
        if own.ndim == len(shape) - 1:  # of a sequence the same at all times
            own = own[:, None]
        return np.broadcast_to(own, shape)

    with keeping(keep):
        yield


def _kept(parts: list[Call]) -> Iterator[np.ndarray]:
    """What each dropout among these calls has kept: where it chose by random numbers."""
    drawn: set[Value] = set()
    for call in parts:
        name = call.name.rpartition(".")[2]
        if name == "dropout":
            yield call.results.read() != 0
        elif name in ("where", "SelectV2") and call.args[0] in drawn:
            yield call.args[0].read()
        elif any(v.origin == "drawn" or v in drawn for v in values_in((call.args, call.kwargs))):
            drawn.update(values_in(call.results))


@contextmanager
def _float64() -> Iterator[None]:
    before = get_default_dtype()
    set_default_dtype(np.dtype("float64"))
    try:
        yield
    finally:
        set_default_dtype(before)


def _parameters(step: Step) -> int:
    """How many numbers the parameters of the step are."""
    given = {v for call in step.calls for v in values_in((call.args, call.kwargs))}
    return sum(math.prod(v.shape) for v in given if v.origin == "parameter")


def _tensors_in(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, (tuple, list)):
        for v in x:
            yield from _tensors_in(v)
