"""One of several distributions, drawn first; and near-choices that gradients pass through."""

from __future__ import annotations

import math
from typing import Any

from gobhir.distributions.categorical import Categorical, OfCoin, OfOutcomes
from gobhir.distributions.distribution import Distribution, together
from gobhir.engine import Tensor
from gobhir.engine.dtypes import finfo
from gobhir.engine.random import rand
from gobhir.engine.tape import no_grad
from gobhir.lang import say


class MixtureSameFamily(Distribution):
    """A number k is drawn from mixture_distribution, then a sample from the k-th of the
    distributions side by side in component_distribution (the last of its batch dimensions)."""

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical) or not isinstance(
            component_distribution, Distribution
        ):
            raise ValueError(say("errors.distributions.mixture"))
        count = component_distribution.batch_shape[-1:]
        if mixture_distribution.param_shape[-1:] != count:
            raise ValueError(say("errors.distributions.mixture"))
        self.mixture_distribution = mixture_distribution
        self.component_distribution = component_distribution
        shapes = (component_distribution.batch_shape[:-1], component_distribution.event_shape)
        super().__init__(*shapes, validate_args)

    def _wide(self, x: Tensor) -> Tensor:
        """With a dimension for the components before those of the event."""
        return x.unsqueeze(-1 - len(self._event_shape))

    def _shares(self) -> Tensor:
        probs = self.mixture_distribution.probs
        return probs.reshape(tuple(probs.shape) + (1,) * len(self._event_shape))

    @property
    def mean(self) -> Tensor:
        at = -1 - len(self._event_shape)
        return (self._shares() * self.component_distribution.mean).sum(at)

    @property
    def variance(self) -> Tensor:
        at = -1 - len(self._event_shape)
        inside = (self._shares() * self.component_distribution.variance).sum(at)
        away = self.component_distribution.mean - self._wide(self.mean)
        return inside + (self._shares() * away.pow(2.0)).sum(at)

    def _check(self, value: Tensor) -> None:
        self.component_distribution._check(self._wide(value))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            event = len(self._event_shape)
            which = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            at = which.reshape(tuple(which.shape) + (1,) * (event + 1))
            at = at.expand(*which.shape, 1, *self._event_shape)
            return drawn.gather(len(which.shape), at).squeeze(len(which.shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        each = self.component_distribution.log_prob(self._wide(value))
        return (each + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def cdf(self, value: Tensor) -> Tensor:
        each = self.component_distribution.cdf(self._wide(value))
        return (each * self.mixture_distribution.probs).sum(-1)

    def expand(self, batch_shape: Any) -> MixtureSameFamily:
        shape = tuple(batch_shape)
        parts = self.component_distribution.expand((*shape, self._components()))
        return MixtureSameFamily(self.mixture_distribution.expand(shape), parts, False)

    def _components(self) -> int:
        return int(self.component_distribution.batch_shape[-1])

    def __repr__(self) -> str:
        inside = f"{self.mixture_distribution},\n  {self.component_distribution}"
        return f"MixtureSameFamily(\n  {inside})"


class RelaxedBernoulli(OfCoin):
    """A number between 0 and 1 that gradients pass through: sigmoid((logits + noise) /
    temperature); at low temperatures nearly a Bernoulli's 0 or 1.

    Source: Maddison, Mnih and Teh, The concrete distribution (2017).
    """

    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def _demand(self, name: str, value: Any) -> str:
        return self._coin._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value <= 1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        eps = finfo(self.probs.dtype).eps
        probs = self.probs.expand(shape).clamp(min=eps, max=1 - eps)
        u = rand(shape, dtype=probs.dtype).clamp(min=eps, max=1 - eps)
        z = u.log() - (-u).log1p() + probs.log() - (-probs).log1p()
        return (z / self.temperature).sigmoid()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        z = value.log() - (-value).log1p()
        (temperature,) = together(self.temperature)
        gap = self.logits - z * temperature
        inner = temperature.log() + gap - 2 * gap.exp().log1p()
        return inner - value.log() - (-value).log1p()

    def expand(self, batch_shape: Any) -> RelaxedBernoulli:
        ((name, value),) = self._parameters.items()
        given = {name: value.expand(tuple(batch_shape))}
        return RelaxedBernoulli(self.temperature, **given, validate_args=False)


class RelaxedOneHotCategorical(OfOutcomes):
    """Shares that add up to 1 and that gradients pass through: softmax((logits + Gumbel noise) /
    temperature); at low temperatures nearly a row of zeros with a single 1.

    Sources: Maddison, Mnih and Teh, The concrete distribution (2017); Jang, Gu and Poole,
    Categorical reparameterization with Gumbel-softmax (2017).
    """

    has_rsample = True

    def __init__(
        self,
        temperature: Any,
        probs: Any = None,
        logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        eps = finfo(self.logits.dtype).eps
        u = rand(shape, dtype=self.logits.dtype).clamp(min=eps, max=1 - eps)
        gumbels = -(-(u.log())).log()
        return ((self.logits + gumbels) / self.temperature).softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        k = self._event_shape[0]
        (temperature,) = together(self.temperature)
        score = (self.logits - temperature * value.log()).log_softmax(-1).sum(-1)
        scale = math.lgamma(k) + (k - 1) * temperature.log()
        return score + scale - value.log().sum(-1)

    def expand(self, batch_shape: Any) -> RelaxedOneHotCategorical:
        ((name, value),) = self._parameters.items()
        given = {name: value.expand((*tuple(batch_shape), *self._event_shape))}
        return RelaxedOneHotCategorical(self.temperature, **given, validate_args=False)
