"""One training step of somebody's Keras model, run under watch and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.trainers.compile_utils import CompileLoss

from gobhir.lang import say
from gobhir.lift.keras_back import put_back
from gobhir.lift.keras_parts import backend
from gobhir.lift.trace import Trace


def watch_step(model: Any, x: Any, y: Any, loss: Any, optimizer: Any) -> Trace:
    """Forward, loss, backward and update as `fit` takes them, recorded.

    x, y: arrays or tensors, or lists and dicts of them, as for train_on_batch. loss, optimizer:
    as for compile; those that the model was compiled with where they are None; without any
    optimizer there is no update. Model, optimizer, metrics and random numbers are afterwards as
    they were. ValueError or TypeError, saying what was wrong, for a backend that cannot be looked
    into, a model that has no weights yet or no loss, inputs that are no numbers, a loss that is
    no single number.
    """
    if backend() not in _TRIALS:
        raise ValueError(say("errors.keras.backend", backend=backend()))
    if not model.built:
        raise ValueError(say("errors.keras.unbuilt", model=model.name))
    if not model.trainable_variables:
        raise ValueError(say("errors.explain.no_parameters"))
    if loss is None and not getattr(model, "compiled", False):
        raise ValueError(say("errors.keras.uncompiled", model=model.name))
    if y is None and loss is None and model._compile_loss is not None:
        raise TypeError(say("errors.explain.missing", what="y"))
    x, y = _tensors(x), None if y is None else _tensors(y)
    optimizer = _ready(model, model.optimizer if optimizer is None else optimizer)

    def value() -> Any:
        answer = model(x, training=True)
        if loss is None:
            found = model.compute_loss(x=x, y=y, y_pred=answer, training=True)
        else:
            found = CompileLoss(loss)(y, answer)
            found = sum(model.losses, found)
        if len(found.shape):
            raise ValueError(say("errors.explain.loss_shape", shape=tuple(found.shape)))
        return found if optimizer is None else optimizer.scale_loss(found)

    with put_back(model, optimizer):
        return _TRIALS[backend()](model, value, optimizer)


def _ready(model: Any, optimizer: Any) -> Any:
    """The optimizer, built; in the place of one that has not stepped yet a copy, which is all that
    it is."""
    if optimizer is None:
        return None
    optimizer = keras.optimizers.get(optimizer)
    if not optimizer.built:
        optimizer = type(optimizer).from_config(optimizer.get_config())
        optimizer.build(model.trainable_variables)
    return optimizer


def _tensors(given: Any) -> Any:
    def one(x: Any) -> Any:
        kind = type(x).__name__
        if kind in ("RaggedTensor", "SparseTensor"):
            raise ValueError(say("errors.keras.numbers", kind=kind))
        numbers = keras.ops.convert_to_numpy(x) if keras.ops.is_tensor(x) else np.asarray(x)
        if numbers.dtype.kind not in "fiub":
            raise ValueError(say("errors.keras.numbers", kind=str(numbers.dtype)))
        if numbers.dtype == np.float64:
            numbers = numbers.astype(keras.config.floatx())
        return x if keras.ops.is_tensor(x) else keras.ops.convert_to_tensor(numbers)

    whole = not isinstance(given, (dict, tuple)) and not _several(given)
    return one(given) if whole else keras.tree.map_structure(one, given)


def _several(given: Any) -> bool:
    """A list of arrays is several inputs, a list of numbers one."""
    return isinstance(given, list) and any(hasattr(x, "shape") for x in given)


def _on_torch(model: Any, value: Callable[[], Any], optimizer: Any) -> Trace:
    import torch

    from gobhir.lift.torch_watch import TorchWatch

    variables = model.trainable_variables
    with torch.random.fork_rng(devices=[]), _no_gradients(model), TorchWatch(model) as watch:
        value().backward()
        gradients = [v.value.grad for v in variables]
        with torch.no_grad():
            if optimizer is not None:
                optimizer.apply(gradients, variables)
    return watch.trace


@contextmanager
def _no_gradients(model: Any) -> Iterator[None]:
    kept = [(v.value, v.value.grad) for v in model.trainable_variables]
    try:
        for t, _ in kept:
            t.grad = None
        yield
    finally:
        for t, g in kept:
            t.grad = g


def _on_tensorflow(model: Any, value: Callable[[], Any], optimizer: Any) -> Trace:
    import tensorflow as tf

    from gobhir.lift.tensorflow_watch import TensorFlowWatch

    variables = model.trainable_variables
    with TensorFlowWatch(model) as watch:
        with tf.GradientTape() as tape:
            found = value()
        gradients = tape.gradient(found, [v.value for v in variables])
        if optimizer is not None:
            optimizer.apply(gradients, variables)
    return watch.trace


_TRIALS: dict[str | None, Callable[..., Trace]] = {"torch": _on_torch, "tensorflow": _on_tensorflow}
