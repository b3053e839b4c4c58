"""A trained model at work: `evaluate` measures it, `predict` asks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from gobhir.lang import say, warn
from gobhir.training.backends import backend_of
from gobhir.training.data import batches, loader
from gobhir.training.divergence import blame
from gobhir.training.measures import Measures


def measure(
    measures: Measures, source: Iterable[Any], after_batch: Callable[[], None] | None = None
) -> dict[str, Any]:
    """{"loss": mean, metric: value, ...} over all batches; the model does not change."""
    backend, loss = measures.backend, measures.function
    sick = None
    measures.reset()
    with backend.evaluating():
        for batch in batches(source, backend):
            output, found = backend.answer(batch, loss)
            shown = output if measures.metrics else None
            found, output, target = backend.group.whole(found, shown, batch[-1], backend.of_sums)
            value = None if loss is None else backend.value(found)
            measures.add(value, output, target)
            if sick is None and type(value) is float and not math.isfinite(value):
                sick = say("errors.training.nan_evaluated", loss=value, cause=blame(backend, batch))
            if after_batch is not None:
                after_batch()
    if not measures.count:
        raise ValueError(say("errors.training.empty"))
    if sick is not None and not measures.warned:
        measures.warned = True  # once is enough for all epochs of a run
        warn(sick)
    return measures.results()


def evaluate(
    model: Any, data: Any, loss: Any = None, metrics: Any = (), *, batch_size: int = 256
) -> dict[str, Any]:
    """How good `model` is on `data`: {"loss": ..., "accuracy": ...}. Loss and metrics as in fit.

    The model is in evaluation mode meanwhile (dropout off) and afterwards in the mode it was in.
    """
    backend = backend_of(model)
    function = None if loss is None else backend.loss(loss)
    source = loader(data, backend, batch_size, loss=function)
    return measure(Measures(backend, function, metrics), source)


def predict(model: Any, data: Any, *, batch_size: int = 256) -> Any:
    """The model's outputs for all of `data`, one tensor (or a tuple of them, where the model
    gives several).

    data: one tensor or array of inputs, or what fit takes; then the last part of each batch is
    the target and is left aside.
    """
    backend = backend_of(model)
    outputs = []
    with backend.evaluating():
        for batch in batches(loader(data, backend, batch_size), backend):
            outputs.append(backend.answer(batch)[0])
    if not outputs:
        raise ValueError(say("errors.training.empty"))
    if isinstance(outputs[0], tuple):
        return tuple(backend.cat(list(parts)) for parts in zip(*outputs, strict=True))
    if not hasattr(outputs[0], "shape"):
        raise TypeError(say("errors.training.result", type=type(outputs[0]).__name__))
    return backend.cat(outputs)
