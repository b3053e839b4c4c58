"""The step that fit takes with each batch: as it is written, recorded and replayed, or adding up
the gradients of several batches before the weights move."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

from gobhir.lang import say
from gobhir.training.backends.base import Step, needs_closure
from gobhir.training.run import Run


def make_step(
    run: Run,
    clip: Callable[[], Any] | None,
    compile: bool | str | dict[str, Any],
    accumulate: int,
    shows: bool,
) -> Step:
    """One training step. compile, accumulate: as in fit; shows: as in Backend.step."""
    if compile not in (True, False, "auto") and not isinstance(compile, dict):
        raise ValueError(say("errors.training.compile", wish=compile))
    if not isinstance(accumulate, Integral) or accumulate < 1:
        raise ValueError(say("errors.training.accumulate", count=accumulate))
    searches = needs_closure(run.optimizer)
    if accumulate > 1:
        if searches or compile not in (False, "auto"):
            cause = type(run.optimizer).__name__ if searches else f"compile={compile}"
            raise ValueError(say("errors.training.accumulate_alone", cause=cause))
        return Accumulating(run, clip, accumulate, shows)
    step = run.backend.step(run.loss, run.optimizer, clip, shows)
    if compile == "auto":
        compile = run.backend.compiles and not searches
    if compile is False:
        return step
    return run.backend.compiled(step, **(compile if isinstance(compile, dict) else {}))


class Accumulating:
    """A step that moves the weights after each `every`-th batch and the epoch's last, by the
    gradient of all examples since then: as one large batch would."""

    def __init__(self, run: Run, clip: Callable[[], Any] | None, every: int, shows: bool):
        self.run, self.clip, self.every, self.shows = run, clip, every, shows
        self.seen = self.first = 0

    def __call__(self, *batch: Any) -> tuple[Any, Any]:
        run, backend = self.run, self.run.backend
        count = backend.group.count(batch[-1])
        if not self.seen:
            run.optimizer.zero_grad()
            self.first = count
        self.seen += count
        run.moved = (run.batch + 1) % self.every == 0 or run.batch + 1 == run.batches
        with backend.adding_up(run.moved):
            output, value = backend.answer(batch, run.loss)
            # A mean counts as much as it has examples, compared with the first batch's.
            backend.backward(value if backend.of_sums else value * (count / self.first))
        if run.moved:
            self.move()
        return value, output if self.shows else None

    def move(self) -> None:
        """Move the weights by the gradients that were added up so far."""
        backend = self.run.backend
        if not backend.of_sums:
            backend.scale_gradients(self.first / self.seen)
        backend.update(self.run.optimizer, self.clip)
        self.seen, self.run.moved = 0, True
