"""`gobhir.watch`: somebody's own training step, run by somebody's own framework, worked out.

with gobhir.watch() as w:
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()
w.show()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from gobhir.derivation.step import Derivation
from gobhir.engine.tape import Record
from gobhir.explain.explanation import Explanation, explained
from gobhir.explain.recording import Recording, check_finite, finish
from gobhir.lang import say

if TYPE_CHECKING:
    from gobhir.lift.lifting import Lifted


class Watch:
    """What happened inside the `with` block. models: whose parts' names are wanted even where
    only parts of them run."""

    def __init__(self, *models: Any) -> None:
        from gobhir.lift.torch_watch import TorchWatch

        self._watch = TorchWatch(*models)
        self._steps: list[Lifted] | None = None
        self._pages: dict[Any, Explanation] = {}

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._watch.__exit__(*exc)

    @property
    def trace(self) -> Any:
        """Every call, backward and optimizer's step, in order: gobhir.lift.trace.Trace."""
        return self._watch.trace

    @property
    def steps(self) -> list[Lifted]:
        """The training steps on the engine's tape. RuntimeError where there was none."""
        if self._steps is None:
            from gobhir.lift.lifting import lift

            self._steps = list(lift(self.trace))
        if not self._steps:
            raise RuntimeError(say("errors.watch.nothing", calls=len(self.trace.calls)))
        return self._steps

    def explain(
        self, step: int = 1, *, mode: str | None = None, reference: str | None = None
    ) -> Explanation:
        """The page of one of the steps, counted from 1; mode and reference as in
        `gobhir.explain`. IndexError where there are not so many."""
        count = len(self.steps)
        if not 1 <= step <= count:
            raise IndexError(say("errors.watch.step", step=step, count=count))
        key = step, mode, reference
        if key not in self._pages:
            self._pages[key] = explained(recording_of(self.steps[step - 1]), mode, reference)
        return self._pages[key]

    def why(self, name: str, step: int = 1) -> Derivation:
        """As `Explanation.why`."""
        return self.explain(step).why(name)

    def show(self, lang: str | None = None, step: int = 1) -> None:
        """Print the page of one of the steps."""
        self.explain(step).show(lang)

    def save(self, path: Any, lang: str | None = None, step: int = 1) -> None:
        """Write the page of one of the steps to a file; the suffix says how."""
        self.explain(step).save(path, lang)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.explain()._repr_mimebundle_(include, exclude)


watch = Watch


def recording_of(lifted: Lifted) -> Recording:
    """A lifted step as explain reads it. ValueError where a NaN was born in it."""
    tape, calls = lifted.tape, lifted.step.calls
    inside = [c for c in calls if c.scope and c.scope[0]]
    inputs = [v for c in inside for v in _given(c)]
    outside = calls[calls.index(inside[-1]) + 1 :] if inside else calls
    targets = [v for c in outside for v in _given(c) if v not in inputs]
    loss = lifted.loss._record
    assert loss is not None
    output = _last_record(lifted, inside) or _before(loss)
    paths = {id(layer): layer.path for layer in lifted.layers.values()}
    parameters = {
        lifted.tensors[v]: v.name or f"p{k + 1}"
        for k, v in enumerate(
            v for v in lifted.leaves if v.learns and lifted.tensors[v].requires_grad
        )
    }
    if not parameters:
        raise ValueError(say("errors.explain.no_parameters"))
    check_finite(tape, paths)
    run = Recording(
        tape,
        None,
        lifted.tensors[inputs[0]] if inputs else None,
        lifted.tensors[targets[0]] if targets else None,
        output,
        loss,
        output.order,
        lifted.optimizer,
        parameters,
        paths,
    )
    return finish(run)


def _given(call: Any) -> list[Any]:
    from gobhir.lift.trace import values_in

    found = values_in((call.args, call.kwargs))
    return [v for v in found if v.origin in ("given", "drawn") and v.shape]


def _last_record(lifted: Lifted, inside: list[Any]) -> Record | None:
    """What the model gave: the last result of its calls that the loss is made from."""
    for call in reversed(inside):
        records = [r for r, c in lifted.calls.items() if c is call]
        if records:
            return records[-1]
    return None


def _before(loss: Record) -> Record:
    """Without a model, what the loss is made from."""
    made = [x._record for x in loss.inputs if getattr(x, "_record", None) is not None]
    return made[0] if made else loss
