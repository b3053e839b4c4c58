"""The optimizer's step of a watched program, taken once more by the engine's optimizer of the same
name, on the engine's gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir import optim
from gobhir.engine import Tensor
from gobhir.engine.tape import Update, state
from gobhir.lift.steps import Step
from gobhir.lift.trace import Changed, Stepped, Value

ALIKE = 1e-5
"""Of the largest number: so far apart are two ways of rounding to float32, at most."""
NOTHING = 1e-5
"""Of the largest gradient of all: what is smaller, and has no right digit, is rounding."""


@dataclass(eq=False)
class Used:
    """The gradients that the optimizer took. scale: how many times what backward had left (1.0:
    just that; clipping by the norm makes it less); limit: at which they were cut off, or None;
    changed: parameters whose gradients became something else in between."""

    grads: dict[Value, np.ndarray]
    scale: float = 1.0
    limit: float | None = None
    changed: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    """Parameters whose gradient is 0 but for the framework's rounding (a bias in front of a batch
    norm): the optimizer takes it for a direction all the same, and Adam for one like any other."""


def used_gradients(step: Step, tensors: dict[Value, Tensor]) -> Used:
    """What the optimizer took, in terms of what the engine's backward found."""
    assert step.stepped is not None
    taken = {c.parameter: c.grad.read() for c in step.stepped.changes}
    left: dict[Value, np.ndarray] = {}
    ours: dict[Value, np.ndarray] = {}
    for p in taken:
        last = next((b.found[p][1] for b in reversed(step.backwards) if p in b.found), None)
        own = tensors[p].grad if p in tensors else None
        if last is not None and own is not None:
            left[p] = last.read()
            ours[p] = own.array + (step.left[p].read() if p in step.left else 0.0)
    used = Used({}, _scale(taken, left))
    biggest = max((float(np.abs(taken[p]).max(initial=0.0)) for p in left), default=0.0)
    cut = [p for p in left if not _close(taken[p], used.scale * left[p])]
    if cut and all(_close(taken[p], np.clip(g, -biggest, biggest)) for p, g in left.items()):
        used.scale, used.limit, cut = 1.0, biggest, []
    used.changed = tuple(p.name for p in cut)
    for p, found in taken.items():
        if p not in ours or p in cut:
            used.grads[p] = found
            continue
        g = used.scale * ours[p]
        g = g if used.limit is None else np.clip(g, -used.limit, used.limit)
        off = np.abs(found - g) > 1e-3 * np.abs(found)
        used.grads[p] = np.where(off, found, g)
        if off.any() and np.abs(found).max() < NOTHING * biggest:
            used.noise += (p.name,)
    return used


def _scale(taken: dict[Value, np.ndarray], left: dict[Value, np.ndarray]) -> float:
    """How many times what was left the taken gradients are, all together."""
    if all(np.array_equal(taken[p], g) for p, g in left.items()):
        return 1.0
    products = sum(float((taken[p] * g).sum()) for p, g in left.items())
    squares = sum(float((g**2).sum()) for g in left.values())
    scale = products / squares if squares else 1.0
    return scale if all(_close(taken[p], scale * g) for p, g in left.items()) else 1.0


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max(initial=0.0) <= ALIKE * np.abs(a).max(initial=1e-30))


def update(step: Step, tensors: dict[Value, Tensor], used: Used) -> Any:
    """Take the step: the tape that records gets its updates. The engine's optimizer, or None where
    it has none of that name; then before and after are the framework's."""
    stepped = step.stepped
    assert stepped is not None
    kind = stepped.rule or (
        getattr(optim, stepped.kind, None) if stepped.kind else _by_hand(stepped)
    )
    changes = [c for c in stepped.changes if c.parameter in tensors]
    if kind is None or kind is optim.LBFGS:  # that one goes where several evaluations lead it
        for change in changes:
            _shown(change, tensors, used)
        return None
    for change in changes:
        if change.group < 0:
            _shown(change, tensors, used)
    changes = [c for c in changes if c.group >= 0]
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
            group.update({k: v for k, v in settings.items() if k in group and k != "foreach"})
    for change in changes:
        t = tensors[change.parameter]
        t.grad = Tensor._wrap(used.grads[change.parameter])
        own_state = {k: _as_state(v) for k, v in change.state.items()}
        if own_state:
            known.state[t] = own_state
    known.step()
    return known


def _required(kind: Any, groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {"lr": groups[0]["lr"]} if "lr" in groups[0] else {}


def _as_state(v: Any) -> Any:
    if hasattr(v, "detach"):
        from gobhir.lift.torch_values import numbers

        return Tensor._wrap(numbers(v))
    return v.astype(np.float64) if isinstance(v, np.ndarray) else v


def _by_hand(stepped: Stepped) -> Any:
    """The user's own lines took the step: plain gradient descent, if that is what they do."""
    grads = [c.grad.read() for c in stepped.changes]
    moved = [c.before.read() - c.after.read() for c in stepped.changes]
    squares = sum(float((g**2).sum()) for g in grads)
    rate = sum(float((m * g).sum()) for m, g in zip(moved, grads, strict=True)) / (squares or 1.0)
    for c, m, g in zip(stepped.changes, moved, grads, strict=True):
        scale = max(np.abs(c.before.read()).max(initial=0.0), np.abs(m).max(initial=0.0))
        if rate <= 0 or np.abs(m - rate * g).max(initial=0.0) > 1e-6 * scale:
            return None
    stepped.groups = [{"lr": float(f"{rate:.5g}")}]
    return optim.SGD


def _shown(change: Changed, tensors: dict[Value, Tensor], used: Used) -> None:
    """An update without a rule: what was there before, and after."""
    t = tensors[change.parameter]
    after = change.after.read()
    assert state.tape is not None
    state.tape.keep(t.array)
    before, grad = {"w": change.before.read()}, used.grads[change.parameter]
    state.tape.record(Update(None, t, grad, {}, before, {"w": after}))
    t.array[...] = after
