"""`gobhir.watch`: somebody's own training step, as it runs, worked out.

with gobhir.watch() as w:
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()
w.show()
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from gobhir.derivation.step import Derivation
from gobhir.explain.explanation import Explanation, explained
from gobhir.explain.lifted import recordings
from gobhir.explain.own_steps import OwnSteps
from gobhir.explain.recording import Recording
from gobhir.lang import say
from gobhir.lift.recorders import recorders


class Watch:
    """What happened inside the `with` block, in Gobhir, and in PyTorch, Keras and TensorFlow where
    they are imported.

    models: whose parts' names are wanted even where only parts of them run. on_step: called when
    an optimizer has stepped. What ran stays as it was without being watched.
    """

    def __init__(self, *models: Any, on_step: Callable[[], None] = lambda: None) -> None:
        self._own = OwnSteps(on_step)
        self.recorders = recorders(models, on_step)
        self._open = ExitStack()
        self._runs: list[Recording] | None = None
        self._pages: dict[Any, Explanation] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._own)
            for recorder in self.recorders:
                stack.enter_context(recorder)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._open.close()

    def forget(self) -> None:
        """Keep of what was seen only the last step."""
        self._own.forget()
        for recorder in self.recorders:
            recorder.forget()

    def callback(self, step: int = 1) -> Any:
        """For Keras: `model.fit(..., callbacks=[w.callback(step=10)])` watches the tenth batch
        instead of a `with` block; the training stays what it is."""
        from gobhir.lift.keras_fit import OneStep

        return OneStep(self, step)

    @property
    def trace(self) -> Any:
        """What the framework did: every call, backward and optimizer's step, in order
        (gobhir.lift.trace.Trace). None where none is imported."""
        traces = [recorder.trace for recorder in self.recorders]
        return max(traces, key=lambda trace: len(trace.events), default=None)

    @property
    def steps(self) -> list[Recording]:
        """The training steps on the engine's tape. RuntimeError where there was none."""
        if self._runs is None:
            self._runs = self._own.recordings()
            for recorder in self.recorders:
                self._runs += recordings(recorder.trace)
        if not self._runs:
            calls = len(self._own.records) + (0 if self.trace is None else len(self.trace.calls))
            raise RuntimeError(say("errors.watch.nothing", calls=calls))
        return self._runs

    def explain(self, step: int = 1, **options: Any) -> Explanation:
        """The page of one of the steps, counted from 1. options: mode, reference and folded as in
        `gobhir.explain`. IndexError where there are not so many."""
        count = len(self.steps)
        if not 1 <= step <= count:
            raise IndexError(say("errors.watch.step", step=step, count=count))
        key = step, *sorted(options.items())
        if key not in self._pages:
            self._pages[key] = explained(self.steps[step - 1], **options)
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
