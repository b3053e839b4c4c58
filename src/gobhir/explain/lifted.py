"""A lifted step as explain reads it: what is the model's, what came in, what was compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gobhir.derivation.step import Count, Say
from gobhir.engine.tape import Record
from gobhir.explain.recording import Recording, check_finite, finish
from gobhir.lang import say
from gobhir.lift.lifting import Lifted, lift
from gobhir.lift.trace import Call, Trace, Value, values_in


def recordings(trace: Trace) -> list[Recording]:
    """Every training step of the trace. ValueError for one that cannot be explained: nothing in it
    learns, or a NaN was born in it."""
    return [_recording(lifted, trace) for lifted in lift(trace)]


def _recording(lifted: Lifted, trace: Trace) -> Recording:
    tape, calls = lifted.tape, lifted.step.calls
    inside = [c for c in calls if c.scope and c.scope[0]]
    inputs = [v for c in inside for v in _given(c)]
    outside = calls[calls.index(inside[-1]) + 1 :] if inside else calls
    targets = [v for c in outside for v in _given(c) if v not in inputs]
    loss = lifted.loss._record
    learning = [v for v, t in lifted.leaves.items() if t.requires_grad and t.grad is not None]
    if loss is None or not learning:
        raise ValueError(say("errors.explain.no_parameters"))
    output = _result(lifted, inside) or _made_of(loss)
    paths = {id(layer): layer.path for layer in lifted.layers.values()}
    check_finite(tape, loss, paths)
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
        notes=tuple(_notes(lifted, trace)),
    )
    return finish(run)


def _given(call: Call) -> list[Value]:
    found = values_in((call.args, call.kwargs))
    return [v for v in found if v.origin in ("given", "drawn") and v.shape]


def _result(lifted: Lifted, inside: list[Call]) -> Record | None:
    """What the model gave: the last result of its calls."""
    for call in reversed(inside):
        records = [r for r, c in lifted.calls.items() if c is call]
        if records:
            return records[-1]
    return None


def _made_of(loss: Record) -> Record:
    """Without a model: what the loss is made of."""
    made = [x._record for x in loss.inputs if getattr(x, "_record", None) is not None]
    return made[0] if made else loss


def _notes(lifted: Lifted, trace: Trace) -> Iterator[Say]:
    """What the page should say about how the step was recorded."""
    for key, values in trace.notes.items():
        yield Say(f"rules.watch.{key}", values)
        # keys: rules.watch.autocast, rules.watch.checkpoint, rules.watch.compiled
        # keys: rules.watch.function, rules.watch.shadow
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
    worst = max(step.calls, key=lifted.distance, default=None)
    if worst is not None:
        far = f"{lifted.distance(worst):.1g}"
        values = {"far": far, "name": worst.name, "line": worst.line}
        yield Say("rules.watch.distance", {**values, **by})


def _listed(names: Any) -> str:
    shown = list(names)[:4]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")
