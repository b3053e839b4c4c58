"""What is measured over an epoch: the mean loss, and the metrics."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from gobhir.lang import say
from gobhir.training.backends import Backend
from gobhir.training.backends.base import kind_of
from gobhir.training.history import BESIDE
from gobhir.training.metrics import Metric, metric

_ENOUGH = 1 << 18
"""So many bytes of outputs are kept before they are measured."""


class Measures:
    """The loss and the metrics of one pass over the data.

    Outputs of small batches are kept and measured many at a time, since a call costs more than
    its arithmetic there; metrics of a learner's own see each batch as it comes.
    """

    def __init__(self, backend: Backend, loss: Any, metrics: Any):
        self.backend = backend
        self.metrics = _named(metrics)
        self.count = 0
        self.warned = False
        self.function = loss
        self._of_sums = getattr(loss, "reduction", "mean") == "sum"
        self._eager = [m for m in self.metrics.values() if not m.joins]
        self._patient = [m for m in self.metrics.values() if m.joins]
        logits = {"BCEWithLogitsLoss": True, "BCELoss": False}.get(kind_of(loss))
        if logits is not None:
            for one in self.metrics.values():
                one.expect(logits)

    def reset(self) -> None:
        """Begin a pass."""
        self._total: Any = 0.0
        self.count = 0
        self._kept: list[tuple[Any, Any]] = []
        self._bytes = 0
        for one in self.metrics.values():
            one.reset()

    def add(self, value: Any, output: Any, target: Any) -> None:
        """Take in a batch: its loss (None where there is none), and what came out of the model."""
        n = self.backend.group.count(target)
        self.count += n
        if value is not None:
            # A loss that is a sum over its batch is divided as a whole, in the end.
            self._total = self._total + (value if self._of_sums else value * n)
        for one in self._eager:
            one.update(output, target)
        if self._patient:
            self._keep(output, target)

    def _keep(self, output: Any, target: Any) -> None:
        if not hasattr(output, "shape"):
            raise TypeError(say("errors.training.result", type=type(output).__name__))
        pair = self.backend.kept_pair(output, target)
        if self._kept:
            last = self._kept[-1]
            if any(a.shape[1:] != b.shape[1:] for a, b in zip(pair, last, strict=True)):
                self._measure()
        self._kept.append(pair)
        self._bytes += pair[0].nbytes
        if self._bytes > _ENOUGH:
            self._measure()

    def _measure(self) -> None:
        if self._kept:
            outputs, targets = zip(*self._kept, strict=True)
            self._kept, self._bytes = [], 0
            output, target = self.backend.joined(outputs), self.backend.joined(targets)
            for one in self._patient:
                one.update(output, target)

    @property
    def watched(self) -> bool:
        """Whether a learner's own metrics see each batch."""
        return bool(self._eager)

    @property
    def loss(self) -> float:
        """The mean loss so far."""
        return float(self._total) / self.count if self.count else float("nan")

    def results(self, quick: bool = False) -> dict[str, Any]:
        """{"loss": mean, metric: value, ...}; with `quick` only what is cheap to compute."""
        self._measure()
        found: dict[str, Any] = {"loss": self.loss} if self.function is not None else {}
        return found | {
            name: one.compute() for name, one in self.metrics.items() if one.quick or not quick
        }


def _named(metrics: Any) -> dict[str, Metric]:
    """Metrics of its own by name: from objects, names and functions, one or several, or a
    dictionary that says how to call them."""
    if isinstance(metrics, dict):
        named = {name: deepcopy(metric(wish)) for name, wish in metrics.items()}
    else:
        wishes = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
        found = [deepcopy(metric(wish)) for wish in wishes]
        named = {m.name: m for m in found}
        if len(named) < len(found):
            raise ValueError(say("errors.training.metric_twice", names=[m.name for m in found]))
    for name in {"loss", *BESIDE} & named.keys():
        raise ValueError(say("errors.training.metric_name", name=name))
    return named
