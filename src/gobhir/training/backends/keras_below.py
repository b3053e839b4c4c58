"""What is asked of the framework below Keras, TensorFlow or PyTorch, in its own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import keras

from gobhir.lang import say

ON: str = keras.backend.backend()
KNOWN = ("tensorflow", "torch")
ANOMALY = {
    "torch": "with torch.autograd.detect_anomaly():",
    "tensorflow": "tf.debugging.enable_check_numerics()",
}
"""What a learner writes to be told where a NaN is born."""


def device() -> str:
    """Where Keras computes: "cpu", "cuda", "mps" ..."""
    if ON == "torch":
        from keras.src.backend.torch.core import get_device

        return str(get_device()).split(":")[0]
    import tensorflow as tf

    return "cuda" if tf.config.list_logical_devices("GPU") else "cpu"


@contextmanager
def deterministic(model: Any) -> Iterator[None]:
    """Inside, only algorithms that give the same numbers each time."""
    if ON == "torch":
        from gobhir.training.backends.pytorch import TorchBackend

        with TorchBackend(model).deterministic():
            yield
        return
    from tensorflow.python.framework import config

    before = config.is_op_determinism_enabled()
    config.enable_op_determinism()
    try:
        yield
    finally:
        if not before:
            config.disable_op_determinism()


def no_grad() -> AbstractContextManager[Any]:
    """Inside, nothing is remembered for a backward pass. (TensorFlow does so only on a tape.)"""
    if ON != "torch":
        return nullcontext()
    import torch

    return torch.no_grad()


def tape() -> AbstractContextManager[Any]:
    """Inside, what is computed is remembered; TensorFlow's tape, where there is one."""
    if ON != "tensorflow":
        return nullcontext()
    import tensorflow as tf

    return tf.GradientTape()


def compiled(step: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """As a graph."""
    if ON == "torch":
        import torch

        return torch.compile(step, **settings)
    import tensorflow as tf

    # As Keras does it: a second shape makes a graph for all further ones.
    made = tf.function(step, **({"autograph": False, "reduce_retracing": True} | settings))
    # Its warning counts the traces of all models together: every fit has its own.
    made._omit_frequent_tracing_warning = True
    return made


@contextmanager
def looking_for_nan() -> Iterator[None]:
    """Inside, RuntimeError where a NaN is born, with the operation's name."""
    if ON == "torch":
        import torch

        with torch.autograd.detect_anomaly():
            yield
        return
    import tensorflow as tf

    tf.debugging.enable_check_numerics()
    try:
        yield
    except tf.errors.InvalidArgumentError as found:
        named = re.search(r'op "(\w+)"', str(found))
        told = say("errors.keras.birth", op=named[1]) if named else str(found)
        raise RuntimeError(told) from None
    finally:
        tf.debugging.disable_check_numerics()
