"""The training steps that run in Gobhir while somebody looks on: one recording each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gobhir.engine import Record, Tape, Tensor
from gobhir.engine.tape import Gradient, Update
from gobhir.explain.quantity import ancestors
from gobhir.explain.recording import Recording, check_finite, finish
from gobhir.lang import say


class OwnSteps(Tape):
    """A tape that begins anew when something is computed after an optimizer's step."""

    def __init__(self, on_step: Callable[[], None]) -> None:
        super().__init__()
        self.on_step = on_step
        self.past: list[Tape] = []

    def record(self, entry: Record | Gradient | Update) -> None:
        if isinstance(entry, Record) and self.entries and isinstance(self.entries[-1], Update):
            self.past.append(Tape(self.entries, self.written, self._seen))
            self.entries, self.written, self._seen = [], [], {}
            self.on_step()
        super().record(entry)

    def forget(self) -> None:
        """Keep of what was seen only the last step."""
        del self.past[:-1]

    def recordings(self) -> list[Recording]:
        """Every step in which something was differentiated."""
        tapes = [*self.past, Tape(self.entries, self.written, self._seen)]
        return [_recording(tape, tapes[:k]) for k, tape in enumerate(tapes) if tape.gradients]


def _recording(tape: Tape, before: list[Tape]) -> Recording:
    loss = tape.gradients[0].of
    own = set(tape.records)
    known = {r: t for t in before for r in t.records}
    early: list[Record] = [r for r in ancestors(loss) if r not in own and r in known]
    tape.entries = [*sorted(early, key=lambda r: r.order), *tape.entries]
    models = [m for r in tape.records if r.scope for m in r.scope[:1]]
    model = next((m for m in models if next(iter(m.parameters()), None) is not None), None)
    paths = {} if model is None else {id(m): name for name, m in model.named_modules()}
    names = {} if model is None else {p: name for name, p in model.named_parameters()}
    leaves = {x for g in tape.gradients for x in _learning(g)}
    parameters = {p: name for p, name in names.items() if p in leaves}
    others = [x for g in tape.gradients for x in _learning(g) if x not in parameters]
    for other in dict.fromkeys(others):
        parameters[other] = f"p{len(parameters) + 1}"
    if not parameters:
        raise ValueError(say("errors.explain.no_parameters"))
    check_finite(tape, loss, paths)
    inside = [r for r in tape.records if r.scope and r.scope[0] is model and r.order < loss.order]
    output = inside[-1] if inside else loss
    x = next((t for r in inside for t in _given(r, parameters)), None)
    outside = [r for r in tape.records if output.order < r.order <= loss.order]
    y = next((t for r in outside for t in _given(r, parameters) if t is not x), None)
    optimizer = tape.updates[0].optimizer if tape.updates else None
    run = Recording(tape, model, x, y, output, loss, output.order, optimizer, parameters, paths)
    return finish(run)


def _learning(gradient: Gradient) -> list[Tensor]:
    inputs = gradient.of.inputs
    return [x for x in inputs if isinstance(x, Tensor) and x._record is None and x.requires_grad]


def _given(record: Record, parameters: dict[Tensor, str]) -> list[Tensor]:
    found = [x for x in record.inputs if isinstance(x, Tensor) and x._record is None]
    return [x for x in found if x not in parameters and np.ndim(x.array)]
