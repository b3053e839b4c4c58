"""Listening to a `fit` of Keras's: what its callbacks see, in a Diary. Weights, changes and losses
on every backend; gradients where PyTorch is underneath, which leaves them behind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from gobhir.lift.diary import Birth, Diary
from gobhir.lift.keras_parts import backend, layers_of, own_of
from gobhir.lift.listening import Pages
from gobhir.lift.measuring import Measuring


class KerasEars(keras.callbacks.Callback):
    """Begins a new diary with every fit. begin: gets the listener; end: when fit is done."""

    def __init__(self, every: int, begin: Callable[[KerasListener], None], end: Callable[[], None]):
        super().__init__()
        self._every, self._begin, self._end = every, begin, end
        self._listener: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self._listener = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if self._listener is None:  # only now every layer is built
            self._listener = KerasListener(self.model, self._every)
            self._begin(self._listener)
        self._listener.before_step()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._listener.after_step(batch, float((logs or {}).get("loss", math.nan)))

    def on_train_end(self, logs: Any = None) -> None:
        if self._listener is not None:
            self._listener.detach()
            self._end()


class KerasListener:
    """One fit, as its callbacks see it."""

    def __init__(self, model: Any, every: int):
        self.model = model
        self.measuring = Measuring(_Model(model), _Optimizer(model), _numbers)
        self.diary = Diary(self.measuring.watched, every)
        self.pages = Pages()
        self._mean = 0.0
        self.over = False
        for path, _ in layers_of(model):
            self.diary.order.setdefault(path, len(self.diary.order))
        dropped = {
            path: float(layer.rate)
            for path, layer in layers_of(model)
            if type(layer).__name__.endswith("Dropout")
        }
        self.diary.details |= self.measuring.settings() | {"dropout": dropped}
        self.diary.details["alike"] = self.measuring.alike()

    def detach(self) -> None:
        still = set(self.measuring.alike())
        self.diary.details["alike"] = [n for n in self.diary.details["alike"] if n in still]

    def before_step(self) -> None:
        self.pages.begun()
        if not self.over and self.diary.steps % self.diary.stride == 0:
            self.measuring.begin()

    def after_step(self, batch: int, mean: float) -> None:
        """mean: Keras tells the mean of this epoch's losses so far; the last one follows."""
        diary = self.diary
        self._mean = 0.0 if batch == 0 else self._mean
        loss = mean * (batch + 1) - self._mean * batch
        self._mean = mean
        row, sick = self.measuring.end(diary.steps)
        if self.over:
            return
        if not math.isfinite(loss):
            phase = "unseen" if sick is None else "backward"
            diary.birth, diary.details["loss"] = Birth(diary.steps, phase, "", sick or ""), loss
            self.over = True
            self.pages.done(math.inf)
            return
        if backend() != "torch":  # nobody tells the gradients: what moves had some
            for w in self.measuring.watched:
                w.reached = w.pulled = w.wanted
        if row is not None:
            diary.add(row)
        diary.counts["train_steps"] += 1
        diary.losses.append(loss)
        self.pages.done(diary.steps)
        if row is not None:
            self.pages.look(diary)


class _Parameter:
    """A variable of Keras's with the names that a parameter of PyTorch's has."""

    def __init__(self, variable: Any):
        self.variable = variable
        self.shape = (*variable.shape[-1:], *variable.shape[:-1])

    def __len__(self) -> int:
        return int(self.shape[0])

    @property
    def requires_grad(self) -> bool:
        return bool(self.variable.trainable)

    @property
    def grad(self) -> Any:
        return getattr(self.variable.value, "grad", None) if backend() == "torch" else None


class _Model:
    """A model of Keras's, asked as one of PyTorch's is."""

    def __init__(self, model: Any):
        self.model = model

    def named_modules(self) -> Iterator[tuple[str, Any]]:
        return layers_of(self.model)

    def named_parameters(self) -> Iterator[tuple[str, _Parameter]]:
        for path, layer in layers_of(self.model):
            learning = {id(v) for v in layer._trainable_variables}
            for v in own_of(layer):
                if id(v) in learning:
                    yield f"{path}.{v.name}".strip("."), _Parameter(v)


class _Optimizer:
    """Keras's settings under PyTorch's names."""

    def __init__(self, model: Any):
        self.optimizer = model.optimizer
        self.given = list(model.trainable_variables)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        o = self.optimizer
        return [
            {
                "params": self.given,
                "lr": float(keras.ops.convert_to_numpy(o.learning_rate)),
                "momentum": float(getattr(o, "momentum", 0.0) or getattr(o, "beta_1", 0.0)),
                "weight_decay": float(o.weight_decay or 0.0),
            }
        ]


def _numbers(x: Any) -> np.ndarray:
    """Rows are units, as in PyTorch: Keras has them in the last axis."""
    a = x.variable.numpy() if isinstance(x, _Parameter) else keras.ops.convert_to_numpy(x)
    return np.moveaxis(a, -1, 0) if a.ndim > 1 else a
