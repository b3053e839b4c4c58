"""Keras's own callbacks under fit: each is told what it would be told by Keras's."""

from __future__ import annotations

from typing import Any

import keras

from gobhir.training.callbacks import Callback
from gobhir.training.run import Run


class OfKeras(Callback):
    """`inner`, a keras.callbacks.Callback. It may stop training by `model.stop_training`, and
    finds the optimizer as `model.optimizer`, during fit."""

    def __init__(self, inner: Any):
        self.inner = inner
        self._sum = 0.0
        self._open = False

    def on_fit_begin(self, run: Run) -> None:
        model = run.model
        self._before = getattr(model, "optimizer", None)
        model.optimizer, model.stop_training = run.optimizer.inner, False
        self.inner.set_model(model)
        self.inner.set_params({"epochs": run.epochs, "steps": run.batches, "verbose": 0})
        self._open = True
        self.inner.on_train_begin({})

    def on_epoch_begin(self, run: Run) -> None:
        self._sum = 0.0
        self.inner.on_epoch_begin(run.epoch - 1, {})

    def on_batch_begin(self, run: Run) -> None:
        self.inner.on_train_batch_begin(run.batch, {})

    def on_batch_end(self, run: Run) -> None:
        self._sum += float(run.batch_loss)
        self.inner.on_train_batch_end(run.batch - 1, {"loss": self._sum / run.batch})
        self._obey(run)

    def on_epoch_end(self, run: Run) -> None:
        told = {k: v for k, v in run.row.items() if k not in ("epoch", "lr", "seconds")}
        self.inner.on_epoch_end(run.epoch - 1, told)
        self._obey(run)

    def on_fit_end(self, run: Run) -> None:
        self._close(run)

    def on_fit_exit(self, run: Run, trouble: BaseException | None) -> None:
        self._close(run)

    def _obey(self, run: Run) -> None:
        if run.model.stop_training:
            run.stop()

    def _close(self, run: Run) -> None:
        if not self._open:
            return
        self._open = False
        try:
            self.inner.on_train_end(dict(run.row))
        finally:
            if self._before is not run.optimizer.inner:  # which another one found, and gives back
                run.model.optimizer = self._before


def as_told(wish: Any) -> Any:
    """What fit tells of its moments: a callback of Keras's, and one of Gobhir's that has a form
    of its own for Keras (gobhir.story), through an OfKeras; anything else as it is."""
    own = getattr(wish, "callback", None)
    if isinstance(wish, Callback) and callable(own):
        wish = own()
    return OfKeras(wish) if isinstance(wish, keras.callbacks.Callback) else wish
