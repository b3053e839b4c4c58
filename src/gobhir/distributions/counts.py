"""Distributions of whole numbers: events, tries, successes, one of several as a row of 0 and 1."""

from __future__ import annotations

from typing import Any

from gobhir.distributions.categorical import OfCoin, OfOutcomes
from gobhir.distributions.distribution import Distribution, together
from gobhir.distributions.gamma import drawn_rates
from gobhir.engine import Tensor
from gobhir.engine.creation import arange, empty, eye
from gobhir.engine.dtypes import finfo
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.random import binomial, poisson
from gobhir.engine.tape import no_grad
from gobhir.nn.functional import one_hot, softplus


class Poisson(Distribution):
    """How many events happen where `rate` are expected: rate^k e^-rate / k!."""

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together(rate)
        super().__init__(self.rate.shape, (), validate_args, parameters={"rate": self.rate})

    def _demand(self, name: str, value: Any) -> str:
        return "" if bool((value >= 0).all()) else ">= 0"

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value == value.floor())

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        rate, value = FUNCTIONS["broadcast_tensors"](self.rate, value)
        return FUNCTIONS["xlogy"](value, rate) - rate - (value + 1).lgamma()


class Geometric(OfCoin):
    """How many failures come before the first success: (1 - probs)^k probs."""

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)

    def _demand(self, name: str, value: Any) -> str:
        if name == "probs" and not bool((value > 0).all()):
            return "> 0"
        return super()._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value == value.floor())

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return self.probs * 0

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            probs = self.probs.expand(self._extended_shape(sample_shape))
            u = empty(probs.shape, dtype=probs.dtype).uniform_(finfo(probs.dtype).tiny, 1)
            return (u.log() / (-probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        value, probs = FUNCTIONS["broadcast_tensors"](value, self.probs)
        failed = (-probs).log1p()
        never = probs.eq(1) & value.eq(0)
        return value * failed.masked_fill(never, 0) + self.probs.log()

    def entropy(self) -> Tensor:
        return self._coin.entropy() / self.probs


class Binomial(OfCoin):
    """How many of total_count tries succeed, each with probability `probs`."""

    def __init__(
        self,
        total_count: Any = 1,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(probs, logits, validate_args, total_count)

    def _demand(self, name: str, value: Any) -> str:
        if name == "total_count":
            fine = bool(((value >= 0) & (value == value.floor())).all())
            return "" if fine else "0, 1, 2, ..."
        return self._coin._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value <= self.total_count) & (value == value.floor())

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().minimum(self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            count = self.total_count.to(self.probs.dtype)
            return binomial(count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        n, logits = self.total_count, self.logits
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        return ways + value * logits - n * softplus(logits)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 to total_count, along a new first dimension. NotImplementedError where the counts
        differ."""
        most = int(self.total_count.max())
        if not bool((self.total_count == most).all()):
            raise NotImplementedError
        values = arange(1 + most, dtype=self.probs.dtype).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def entropy(self) -> Tensor:
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)


class NegativeBinomial(OfCoin):
    """How many successes come, each with probability `probs`, before total_count failures."""

    def __init__(
        self,
        total_count: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(probs, logits, validate_args, total_count)

    def _demand(self, name: str, value: Any) -> str:
        if name == "total_count":
            return "" if bool((value >= 0).all()) else ">= 0"
        if name == "probs":
            return "" if bool(((value >= 0) & (value < 1)).all()) else "0 ... 1"
        return super()._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value == value.floor())

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return poisson(drawn_rates(self.total_count, (-self.logits).exp(), shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        n, logits = self.total_count, self.logits
        chance = -n * softplus(logits) - value * softplus(-logits)
        ways = (n + value).lgamma() - (1.0 + value).lgamma() - n.lgamma()
        return chance + ways.masked_fill((n + value == 0).expand(ways.shape), 0.0)


class OneHotCategorical(OfOutcomes):
    """Categorical, its samples as rows of zeros with a single 1: batch_shape + (outcomes,)."""

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)

    def _inside(self, value: Any) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)

    @property
    def mean(self) -> Tensor:
        probs: Tensor = self.probs
        return probs

    @property
    def mode(self) -> Tensor:
        return self._row(self.probs.argmax(-1))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _row(self, number: Tensor) -> Tensor:
        return one_hot(number, self.probs.shape[-1]).to(self.probs.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self._row(self._one.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        return self._one.log_prob(value.argmax(-1))

    def entropy(self) -> Tensor:
        return self._one.entropy()

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All rows, along a new first dimension."""
        n = self._event_shape[0]
        rows = eye(n, dtype=self.probs.dtype).view(n, *[1] * len(self._batch_shape), n)
        return rows.expand(n, *self._batch_shape, n) if expand else rows


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """OneHotCategorical whose samples pass gradients on to probs as if they were probs (Bengio et
    al., Estimating or propagating gradients through stochastic neurons, 2013)."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
