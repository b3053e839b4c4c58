"""A chosen step of `fit`: a callback of Keras's that opens a watch for one batch."""

from __future__ import annotations

from typing import Any

import keras


class OneStep(keras.callbacks.Callback):
    """Watches batch number `step` of a fit, counted from 1 over all epochs. watch: a context."""

    def __init__(self, watch: Any, step: int):
        super().__init__()
        self._watch, self._step = watch, step
        self._batch = 0
        self._open = False

    def on_train_begin(self, logs: Any = None) -> None:
        self._batch = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._batch += 1
        if self._batch == self._step:
            self._watch.__enter__()
            self._open = True
            for recorder in self._watch.recorders:
                recorder.about_to_train(self.model)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.close()

    def on_train_end(self, logs: Any = None) -> None:
        self.close()
        if self._batch < self._step:
            self._watch.never = self._step, self._batch

    def close(self) -> None:
        """Look away; nothing where nobody looks on."""
        if self._open:
            self._open = False
            self._watch.__exit__(None, None, None)
