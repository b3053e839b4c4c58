"""The training steps that run in Gobhir while somebody looks on: one recording each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from gobhir.engine import Record, Tape, Tensor
from gobhir.engine.tape import Gradient, Update
from gobhir.explain.quantity import ancestors
from gobhir.explain.recording import Recording, Taken, check_finite, finish
from gobhir.lang import say
from gobhir.lift.recorder import KEEP, MOST, OBJECTS


class OwnSteps(Tape):
    """A tape that begins anew when something is computed after an optimizer's step. keep: how many
    steps are kept, at most; gone: those before."""

    def __init__(self, on_step: Callable[[], None], keep: int = KEEP) -> None:
        super().__init__()
        self.on_step, self.most = on_step, keep
        self.over = False
        """Whether enough has been seen."""
        self.past: list[Tape] = []
        self.gone: list[Taken] = []
        self._sizes: list[int] = []

    def record(self, entry: Record | Gradient | Update) -> None:
        if self.over:
            return
        if isinstance(entry, Record) and self.entries and isinstance(self.entries[-1], Update):
            self._turn_over()
            self.on_step()
        super().record(entry)

    def _turn_over(self) -> None:
        """A new tape; the earliest ones go, but a step may need what the one before computed."""
        self.past.append(Tape(self.entries, self.written, self._seen))
        self._sizes.append(_bytes(self.past[-1]))
        self.entries, self.written, self._seen, self._arrived = [], [], {}, {}
        while len(self.past) > self.most or (sum(self._sizes) > MOST and self.past[1:]):
            tape, _ = self.past.pop(0), self._sizes.pop(0)
            self.gone += [Taken(_loss(tape))] if tape.gradients else []

    @property
    def steps(self) -> list[Taken]:
        """Every step in which something was differentiated."""
        tapes = [*self.past, Tape(self.entries, self.written, self._seen)]
        kept = [(k, tape) for k, tape in enumerate(tapes) if tape.gradients]
        return self.gone + [
            Taken(_loss(tape), partial(_recording, tape, tapes[:k])) for k, tape in kept
        ]


def _loss(tape: Tape) -> float:
    return float(np.sum(tape.gradients[0].of.value))


def _bytes(tape: Tape) -> int:
    """What the tape holds, about."""
    made = (r.value for r in tape.records if isinstance(r.value, np.ndarray))
    pulled = (g for gradient in tape.gradients for g in gradient.grads if g is not None)
    arrays = [*made, *(np.asarray(g) for g in pulled), *(a for _, a in tape._seen.values())]
    return sum(a.nbytes + OBJECTS for a in arrays)


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
