"""One of two outcomes, one of several outcomes: given by probabilities or by logits."""

from __future__ import annotations

import math
from typing import Any

from gobhir.distributions.distribution import Distribution, together
from gobhir.engine import Tensor
from gobhir.engine.creation import arange
from gobhir.engine.dtypes import finfo
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.random import bernoulli, multinomial
from gobhir.engine.tape import no_grad
from gobhir.lang import say
from gobhir.nn.functional import binary_cross_entropy_with_logits


def named(probs: Any, logits: Any) -> tuple[str, Any]:
    """Which of the two was given. ValueError unless it was exactly one."""
    if (probs is None) == (logits is None):
        raise ValueError(say("errors.distributions.both"))
    return ("logits", logits) if probs is None else ("probs", probs)


def within(probs: Tensor) -> Tensor:
    """Probabilities so far from 0 and 1 that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


class Bernoulli(Distribution):
    """1 with probability `probs`, which is sigmoid(logits), else 0."""

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        name, value = named(probs, logits)
        (value,) = together(value)
        super().__init__(value.shape, (), validate_args, parameters={name: value})

    def _demand(self, name: str, value: Any) -> str:
        if name == "probs" and not bool(((value >= 0) & (value <= 1)).all()):
            return "0 ... 1"
        return super()._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value == 0) | (value == 1)

    def __getattr__(self, name: str) -> Any:
        if name == "probs":
            return self.logits.sigmoid()
        if name == "logits":
            p = within(self.probs)
            return p.log() - (-p).log1p()
        raise AttributeError(name)

    @property
    def mean(self) -> Tensor:
        probs: Tensor = self.probs
        return probs

    @property
    def mode(self) -> Tensor:
        p = self.probs
        mode = (p >= 0.5).to(p.dtype)
        return mode.masked_fill(p == 0.5, math.nan)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        logits, value = FUNCTIONS["broadcast_tensors"](self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1, along a new first dimension."""
        p = next(iter(self._parameters.values()))
        values = FUNCTIONS["stack"]([p.new_zeros(()), p.new_ones(())])
        values = values.view(2, *[1] * len(self._batch_shape))
        return values.expand(2, *self._batch_shape) if expand else values


class Categorical(Distribution):
    """The number k with probability probs[..., k]. probs need not sum to 1: they are divided by
    their sum; logits: their softmax is taken. Samples are whole numbers, batch_shape."""

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        name, value = named(probs, logits)
        if value.ndim < 1:
            raise ValueError(say("errors.distributions.categories", name=name))
        total = value.sum(-1, True) if name == "probs" else value.logsumexp(-1, True)
        self._num_events = value.shape[-1]
        self._negative = name == "probs" and bool((value < 0).any() | (total <= 0).any())
        value = value / total if name == "probs" else value - total
        super().__init__(value.shape[:-1], (), validate_args, parameters={name: value})

    def _demand(self, name: str, value: Any) -> str:
        return ">= 0" if self._negative else super()._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value < self._num_events) & (value == value.floor())

    def __getattr__(self, name: str) -> Any:
        if name == "probs":
            return self.logits.softmax(-1)
        if name == "logits":
            return within(self.probs).log()
        raise AttributeError(name)

    @property
    def param_shape(self) -> Any:
        return self.probs.shape

    @property
    def mean(self) -> Tensor:
        return self.probs.new_full(self._batch_shape, math.nan)

    variance = mean

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        count = math.prod(tuple(sample_shape))
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = multinomial(rows, count, True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        value = value.long().unsqueeze(-1)
        shape = FUNCTIONS["broadcast_shapes"](value.shape[:-1], self._batch_shape)
        logits = self.logits.expand((*shape, self._num_events))
        return logits.gather(-1, value.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 to the number of categories - 1, along a new first dimension."""
        values = arange(self._num_events).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values


class OfCoin(Distribution):
    """A distribution made of throws of one coin, `_coin`: probs, or logits, as Bernoulli takes
    them; total_count, where it counts throws."""

    def __init__(
        self, probs: Any, logits: Any, validate_args: bool | None, total_count: Any = None
    ) -> None:
        name, value = named(probs, logits)
        given = {name: value} | ({} if total_count is None else {"total_count": total_count})
        given = dict(zip(given, together(*given.values()), strict=True))
        self._coin = Bernoulli(**{name: given[name]}, validate_args=validate_args)
        super().__init__(given[name].shape, (), validate_args, parameters=given)

    def __getattr__(self, name: str) -> Any:
        if name in ("probs", "logits"):
            return getattr(self._coin, name)
        raise AttributeError(name)

    @property
    def param_shape(self) -> Any:
        return self._coin.batch_shape


class OfOutcomes(Distribution):
    """A distribution of rows with a number for each of several outcomes; probs, or logits, as the
    Categorical behind it, `_one`, takes them."""

    def __init__(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        self._one = Categorical(probs, logits, validate_args)
        given = self._one._parameters
        shape = next(iter(given.values())).shape
        super().__init__(shape[:-1], shape[-1:], validate_args, parameters=given)

    def _demand(self, name: str, value: Any) -> str:
        return self._one._demand(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in ("probs", "logits"):
            return getattr(self._one, name)
        raise AttributeError(name)

    @property
    def param_shape(self) -> Any:
        return self._one.param_shape
