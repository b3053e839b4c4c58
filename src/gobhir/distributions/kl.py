"""How far one distribution is from another: the Kullback-Leibler divergence.

KL(p, q) = mean over what p draws of log p(x) - log q(x), >= 0, and 0 only where they agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gobhir import linalg
from gobhir.distributions.categorical import Bernoulli, Categorical
from gobhir.distributions.continuous import Exponential, Laplace, Uniform
from gobhir.distributions.counts import Binomial, Geometric, OneHotCategorical, Poisson
from gobhir.distributions.distribution import Distribution, Independent, summed
from gobhir.distributions.gamma import Beta, Dirichlet, Gamma
from gobhir.distributions.normal import MultivariateNormal, Normal
from gobhir.distributions.transformed import Cauchy, HalfCauchy, HalfNormal, TransformedDistribution
from gobhir.engine import Tensor
from gobhir.engine.functions import FUNCTIONS
from gobhir.lang import say
from gobhir.nn.functional import softplus

_FORMULAS: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Decorator: the function below works out KL(p, q) for distributions of these classes."""

    def keep(f: Any) -> Any:
        _FORMULAS[type_p, type_q] = f
        return f

    return keep


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p, q) in nats, of shape batch_shape. NotImplementedError where no formula is known for
    the two."""
    for a in type(p).__mro__:
        for b in type(q).__mro__:
            if (a, b) in _FORMULAS:
                return _FORMULAS[a, b](p, q)
    raise NotImplementedError(
        say("errors.distributions.kl", p=type(p).__name__, q=type(q).__name__)
    )


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(MultivariateNormal, MultivariateNormal)
def _several_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    shape = FUNCTIONS["broadcast_shapes"](p._tril.shape, q._tril.shape)
    tril = q._tril.expand(shape)
    spread = linalg.solve_triangular(tril, p._tril.expand(shape), upper=False)
    away = linalg.solve_triangular(tril, (q.loc - p.loc).unsqueeze(-1), upper=False)
    squares = spread.pow(2).sum((-2, -1)) + away.pow(2).sum((-2, -1))
    return q._log_volume() - p._log_volume() + 0.5 * (squares - p.event_shape[0])


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Tensor:
    out = ((q.high - q.low) / (p.high - p.low)).log()
    return out.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    away = (p.loc - q.loc).abs()
    ratio = p.scale / q.scale
    return -ratio.log() + away / q.scale + ratio * (-away / p.scale).exp() - 1


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = p.probs
    ours = one * (softplus(-q.logits) - softplus(-p.logits))
    ours = ours.masked_fill(q.probs == 0, math.inf).masked_fill(one == 0, 0)
    others = (1 - one) * (softplus(q.logits) - softplus(p.logits))
    others = others.masked_fill(q.probs == 1, math.inf).masked_fill(one == 1, 0)
    return ours + others


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    each = p.probs * (p.logits - q.logits)
    each = each.masked_fill((q.probs == 0).expand_as(each), math.inf)
    return each.masked_fill((p.probs == 0).expand_as(each), 0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _rows(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return _categorical(p._one, q._one)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    volumes = b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
    return volumes + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    volumes = total.lgamma() - b.sum(-1).lgamma() + (b.lgamma() - a.lgamma()).sum(-1)
    return volumes + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    return _dirichlet(p._shares, q._shares)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    both = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return both.log() - (4 * p.scale * q.scale).log()


@register_kl(HalfCauchy, HalfCauchy)
def _half_cauchy(p: HalfCauchy, q: HalfCauchy) -> Tensor:
    return _cauchy(p.base_dist, q.base_dist)


@register_kl(Binomial, Binomial)
def _binomial(p: Binomial, q: Binomial) -> Tensor:
    if bool((p.total_count > q.total_count).any()):
        return q.probs.new_full(q.probs.shape, math.inf)
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError(say("errors.distributions.kl", p="Binomial", q="Binomial"))
    failures = (-p.probs).log1p() - (-q.probs).log1p()
    return p.total_count * (p.probs * (p.logits - q.logits) + failures)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: TransformedDistribution, q: TransformedDistribution) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        names = {"p": type(p).__name__, "q": type(q).__name__}
        raise NotImplementedError(say("errors.distributions.kl", **names))
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    count = p.reinterpreted_batch_ndims
    if count != q.reinterpreted_batch_ndims:
        raise NotImplementedError(say("errors.distributions.kl", p="Independent", q="Independent"))
    return summed(kl_divergence(p.base_dist, q.base_dist), count)
