"""A trained model at work: `evaluate` measures it, `predict` asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from gobhir.lang import say
from gobhir.training.backends import Backend, backend_of
from gobhir.training.data import batches, loader
from gobhir.training.metrics import Metric, metric


class RunningLoss:
    """The mean loss over examples. A loss that is a sum over its batch is divided as a whole."""

    def __init__(self, loss: Any):
        self._of_sums = getattr(loss, "reduction", "mean") == "sum"
        self.reset()

    def reset(self) -> None:
        self._total: Any = 0.0
        self.count = 0

    def add(self, value: Any, n: int) -> None:
        self._total = self._total + (value if self._of_sums else value * n)
        self.count += n

    def mean(self) -> float:
        return float(self._total) / self.count if self.count else float("nan")


def chosen(metrics: Any, loss: Any = None) -> dict[str, Metric]:
    """Metrics of its own by name: from objects, names and functions, one or several, or a
    dictionary that says how to call them. A loss that takes logits tells them so."""
    if isinstance(metrics, dict):
        named = {name: deepcopy(metric(wish)) for name, wish in metrics.items()}
    else:
        wishes = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
        found = [deepcopy(metric(wish)) for wish in wishes]
        named = {m.name: m for m in found}
        if len(named) < len(found):
            raise ValueError(say("errors.training.metric_twice", names=[m.name for m in found]))
    logits = {"BCEWithLogitsLoss": True, "BCELoss": False}.get(type(loss).__name__)
    for one in named.values():
        scales = getattr(getattr(one, "matrix", one), "_scales", None)
        if scales is not None and scales.from_logits is None:
            scales.from_logits = logits
    return named


def measure(
    backend: Backend,
    source: Iterable[Any],
    loss: Any,
    metrics: dict[str, Metric],
    after_batch: Callable[[], None] | None = None,
) -> dict[str, Any]:
    """{"loss": mean, metric: value, ...} over all batches; the model does not change."""
    running = RunningLoss(loss)
    for one in metrics.values():
        one.reset()
    with backend.evaluating():
        for batch in batches(source, backend):
            output = backend.model(*batch[:-1])
            if loss is not None:
                running.add(backend.value(loss(output, batch[-1])), len(batch[-1]))
            else:
                running.count += len(batch[-1])
            for one in metrics.values():
                one.update(output, batch[-1])
            if after_batch is not None:
                after_batch()
    if not running.count:
        raise ValueError(say("errors.training.empty"))
    result: dict[str, Any] = {} if loss is None else {"loss": running.mean()}
    return result | {name: one.compute() for name, one in metrics.items()}


def evaluate(
    model: Any, data: Any, loss: Any = None, metrics: Any = (), *, batch_size: int = 256
) -> dict[str, Any]:
    """How good `model` is on `data`: {"loss": ..., "accuracy": ...}. Loss and metrics as in fit.

    The model is in evaluation mode meanwhile (dropout off) and afterwards in the mode it was in.
    """
    backend = backend_of(model)
    function = None if loss is None else backend.loss(loss)
    source = loader(data, backend, batch_size, loss=function)
    return measure(backend, source, function, chosen(metrics, function))


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
            outputs.append(model(*batch[:-1]))
    if not outputs:
        raise ValueError(say("errors.training.empty"))
    if isinstance(outputs[0], tuple):
        return tuple(backend.cat(list(parts)) for parts in zip(*outputs, strict=True))
    return backend.cat(outputs)
