"""A model of Keras's, to be what it was before somebody tried a step."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from keras.src.backend.common import global_state


@contextmanager
def put_back(model: Any, *more: Any) -> Iterator[None]:
    """Weights, optimizer, metrics and random numbers are afterwards as they were. more: what else
    has variables."""
    variables = [*model.variables, *model.metrics_variables]
    for owner in (model.optimizer, *more):
        variables += [] if owner is None else owner.variables
    drawing = global_state.get_global_attribute("global_seed_generator")
    if drawing is not None:
        variables.append(drawing.state)
    kept = [(v, np.array(v.numpy())) for v in variables]
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        for variable, was in kept:
            variable.assign(was)
        random.setstate(states[0])
        np.random.set_state(states[1])
