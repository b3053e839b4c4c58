"""What a learner sees while fit runs: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from gobhir.lang import say, t
from gobhir.training.history import BESIDE, shown, title

if TYPE_CHECKING:
    from gobhir.training.run import Run

_PAUSE = 0.2  # seconds between two looks at the bar: drawing must not cost training time


class Progress:
    """Says nothing but what must be said; base of the others."""

    _next = float("inf")

    def begin(self, run: Run) -> None:
        """Training begins."""

    def begin_epoch(self, run: Run) -> None:
        """An epoch begins."""

    def due(self) -> bool:
        """Whether it is time to show how the epoch stands."""
        return time.perf_counter() >= self._next

    def show(self, run: Run, found: dict[str, Any]) -> None:
        """How the epoch stands."""

    def end_epoch(self, run: Run) -> None:
        """An epoch has ended; `run.row` tells how."""

    def tell(self, text: str) -> None:
        """A sentence about the run, on a line of its own."""

    def must_tell(self, text: str) -> None:
        """A sentence that is told even where progress was not wished for."""
        print(text, flush=True)

    def end(self) -> None:
        """Training is over."""


class Mute(Progress):
    """Says nothing at all: of several processes one speaks."""

    def must_tell(self, text: str) -> None:
        pass


class Lines(Progress):
    """One plain line an epoch: for files, pipes and logs."""

    def end_epoch(self, run: Run) -> None:
        print(epoch_line(run), flush=True)

    def tell(self, text: str) -> None:
        print(text, flush=True)


class Bar(Progress):
    """A bar for the epoch under way, and a line for each that has ended."""

    def begin(self, run: Run) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        # It is drawn from the training loop itself: a thread of its own would take time from it.
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            auto_refresh=False,
            transient=True,
        )
        self._bar.start()
        self._task: Any = None

    def begin_epoch(self, run: Run) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        about = t("training.progress.epoch", epoch=run.epoch, epochs=run.epochs)
        self._task = self._bar.add_task(about, total=run.batches, numbers="")
        self._bar.refresh()
        self._next = time.perf_counter() + _PAUSE

    def show(self, run: Run, found: dict[str, Any]) -> None:
        self._bar.update(self._task, completed=run.batch, numbers=figures(found), refresh=True)
        self._next = time.perf_counter() + _PAUSE

    def end_epoch(self, run: Run) -> None:
        self._bar.console.print(epoch_line(run), highlight=False, markup=False)

    def tell(self, text: str) -> None:
        self._bar.console.print(text, highlight=False, markup=False)

    must_tell = tell

    def end(self) -> None:
        if hasattr(self, "_bar"):
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._bar.stop()


def progress(wish: Any) -> Progress:
    """True: a bar where the output is a terminal, else lines; "bar", "lines"; False: nothing."""
    if wish is False or wish is None:
        return Progress()
    if wish is True:
        wish = "bar" if sys.stdout.isatty() else "lines"
    if wish not in ("bar", "lines"):
        raise ValueError(say("errors.training.progress", wish=wish))
    return Bar() if wish == "bar" else Lines()


def epoch_line(run: Run) -> str:
    """epoch 3/10 · loss 0.2312 · accuracy 0.9400 · 1.2 s"""
    start = t("training.progress.epoch", epoch=run.epoch, epochs=run.epochs)
    seconds = run.row["seconds"]
    took = t(
        "training.progress.seconds", seconds=f"{seconds:.1f}" if seconds >= 1 else f"{seconds:.2g}"
    )
    return " · ".join([start, figures(run.row), took])


def figures(row: dict[str, Any]) -> str:
    """loss 0.2312 · accuracy 0.9400"""
    numbers = {k: v for k, v in row.items() if k not in BESIDE and isinstance(v, float)}
    return " · ".join(f"{title(name)} {shown(value)}" for name, value in numbers.items())
