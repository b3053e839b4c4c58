"""A lifted step as explain reads it: what is the model's, what came in, what was compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from gobhir.derivation.step import Count, Say
from gobhir.engine import Tensor
from gobhir.engine.tape import Record, in_a_row
from gobhir.explain.quantity import ancestors
from gobhir.explain.recording import Recording, Taken, check_finite, finish
from gobhir.lang import say
from gobhir.lift.lifting import Lifted, lift_step
from gobhir.lift.sparing import pieces
from gobhir.lift.steps import Step, steps_of
from gobhir.lift.trace import Call, Trace, Value, values_in
from gobhir.lift.updating import largest
from gobhir.nn import Parameter


def steps(trace: Trace) -> list[Taken]:
    """Every training step of the trace."""
    return [Taken(loss) for loss in trace.past] + [
        Taken(s.loss, partial(_recording, s, trace) if s.whole else None) for s in steps_of(trace)
    ]


def only_step(trace: Trace) -> Recording:
    """The step of a trace that has one, as a single step always is kept."""
    (step,) = steps_of(trace)
    return _recording(step, trace)


def _recording(step: Step, trace: Trace, sparing: bool = True) -> Recording:
    lifted = lift_step(step, trace, sparing)
    tape, calls = lifted.tape, lifted.carried
    inside = [c for c in calls if c.scope and c.scope[0]]
    inputs = [v for c in inside for v in _given(c)]
    outside = calls[calls.index(inside[-1]) + 1 :] if inside else calls
    targets = [v for c in outside for v in _given(c) if v not in inputs]
    loss = lifted.loss._record
    learning = lifted.learning
    if loss is None or not learning:
        raise ValueError(say("errors.explain.no_parameters"))
    output = _result(lifted, inside, loss) or _made_of(loss)
    paths = {id(layer): layer.path for layer in lifted.layers.values()}
    check_finite(tape, loss, paths)
    far = {call: lifted.distance(call) for call in calls}
    _check_framework(lifted, trace, far)
    run = Recording(
        tape,
        None,
        lifted.tensors[inputs[0]] if inputs else None,
        lifted.tensors[targets[0]] if targets else None,
        output,
        loss,
        output.order,
        lifted.optimizer,
        {lifted.tensors[v]: v.name or f"p{k + 1}" for k, v in enumerate(learning)},
        paths,
        idle={
            t: v.name
            for v, t in lifted.leaves.items()
            if v.origin == "parameter" and v.name and v not in learning
        },
        unused=_unused(lifted, trace),
        notes=tuple(_notes(lifted, trace, far)),
        in_full=partial(_recording, step, trace, False) if tape.sparing else None,
    )
    return finish(run)


def _unused(lifted: Lifted, trace: Trace) -> dict[str, Callable[[], Tensor]]:
    """The parameters of the models that ran which nothing in this step took in."""
    used = {v.name for v in lifted.leaves}

    def made(value: Value) -> Tensor:
        t = Parameter(Tensor._wrap(value.read()))
        t.requires_grad = value.learns
        return t

    return {p: partial(made, v) for p, v in trace.parameters.items() if p not in used}


def _given(call: Call) -> list[Value]:
    found = values_in((call.args, call.kwargs))
    return [v for v in found if v.origin in ("given", "drawn") and v.shape]


def _result(lifted: Lifted, inside: list[Call], loss: Record) -> Record | None:
    """What the model gave: of its last call the first result that the loss was made of."""
    needed = ancestors(loss)
    for call in reversed(inside):
        made = (lifted.results.get(v) for v in values_in(call.results))
        found = next((r for r in made if r in needed), None)
        if found is not None:
            return found
    return None


def _made_of(loss: Record) -> Record:
    """Without a model: what the loss is made of."""
    made = [x._record for x in loss.inputs if getattr(x, "_record", None) is not None]
    return made[0] if made else loss


def _check_framework(lifted: Lifted, trace: Trace, far: dict[Call, float]) -> None:
    """ValueError where the loss or a gradient of the framework's is no number; in double precision
    the loss is one."""
    step = lifted.step
    if not all(np.isfinite(root.read()).all() for b in step.backwards for root in b.roots):
        first = next((call for call in step.calls if far[call] == np.inf), step.calls[-1])
        told = {"framework": trace.framework, "name": first.name, "line": first.line}
        raise ValueError(say("errors.watch.overflow", **told))
    sick = (v for v, g in _gradients(step) if not np.isfinite(g.lying()).all())
    left = [v.name or str(v.shape) for v in sick]
    if not left:
        return
    well = (g for g in lifted.tape.gradients if np.isfinite(g.cotangent).all())
    born = next((g for g in well if not all(map(_sound, g.grads))), None)
    layers = [] if born is None else [m.path for m in born.of.scope if getattr(m, "path", "")]
    where = f" ({layers[-1]})" if layers else ""
    op = "backward()" if born is None else born.of.op.name
    raise ValueError(say("errors.watch.gradient", names=_listed(left), op=op, where=where))


def _sound(gradient: Any) -> bool:
    return gradient is None or bool(np.isfinite(gradient).all())


def _gradients(step: Step) -> Iterator[tuple[Value, Value]]:
    """What the framework's backward left at each leaf."""
    last = {leaf: g for b in step.backwards for leaf, (_, g) in b.found.items()}
    yield from last.items()


def _hooked(lifted: Lifted, trace: Trace) -> list[str]:
    """Leaves whose gradients are others than the formulas give: more than rounding explains, and
    not because a part of the step was not seen."""
    if any(v.origin == "unseen" for v in lifted.leaves):
        return []
    most = 0.3 if "autocast" in trace.notes else 0.05
    found = []
    for leaf, left in _gradients(lifted.step):
        ours = lifted.gradient(leaf)
        before = lifted.step.left.get(leaf)
        off = size = 0.0
        if ours is None:
            continue
        for here in pieces(ours.size):
            theirs, own = left.part(here), in_a_row(ours, here)
            off = max(off, largest(theirs - (own if before is None else own + before.part(here))))
            size = max(size, largest(theirs))
        found.append((leaf, off, size))
    biggest = max((size for _, _, size in found), default=0.0)
    return [leaf.name or str(leaf.shape) for leaf, off, _ in found if off > most * biggest]


def _notes(lifted: Lifted, trace: Trace, far: dict[Call, float]) -> Iterator[Say]:
    """What the page should say about how the step was recorded."""
    for key, values in trace.notes.items():
        yield Say(f"rules.watch.{key}", {**values, "framework": trace.framework})
        # keys: rules.watch.autocast, rules.watch.checkpoint, rules.watch.compiled
        # keys: rules.watch.function, rules.watch.shadow, rules.watch.transformed
    for value in lifted.leaves:
        if value.origin == "unseen":
            yield Say("rules.watch.unseen", {"shape": str(value.shape)})
    step, used, by = lifted.step, lifted.used, {"framework": trace.framework}
    if len(step.backwards) > 1:
        yield Say("rules.watch.losses", {"count": Count(len(step.backwards))})
    if step.left:
        yield Say("rules.watch.left", {"names": _listed([v.name for v in step.left])})
    if used is not None and used.scale != 1.0:
        yield Say("rules.watch.scaled", {"scale": f"{used.scale:.4g}"})
    if used is not None and used.limit is not None:
        yield Say("rules.watch.cut", {"limit": f"{used.limit:.4g}"})
    if used is not None and used.changed:
        yield Say("rules.watch.changed", {"names": _listed(used.changed)})
    if used is not None and used.noise:
        yield Say("rules.watch.noise", {"names": _listed(used.noise), **by})
    if lifted.opaque:
        names = sorted({call.name for call in lifted.opaque})
        yield Say("rules.watch.opaque", {"names": _listed(names), **by})
    hooked = _hooked(lifted, trace)
    if hooked:
        yield Say("rules.watch.hooked", {"names": _listed(hooked)})
    worst = max(far, key=far.__getitem__, default=None)
    if worst is not None:
        values = {"far": f"{far[worst]:.1g}", "name": worst.name, "line": worst.line}
        yield Say("rules.watch.distance", {**values, **by})


def _listed(names: Any) -> str:
    shown = list(names)[:4]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")
