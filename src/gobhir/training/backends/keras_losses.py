"""Losses for Keras models: fit's names mean what they mean for PyTorch, so "cross_entropy" and
"bce_with_logits" take logits; Keras's own names, functions and objects mean what they mean there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from gobhir.lang import say, warn
from gobhir.training.backends.base import LOSSES


def _cross_entropy(y: Any, logits: Any) -> Any:
    """y: class numbers, or a probability for each class; classes in the last axis of logits."""
    if len(y.shape) == len(logits.shape) and y.shape[-1] == logits.shape[-1]:
        return keras.losses.categorical_crossentropy(y, logits, from_logits=True)
    return keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)


def _nll(y: Any, log_p: Any) -> Any:
    """y: class numbers; log_p: logarithms of probabilities, classes in the last axis."""
    if len(y.shape) < len(log_p.shape):
        y = ops.expand_dims(y, -1)
    return -ops.squeeze(ops.take_along_axis(log_p, ops.cast(y, "int32"), axis=-1), axis=-1)


def _kl_div(y: Any, log_p: Any) -> Any:
    """PyTorch's: the output is logarithms of probabilities, and the mean is over all numbers."""
    safe = ops.where(y > 0, y, ops.ones_like(y))
    return ops.where(y > 0, y * (ops.log(safe) - log_p), ops.zeros_like(y))


_NAMED: dict[str, Callable[..., Any]] = {
    "CrossEntropyLoss": _cross_entropy,
    "NLLLoss": _nll,
    "BCELoss": keras.losses.binary_crossentropy,
    "BCEWithLogitsLoss": partial(keras.losses.binary_crossentropy, from_logits=True),
    "MSELoss": keras.losses.mean_squared_error,
    "L1Loss": keras.losses.mean_absolute_error,
    "HuberLoss": keras.losses.huber,
    "SmoothL1Loss": keras.losses.huber,
    "KLDivLoss": _kl_div,
}
_LOGITS = {"CrossEntropyLoss": True, "BCEWithLogitsLoss": True, "BCELoss": False}


class _Mean(keras.losses.Loss):
    """The mean over a batch of what a function (y_true, y_pred) gives."""

    def __init__(self, function: Callable[..., Any], dtype: str):
        super().__init__("loss", dtype=dtype)
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.function(y_true, y_pred)


class Loss:
    """loss(output, target) for a Keras model, its regularisers and add_loss included.

    name: what a learner calls it. kind: the PyTorch class that means the same, or the name.
    logits: whether it takes logits (True), probabilities (False), or anything (None).
    """

    def __init__(self, model: Any, wish: Any, dtype: str):
        self.model = model
        if isinstance(wish, str):
            wish, self.name, self.kind = _by_name(wish), wish, LOSSES.get(wish.lower(), "")
        else:
            wish = wish() if isinstance(wish, type) else wish
            self.name, self.kind = getattr(wish, "__name__", type(wish).__name__), ""
        if not callable(wish):
            key = "loss_data" if hasattr(wish, "__len__") else "loss_type"
            # keys: errors.training.loss_data, errors.training.loss_type
            raise TypeError(say(f"errors.training.{key}", type=type(wish).__name__))
        self.logits = _LOGITS[self.kind] if self.kind in _LOGITS else _from_logits(wish)
        if "binary" in self.name.lower().replace("_", "") and self.logits is not None:
            self.kind = "BCEWithLogitsLoss" if self.logits else "BCELoss"
        if not isinstance(wish, keras.losses.Loss) and _is_kerass_order(wish):
            wish = _Mean(wish, dtype)
        self._function = wish
        self._turned = isinstance(wish, keras.losses.Loss)  # (y_true, y_pred)
        self.kind = self.kind or self.name

    @property
    def reduction(self) -> str:
        return getattr(self._function, "reduction", None) or "mean"

    def __call__(self, output: Any, target: Any) -> Any:
        pair = (_alike(target, output), output) if self._turned else (output, target)
        value = self._function(*pair)
        if not ops.is_tensor(value) or len(value.shape):
            kind = f"{type(value).__name__} {getattr(value, 'shape', '')}".strip()
            raise TypeError(say("errors.training.loss_result", type=kind))
        for extra in self.model.losses:
            value = value + ops.cast(ops.sum(extra), value.dtype)
        return value

    def look_at(self, output: np.ndarray) -> None:
        """Warn where these are probabilities and it takes logits, or the other way round."""
        many = self.kind != "BCEWithLogitsLoss" and output.ndim > 1 and output.shape[-1] > 1
        proper = np.isfinite(output).all() and (output >= 0).all()
        if self.logits and many and proper and np.allclose(output.sum(-1), 1, atol=1e-3):
            self.warn_of("softmax")
        none = output[(output < -1e-3) | (output > 1 + 1e-3)]
        if self.logits is False and none.size:
            value = f"{none[0]:.4g}"
            warn(say("errors.keras.no_probabilities", loss=self.name, value=value))

    def warn_of(self, activation: str) -> None:
        """Say that the model ends in what this loss applies itself."""
        other = "bce" if activation == "sigmoid" else "sparse_categorical_crossentropy"
        told = {"loss": self.name, "activation": activation, "other": other}
        warn(say("errors.keras.activation", **told))


def _by_name(name: str) -> Callable[..., Any]:
    if name.lower() in LOSSES:
        return _NAMED[LOSSES[name.lower()]]
    try:
        return keras.losses.get(name)
    except ValueError:
        known = ", ".join([*LOSSES, "sparse_categorical_crossentropy ..."])
        raise ValueError(say("errors.training.loss", name=name, known=known)) from None


def _alike(target: Any, output: Any) -> Any:
    """The target with a last axis of one number, where the output has one, as in Keras's fit."""
    if len(target.shape) == len(output.shape) - 1 and output.shape[-1] == 1:
        return ops.expand_dims(target, -1)
    return target


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return {}


def _is_kerass_order(function: Any) -> bool:
    """Whether it is called as Keras calls losses, (y_true, y_pred), and not (output, target)."""
    if function in _NAMED.values():
        return True
    return list(_parameters(function))[:2] == ["y_true", "y_pred"]


def _from_logits(wish: Any) -> bool | None:
    given = getattr(wish, "from_logits", None)
    if given is None and "from_logits" in (known := _parameters(wish)):
        given = known["from_logits"].default
    return given if isinstance(given, bool) else None


def last_activation(model: Any) -> str:
    """The name of what a model ends in, "softmax" or "sigmoid"; "" for others, and where nobody
    can tell before it runs."""
    last = model
    while isinstance(last, keras.Model):
        if isinstance(last, keras.Sequential):
            if not last.layers:
                return ""
            last = last.layers[-1]
        else:
            outputs = getattr(last, "outputs", None) or []
            if len(outputs) != 1:
                return ""
            last = outputs[0]._keras_history.operation
    names = type(last).__name__, getattr(getattr(last, "activation", None), "__name__", "")
    return next((name.lower() for name in names if name.lower() in ("softmax", "sigmoid")), "")
