"""`gobhir.watch`: somebody's own training step, as it runs, worked out.

with gobhir.watch() as w:
    loss = loss_of(model(x), y)
    loss.backward()
    optimizer.step()
w.show()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Self

from gobhir.derivation.step import Count, Derivation, Say
from gobhir.engine import Tape
from gobhir.explain.explanation import Explanation, explained
from gobhir.explain.lifted import steps
from gobhir.explain.own_steps import OwnSteps
from gobhir.explain.recording import Recording, Taken
from gobhir.lang import say
from gobhir.lift.recorder import KEEP, Recorder
from gobhir.lift.recorders import recorders


class Watch:
    """What happened inside the `with` block, in Gobhir, and in PyTorch, Keras and TensorFlow where
    they are imported.

    models: whose parts' names are wanted even where only parts of them run. keep: around a long
    training, so many steps are kept in full, the last ones (of large steps fewer: what fits into a
    gigabyte, but the last always); of those before, their number and their loss. on_step: called
    when an optimizer has stepped. What ran stays as it was without being watched. A watch is used
    once: RuntimeError where it is opened again.
    """

    def __init__(
        self, *models: Any, keep: int = KEEP, on_step: Callable[[], None] = lambda: None
    ) -> None:
        if not isinstance(keep, int) or keep < 1:
            raise ValueError(say("errors.watch.keep", keep=keep))
        self._own = OwnSteps(on_step, keep)
        self.recorders: list[Recorder] = []
        self._recorders = partial(recorders, models, on_step=on_step, keep=keep)
        self._open = ExitStack()
        self.never: tuple[int, int] | None = None
        """Of a fit that was over too soon: the batch asked for, and how many there were."""
        self._used = False
        self._known: dict[int, Recording] = {}
        self._pages: dict[Any, Explanation] = {}

    def __enter__(self) -> Self:
        if self._used:
            raise RuntimeError(say("errors.watch.again"))
        self._used = True
        self.recorders = self._recorders()  # now: whatever has been imported until then
        with ExitStack() as stack:
            stack.enter_context(self._own)
            for recorder in self.recorders:
                stack.enter_context(recorder)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._open.close()

    def enough(self) -> None:
        """Look at nothing any more, although the block goes on."""
        self._own.over = True
        for recorder in self.recorders:
            recorder.over = True

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
    def seen(self) -> bool:
        """Whether anything was differentiated."""
        return bool(self._all)

    @property
    def losses(self) -> list[float]:
        """The loss of every step, as it was computed; also of those that are not kept."""
        return [step.loss for step in self._all]

    @property
    def kept(self) -> range:
        """The numbers of the steps that can be explained."""
        found = self._all
        gone = sum(step.recording is None for step in found)
        return range(gone + 1, len(found) + 1)

    @property
    def _all(self) -> list[Taken]:
        found = self._own.steps
        for recorder in self.recorders:
            found += steps(recorder.trace)
        return found

    @property
    def steps(self) -> Steps:
        """The training steps, each put on the engine's tape when it is asked for. RuntimeError
        where there was none."""
        found = self._all
        if not found:
            calls = len(self._own.records) + (0 if self.trace is None else len(self.trace.calls))
            if self.never is not None:
                step, count = self.never
                raise RuntimeError(say("errors.watch.never", step=step, count=count))
            why = "nothing"
            if any(recorder.elsewhere for recorder in self.recorders):
                why = "elsewhere"
            elif any("transformed" in recorder.trace.notes for recorder in self.recorders):
                why = "transformed"
            # keys: errors.watch.elsewhere, errors.watch.nothing, errors.watch.transformed
            raise RuntimeError(say(f"errors.watch.{why}", calls=calls))
        return Steps(found, self._known, self._looking_away, self._own.most == 1)

    @contextmanager
    def _looking_away(self) -> Iterator[None]:
        """What is computed for a page is none of what is watched."""
        with ExitStack() as stack:
            stack.enter_context(Tape())
            for recorder in self.recorders:
                stack.enter_context(recorder.nothing_noted())
            yield

    def explain(self, step: int | None = None, **options: Any) -> Explanation:
        """The page of one of the steps, counted from 1; if nothing is said, of the last. options:
        mode, reference and folded as in `gobhir.explain`. IndexError for a step that was not, or
        that is not kept any more."""
        steps = self.steps
        step = len(steps) if step is None else step
        key = step, *sorted(options.items())
        if key not in self._pages:
            run = steps.number(step)
            with self._looking_away():
                self._pages[key] = explained(run, **options)
        return self._pages[key]

    def why(self, name: str, step: int | None = None) -> Derivation:
        """As `Explanation.why`."""
        return self.explain(step).why(name)

    def show(self, lang: str | None = None, step: int | None = None) -> None:
        """Print the page of one of the steps."""
        self.explain(step).show(lang)

    def save(self, path: Any, lang: str | None = None, step: int | None = None) -> None:
        """Write the page of one of the steps to a file; the suffix says how."""
        self.explain(step).save(path, lang)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self.explain()._repr_mimebundle_(include, exclude)


class Steps(Sequence[Recording]):
    """The steps of a watch, in order. known: those that have been put on a tape; around: a context
    for doing so; single: whether only one was wanted, and no page has to say that others went."""

    def __init__(
        self,
        found: list[Taken],
        known: dict[int, Recording],
        around: Callable[[], Any],
        single: bool,
    ) -> None:
        self._found, self._known, self._around, self._single = found, known, around, single

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self.number(k + 1) for k in range(len(self))[place]]
        return self.number(place + 1 + (len(self) if place < 0 else 0))

    def number(self, step: int) -> Recording:
        """One of the steps, counted from 1. IndexError for one that is not there."""
        count = len(self)
        if not 1 <= step <= count:
            raise IndexError(say("errors.watch.step", step=step, count=count))
        found = self._found[step - 1]
        if found.recording is None:
            first = 1 + next(k for k, f in enumerate(self._found) if f.recording is not None)
            told = {"step": step, "count": count, "first": first, "loss": f"{found.loss:.6g}"}
            raise IndexError(say("errors.watch.forgotten", **told))
        if step not in self._known:
            with self._around():
                run = self._known[step] = found.recording()
            run.notes = (*self._said_of(step), *run.notes)
        return self._known[step]

    def _said_of(self, step: int) -> Iterator[Say]:
        """Where there were several steps, the page says which one it is of."""
        if len(self) > 1:
            yield Say("rules.watch.step", {"step": Count(step), "count": Count(len(self))})
        gone = sum(found.recording is None for found in self._found)
        if gone and not self._single:
            yield Say("rules.watch.gone", {"gone": Count(gone)})


watch = Watch
