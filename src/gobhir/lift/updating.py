"""The optimizer's step of a watched program, taken once more by the engine's optimizer of the same
name, on the engine's gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar
from weakref import ref

import numpy as np

from gobhir import nn, optim
from gobhir.engine import Tape, Tensor
from gobhir.engine.tape import Update, in_a_row
from gobhir.lift.sparing import Postponed, SparingTape, StepTape, pieces
from gobhir.lift.steps import Step
from gobhir.lift.trace import Changed, Schedule, Stepped, Value

ALIKE = 1e-5
"""Of the largest number: so far apart are two ways of rounding to float32, at most."""
NOTHING = 1e-5
"""Of the largest gradient of all: what is smaller, and has no right digit, is rounding."""


@dataclass(frozen=True)
class Unruled:
    """An optimizer of the framework's, of which there is no more to say here than its name."""

    name: str
    names: ClassVar[dict[str, str]] = {}
    shared: ClassVar[tuple[str, ...]] = ()


@dataclass(eq=False)
class Used:
    """The gradients that the optimizer took. scale: how many times what backward had left (1.0:
    just that; clipping by the norm makes it less); limit: at which they were cut off, or None;
    cut: parameters whose gradients became something else in between."""

    step: Step
    tensors: dict[Value, Tensor]
    tape: StepTape
    taken: dict[Value, Value]
    scale: float = 1.0
    limit: float | None = None
    cut: tuple[Value, ...] = ()
    noise: tuple[str, ...] = ()
    """Parameters whose gradient is 0 but for the framework's rounding (a bias in front of a batch
    norm): the optimizer takes it for a direction all the same, and Adam for one like any other."""

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.cut)

    @property
    def grads(self) -> dict[Value, np.ndarray]:
        """All of them."""
        return {p: self.gradient(p) for p in self.taken}

    def gradient(self, p: Value) -> np.ndarray:
        """What was taken for this parameter, as far as it can be said from the engine's."""
        found = np.empty(p.shape)
        for here in pieces(found.size):
            found.reshape(-1)[here] = self.part(p, here)
        return found

    def part(self, p: Value, here: slice) -> np.ndarray:
        """The same of some of its numbers, in a row."""
        found, ours = self.taken[p].part(here), self._ours(p, here)
        if ours is not None:
            np.copyto(found, ours, where=~_off(found, ours))
        return found

    def is_noise(self, p: Value) -> bool:
        """Whether rounding is all that there is."""
        size = far = 0.0
        for here in pieces(math.prod(p.shape)):
            found, ours = self.taken[p].part(here), self._ours(p, here)
            if ours is None:
                return False
            size, far = max(size, largest(found)), max(far, largest(found - ours))
        return far > 0.1 * size

    def _ours(self, p: Value, here: slice) -> np.ndarray | None:
        """In terms of what the engine's backward found; None where that does not lead there."""
        whole = self.tape.gradient(self.tensors[p]) if p in self.tensors else None
        if whole is None or p in self.cut or _left_by(self.step, p) is None:
            return None
        g = in_a_row(whole, here)
        g = g + self.step.left[p].part(here) if p in self.step.left else g
        g = g if self.scale == 1.0 else self.scale * g
        return g if self.limit is None else np.clip(g, -self.limit, self.limit)


def used_gradients(step: Step, tensors: dict[Value, Tensor], tape: StepTape) -> Used:
    """What the optimizer took, in terms of what the engine's backward found."""
    assert step.stepped is not None
    taken = {c.parameter: c.grad for c in step.stepped.changes}
    found = {p: _left_by(step, p) for p in taken if p in tensors and tape.reached(tensors[p])}
    left = {p: v for p, v in found.items() if v is not None}
    used = Used(step, tensors, tape, taken)
    sizes = {p: largest(taken[p].lying()) for p in left}
    biggest = max(sizes.values(), default=0.0)
    if not all(_same(taken[p], left[p]) for p in left):
        used.scale = _scale(taken, left)
        cut = tuple(p for p in left if not _close(taken[p], left[p], lambda g: used.scale * g))
        if cut and all(
            _close(taken[p], v, lambda g: np.clip(g, -biggest, biggest)) for p, v in left.items()
        ):
            used.scale, used.limit, cut = 1.0, biggest, ()
        used.cut = cut
    small = (p for p in left if sizes[p] < NOTHING * biggest)
    used.noise = tuple(p.name for p in small if used.is_noise(p))
    return used


def _left_by(step: Step, p: Value) -> Value | None:
    """What backward had left in the parameter's gradient."""
    return next((b.found[p][1] for b in reversed(step.backwards) if p in b.found), None)


def _same(a: Value, b: Value) -> bool:
    return a.read == b.read or np.array_equal(a.lying(), b.lying())


def _scale(taken: dict[Value, Value], left: dict[Value, Value]) -> float:
    """How many times what was left the taken gradients are, all together."""
    products = squares = 0.0
    for p, v in left.items():
        for here in pieces(math.prod(v.shape)):
            g = v.part(here)
            products, squares = products + float(taken[p].part(here) @ g), squares + float(g @ g)
    scale = products / squares if squares else 1.0
    alike = (_close(taken[p], v, lambda g: scale * g) for p, v in left.items())
    return scale if all(alike) else 1.0


def largest(a: np.ndarray) -> float:
    """The size of the number that is farthest from 0."""
    return max(-float(a.min(initial=0.0)), float(a.max(initial=0.0)))


def _close(a: Value, b: Value, made: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether a is what was made of b."""
    far, size = 0.0, 1e-30
    for here in pieces(math.prod(a.shape)):
        own = a.part(here)
        far, size = max(far, largest(own - made(b.part(here)))), max(size, largest(own))
    return far <= ALIKE * size


def _off(found: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """Where rounding has led another way."""
    return np.abs(found - ours) > 1e-3 * np.abs(found)


def update(step: Step, tensors: dict[Value, Tensor], used: Used) -> Any:
    """Take the step: the tape that records gets its updates. The engine's optimizer, or None where
    it has none of that name; then before and after are the framework's."""
    stepped = step.stepped
    assert stepped is not None
    kind = stepped.rule or (
        getattr(optim, stepped.kind, None) if stepped.kind else _by_hand(stepped)
    )
    kind = None if kind is optim.LBFGS else kind  # it goes where several evaluations lead it
    changes = [c for c in stepped.changes if c.parameter in tensors]
    ruled = [c for c in changes if kind is not None and c.group >= 0]
    tape = used.tape
    for change in changes:
        t, by_rule = tensors[change.parameter], change in ruled
        work = partial(_shown, stepped, change, t, used)
        if by_rule:
            work = partial(_alone, kind, stepped, change, t, used)
        if isinstance(tape, SparingTape):
            by_piece = not by_rule or bool(kind and kind.elementwise)
            tape.record(Postponed(t, change.after, tape, work, by_piece))
        elif not by_rule:
            tape.keep(t.array)
            tape.record(shown := work(None))
            t.array[...] = shown.after["w"]
    if not ruled or isinstance(tape, SparingTape):
        return None
    return _stepped(kind, stepped, ruled, tensors, used.gradient)


def _stepped(
    kind: Any,
    stepped: Stepped,
    changes: list[Changed],
    tensors: dict[Value, Tensor],
    gradient: Callable[[Value], np.ndarray],
) -> Any:
    """The optimizer, which has changed these parameters."""
    groups = []
    for number, settings in enumerate(stepped.groups):
        own = [tensors[c.parameter] for c in changes if c.group == number]
        if own:
            groups.append({"params": own, **settings})
    if stepped.rule is not None:
        known = kind(groups)
    else:
        known = kind([{"params": g["params"]} for g in groups], **_required(kind, groups))
        for group, settings in zip(known.param_groups, groups, strict=True):
            known_here = (k for k in settings if k in group or k in _BY_SCHEDULERS)
            group.update({k: settings[k] for k in known_here if k != "foreach"})
    for change in changes:
        t = tensors[change.parameter]
        t.grad = Tensor._wrap(gradient(change.parameter))
        own_state = {k: _as_state(v) for k, v in change.state.items()}
        if own_state:
            known.state[t] = own_state
    known.step()
    if stepped.schedule is not None:
        there = sorted({c.group for c in changes})
        # The optimizer itself remembers its schedulers only as long as somebody keeps them.
        known.schedule = _scheduler(stepped.schedule, known, there, len(stepped.groups))
    return known


def _alone(
    kind: Any, stepped: Stepped, change: Changed, leaf: Tensor, used: Used, part: slice | None
) -> Update:
    """What the step does to this parameter, or to some of its numbers in a row, as if there were
    no others."""
    whole, own = change.parameter, change
    if part is None:
        w, grad = leaf.array, used.gradient(whole)
    else:
        w, grad = whole.part(part), used.part(whole, part)
        state = {k: _part_of(v, whole.shape, part) for k, v in change.state.items()}
        own = replace(change, state=state)
    copy = nn.Parameter(Tensor._wrap(w.copy()))
    with Tape(private=True) as tape:
        tape.note(copy, w, grad)
        known = _stepped(kind, stepped, [own], {whole: copy}, lambda _: grad)
    (made,) = tape.updates
    copy.grad, copy.array = None, made.after["w"]  # once is enough
    known._scratch.clear()
    known.param_groups[0]["params"] = [leaf]  # it is the leaf's optimizer, as the page says
    return made


def _part_of(kept: Any, shape: tuple[int, ...], part: slice) -> Any:
    """Of what an optimizer remembers of each number, the same numbers."""
    of_each = tuple(getattr(kept, "shape", ())) == shape and shape
    return kept.reshape(-1)[part] if of_each else kept


_BY_SCHEDULERS = {"initial_lr", "max_lr", "min_lr"}
"""Settings that schedulers leave with a group."""


def _scheduler(made: Schedule, optimizer: Any, there: list[int], count: int) -> Any:
    """The engine's scheduler of that name, as it stands. there: the groups, of `count`, that the
    engine's optimizer has. Of a scheduler that the engine does not have only the name."""
    kind = getattr(optim.lr_scheduler, made.kind, None)
    if kind is None:
        kind = type(made.kind, (optim.lr_scheduler.LRScheduler,), {"formula": made.formula or "lr"})
    scheduler = object.__new__(kind)
    for key, value in made.state.items():
        by_group = isinstance(value, list) and len(value) == count and key in _EACH_GROUP
        vars(scheduler)[key] = [value[g] for g in there] if by_group else value
    inside = [_scheduler(s, optimizer, there, count) for s in made.inside]
    if inside:
        scheduler._schedulers = inside
    scheduler.optimizer = optimizer
    optimizer.schedulers.append(ref(scheduler))
    return scheduler


_EACH_GROUP = {"base_lrs", "_last_lr", "lr_lambdas", "max_lrs", "min_lrs"}
"""What a scheduler has one of for each group."""


def _required(kind: Any, groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {"lr": groups[0]["lr"]} if "lr" in groups[0] else {}


def _as_state(v: Any) -> Any:
    if hasattr(v, "detach"):
        from gobhir.lift.torch_values import numbers

        return Tensor._wrap(numbers(v))
    return v.astype(np.float64) if isinstance(v, np.ndarray) else v


def _by_hand(stepped: Stepped) -> Any:
    """The user's own lines took the step: plain gradient descent, if that is what they do."""

    def moves() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for c in stepped.changes:
            w = c.before.read()
            yield w, w - c.after.read(), c.grad.read()

    products, squares = 0.0, 0.0
    for _, m, g in moves():
        products, squares = products + float((m * g).sum()), squares + float((g**2).sum())
    rate = products / (squares or 1.0)
    for w, m, g in moves():
        scale = max(np.abs(w).max(initial=0.0), np.abs(m).max(initial=0.0))
        if rate <= 0 or np.abs(m - rate * g).max(initial=0.0) > 1e-6 * scale:
            return None
    stepped.groups = [{"lr": float(f"{rate:.5g}")}]
    return optim.SGD


def _shown(
    stepped: Stepped, change: Changed, leaf: Tensor, used: Used, part: slice | None
) -> Update:
    """An update without a rule: what was there before, and after."""
    name = stepped.kind.removeprefix("keras.").removeprefix("own.")
    rule = Unruled(name) if name else None
    if part is None:
        grad, before, after = (
            used.gradient(change.parameter),
            change.before.read(),
            change.after.read(),
        )
    else:
        grad = used.part(change.parameter, part)
        before, after = change.before.part(part), change.after.part(part)
    return Update(rule, leaf, grad, {}, {"w": before}, {"w": after})
