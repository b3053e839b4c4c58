"""A step of Keras's that is compiled for TensorFlow: run eagerly first, to be looked at, then taken
back and run as it would have been."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state


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


@contextmanager
def put_back(model: Any) -> Iterator[None]:
    """Weights, optimizer, metrics and random numbers are afterwards as they were."""
    variables = [*model.variables, *model.metrics_variables]
    if model.optimizer is not None:
        variables += model.optimizer.variables
    drawing = global_state.get_global_attribute("global_seed_generator")
    if drawing is not None:
        variables.append(drawing.state)
    kept = [(v.value, tf.identity(v.value)) for v in variables]
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        for variable, was in kept:
            variable.assign(was)
        random.setstate(states[0])
        np.random.set_state(states[1])
