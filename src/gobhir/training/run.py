"""Where a run of fit stands: what callbacks see, and what stops it."""

from __future__ import annotations

import signal
import threading
from typing import Any

from gobhir.training.backends import Backend
from gobhir.training.history import History, Row


class Run:
    """One run of fit, as its callbacks see it.

    epoch, batch: counted from 1; epochs, batches: how many there will be (batches: None where
    nobody knows). batch_loss, first_loss: the last step's loss, and the very first's.
    row: this epoch's row of the history, complete when the epoch has ended.
    settings: what a run that goes on from a checkpoint must not change.
    moved: whether the last step moved the weights (not after each batch where gradients of
    several are added up). resumed: whether the run goes on from a checkpoint.
    first: whether this process writes and speaks (of several, the first does).
    """

    def __init__(self, backend: Backend, optimizer: Any, loss: Any, epochs: int):
        self.backend = backend
        self.model = backend.model
        self.optimizer = optimizer
        self.loss = loss
        self.epochs = epochs
        self.history = History()
        self.epoch = 0
        self.batch = 0
        self.batches: int | None = None
        self.batch_loss: Any = float("nan")
        self.first_loss: Any = float("nan")
        self.row: Row = {}
        self.settings: dict[str, Any] = {}
        self.moved = True
        self.resumed = False
        self.stop_reason: str | None = None
        self.stop_message: str | None = None

    @property
    def first(self) -> bool:
        return self.backend.group.first

    def stop(self, reason: str = "callback", message: str | None = None) -> None:
        """End training after this batch's step (told from on_batch_end) or this epoch. Of several
        processes one is enough, and all stop after the epoch.

        message: what the learner is told about it.
        """
        if self.stop_reason is None:
            self.stop_reason, self.stop_message = reason, message


class Interruption:
    """Ctrl-C as a wish that training ends after the step under way: `wished` is True from then
    on. A second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.wished = False
        self._before: Any = None

    def __enter__(self) -> Interruption:
        # Signals can only be watched by the main thread; elsewhere nobody presses Ctrl-C. A
        # program that was told to ignore them goes on doing so.
        before = signal.getsignal(signal.SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if main and before not in (None, signal.SIG_IGN):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number: int, frame: Any) -> None:
        if self.wished:
            raise KeyboardInterrupt
        self.wished = True

    def obey(self) -> None:
        """KeyboardInterrupt, if it was wished for meanwhile."""
        if self.wished:
            raise KeyboardInterrupt

    def __exit__(self, *trouble: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
