"""A step of Keras's that is compiled for TensorFlow: run eagerly first, to be looked at, then taken
back and run as it would have been."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from gobhir.lift.keras_back import put_back


def twice(model: Any, compiled: Callable[[], Any]) -> Callable[[Any], Any]:
    """In the place of model.train_function. compiled: a context in which nobody looks on and
    tf.function compiles."""
    original = model.train_function
    seen = model._autoconvert_optionals(model.train_step)

    def train(iterator: Any) -> Any:
        data = next(iterator)
        with put_back(model):
            seen(data)
        with compiled():
            return original(chain([data], iterator))

    return train
