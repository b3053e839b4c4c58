"""One training step, run on the user's own model and put back: what `explain` records.

The model, its gradients and the optimizer's state are afterwards what they were before.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir.derivation.step import Say
from gobhir.engine import Record, Tape, Tensor, Update
from gobhir.engine.creation import as_tensor
from gobhir.engine.dtypes import default_dtype
from gobhir.engine.tape import no_grad
from gobhir.lang import say

LOGITS_LOSSES = {"cross_entropy_loss", "bce_with_logits_loss", "weightedbce_with_logits_loss"}

LARGE = 100_000
"""A step of more numbers than this has a folded page, and is not gone through in float64."""


@dataclass(eq=False)
class Recording:
    """A step on a tape, and which parts of it are what.

    output, loss: their records; boundary: the tick at which the model was done; after: output and
    loss of the same batch once the optimizer has stepped (float64 replay), None without one.
    """

    tape: Tape
    model: Any
    x: Tensor | None
    y: Tensor | None
    output: Record
    loss: Record
    boundary: int
    optimizer: Any
    parameters: dict[Tensor, str]
    paths: dict[int, str]
    after: tuple[np.ndarray, np.ndarray] | None = None
    idle: dict[Tensor, str] = field(default_factory=dict)
    """Parameters that no gradient came to, by path: frozen, or cut off."""
    unused: dict[str, Callable[[], Tensor]] = field(default_factory=dict)
    """Parameters that nothing in this step took in, by path; made when they are asked for."""
    notes: tuple[Say, ...] = ()
    """What the page should say first, about how the step was recorded."""
    called: dict[Any, Any] = field(default_factory=dict)
    """What opened records and leaves are called (opening.Called); see opening.py."""
    inside: set[Record] = field(default_factory=set)
    """Records that came from opening one."""
    layers: list[Any] = field(default_factory=list)
    """The recurrent layers (opening.Layer)."""
    blocks: list[Any] = field(default_factory=list)
    """Where something attends (attending.Block)."""
    in_full: Callable[[], Recording] | None = None
    """The same on a tape that has everything, where this one spares what it can."""

    @property
    def numbers(self) -> int:
        """How many numbers the step has on the way forward, parameters counted."""
        made = sum(r.value.size for r in self.tape.records if not isinstance(r.value, tuple))
        return made + sum(math.prod(t.shape) for t in self.parameters)

    @property
    def loss_takes_logits(self) -> bool:
        return self.loss.op.name in LOGITS_LOSSES

    def layer(self, record: Record) -> str:
        """The path of the innermost module in which the op ran."""
        for module in reversed(record.scope):
            path = self.paths.get(id(module))
            if path:
                return path
        return ""

    def layer_of(self, x: Tensor) -> str:
        """The path of the module that owns this parameter."""
        return self.parameters.get(x, "").rpartition(".")[0]


@dataclass(frozen=True)
class Taken:
    """A step that was watched. recording: what puts it on a tape (ValueError for one that cannot be
    explained: nothing in it learns, a NaN was born in it); None where it is not kept any more."""

    loss: float
    recording: Callable[[], Recording] | None = None


def record_step(
    model: Any, x: Any, y: Any, loss: Callable[..., Any], optimizer: Any = None
) -> Recording:
    """Run forward, loss, backward and (with an optimizer) update once, recording all of it.

    x, y: what the model and the loss take: Tensors, or anything that `tensor` takes.
    ValueError or RuntimeError, saying what was wrong, when the step cannot be explained: a loss
    that is no single number, NaN, nothing that could learn.
    """
    dtype = next((p.dtype for p in model.parameters()), default_dtype())
    x, y = _as_input(x, dtype), None if y is None else _as_input(y, dtype)
    parameters = {p: name for name, p in model.named_parameters() if p.requires_grad}
    if not parameters:
        raise ValueError(say("errors.explain.no_parameters"))
    paths = {id(m): name for name, m in model.named_modules()}
    with Tape(private=True) as tape, _put_back(model, optimizer, tape):
        for p in parameters:
            p.grad = None
        output = model(x)
        if not isinstance(output, Tensor) or output._record is None:
            raise ValueError(say("errors.explain.output", type=type(output).__name__))
        boundary = output._record.order
        value = loss(output) if y is None else loss(output, y)
        _check(tape, value, paths)
        value.backward()
        run = Recording(
            tape, model, x, y, output._record, value._record, boundary, optimizer, parameters, paths
        )
        if optimizer is not None:
            _take_step(tape, optimizer, lambda: loss(model(x)) if y is None else loss(model(x), y))
        return finish(run)


def _take_step(tape: Tape, optimizer: Any, evaluate: Callable[[], Tensor]) -> None:
    """The optimizer's step. Of one that goes where several evaluations of the loss lead it (LBFGS),
    only where it went is recorded."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    if closure is None or closure.default is not inspect.Parameter.empty:
        optimizer.step()
        return

    def again() -> Tensor:
        optimizer.zero_grad()
        value = evaluate()
        value.backward()
        return value

    learning = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
    before = [(p, p.grad.array.copy(), p.array.copy()) for p in learning]
    for p in learning:
        tape.keep(p.array)
    with Tape():  # that nobody reads
        optimizer.step(again)
    for p, grad, w in before:
        tape.record(Update(optimizer, p, grad, {}, {"w": w}, {"w": p.array.copy()}))


def finish(run: Recording) -> Recording:
    """With what the same batch gives once the optimizer has stepped. ValueError for a step in which
    nothing is computed: its batch is empty."""
    if not np.size(run.output.value):
        raise ValueError(say("errors.watch.empty", shape=np.shape(run.output.value)))
    if run.tape.updates:
        run.after = _after(run)
    return run


def _as_input(value: Any, dtype: np.dtype) -> Tensor:
    """Numbers as the model wants them; Python floats take the model's dtype."""
    if isinstance(value, Tensor):
        return value
    made = as_tensor(np.asarray(value) if isinstance(value, (list, tuple, float)) else value)
    return made.to(dtype) if made.dtype.kind == "f" else made


def check_finite(tape: Tape, loss: Record, paths: dict[int, str]) -> None:
    """ValueError, saying where it was born, for a loss that is NaN or infinite. An infinity on the
    way, from which a finite loss is made (a masked score before a softmax), is none of that."""
    record = loss
    while not _finite(record.value):
        bad = [x for x in record.inputs if isinstance(x, Tensor) and not _finite(tape.value(x))]
        worst = next((x for x in bad if np.isnan(tape.value(x)).any()), bad[0] if bad else None)
        if worst is None:
            inside = (p for m in reversed(record.scope) if (p := paths.get(id(m))))
            where = next((f" ({path})" for path in inside), "")
            raise ValueError(say("errors.explain.nan_born", op=record.op.name, where=where))
        if worst._record is None:
            raise ValueError(say("errors.explain.nan_given", shape=worst.shape))
        record = worst._record


def _check(tape: Tape, value: Any, paths: dict[int, str]) -> None:
    if not isinstance(value, Tensor) or value._record is None:
        raise ValueError(say("errors.explain.loss_type", type=type(value).__name__))
    if value.numel() != 1:
        raise ValueError(say("errors.explain.loss_shape", shape=value.shape))
    check_finite(tape, value._record, paths)
    if not value.requires_grad:
        raise ValueError(say("errors.explain.detached"))


def _finite(array: Any) -> bool:
    if isinstance(array, tuple):  # the results of an op that has several
        return all(_finite(part) for part in array)
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _after(run: Recording) -> tuple[np.ndarray, np.ndarray]:
    from gobhir.engine.replay import replay

    moved = _Moved({u.parameter: u for u in run.tape.updates})
    dtype = run.loss.value.dtype if run.numbers > LARGE else np.float64
    output, loss = replay(run.tape, [run.output, run.loss], moved, dtype)
    return output, loss


class _Moved(Mapping[Tensor, np.ndarray]):
    """What the parameters became, each when it is asked for."""

    def __init__(self, updates: dict[Tensor, Any]):
        self.updates = updates

    def __getitem__(self, parameter: Tensor) -> np.ndarray:
        became: np.ndarray = self.updates[parameter].became()
        return became

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.updates)

    def __len__(self) -> int:
        return len(self.updates)


@contextmanager
def _put_back(model: Any, optimizer: Any, tape: Tape) -> Iterator[None]:
    from gobhir.engine import random

    owned = [(t, t.grad) for t in (*model.parameters(), *model.buffers())]
    for t, _ in owned:
        tape.remember(t)
    states = {} if optimizer is None else optimizer.state
    kept = dict(states)
    states.update((p, deepcopy(own)) for p, own in kept.items())  # the step works on copies
    generator = random.get_rng_state()
    try:
        yield
    finally:
        with no_grad():
            for t, grad in owned:
                t.array[...] = tape.first(t)
                t.grad = grad
        states.clear()
        states.update(kept)
        random.set_rng_state(generator)
