"""Distributions made of others: what comes of numbers when a function is applied to them."""

from __future__ import annotations

import math
from typing import Any

from gobhir.distributions.continuous import Exponential, Uniform
from gobhir.distributions.distribution import (
    Distribution,
    Independent,
    LocationScale,
    summed,
    together,
)
from gobhir.distributions.event_transforms import StickBreakingTransform
from gobhir.distributions.normal import Normal
from gobhir.distributions.transforms import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    Transform,
)
from gobhir.engine import Tensor
from gobhir.engine.creation import empty
from gobhir.engine.dtypes import finfo
from gobhir.engine.tape import no_grad
from gobhir.lang import say

EULER = 0.57721566490153286060
"""Euler's constant."""


class TransformedDistribution(Distribution):
    """y = f(x), x drawn from base_distribution; transforms: f, or several, one after another.
    A normalizing flow is this with transforms that learn."""

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | list[Transform],
        validate_args: bool | None = None,
        _parameters: dict[str, Tensor] | None = None,
    ) -> None:
        listed = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(listed, list) or not all(isinstance(f, Transform) for f in listed):
            raise ValueError(say("errors.distributions.transforms", got=type(transforms).__name__))
        self.transforms = listed
        whole = ComposeTransform(listed)
        old, new = whole._dims
        more = max(old - len(base_distribution.event_shape), 0)
        self.base_dist = Independent(base_distribution, more) if more else base_distribution
        event = self.base_dist.event_shape
        shape = whole.forward_shape(self.base_dist.batch_shape + event)
        cut = len(shape) - len(event) - new + old
        shapes = (shape[:cut], shape[cut:])
        super().__init__(*shapes, validate_args, parameters=_parameters or {})

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Tensor) -> Tensor:
        for f in self.transforms:
            x = f(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        dims, y, slopes = len(self._event_shape), value, 0.0
        for f in reversed(self.transforms):
            x = f.inv(y)
            old, new = f._dims
            dims += old - new
            slopes = slopes - summed(f.log_abs_det_jacobian(x, y), dims - old)
            y = x
        return slopes + self.base_dist.log_prob(y)

    def cdf(self, value: Tensor) -> Tensor:
        for f in reversed(self.transforms):
            value = f.inv(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self._forward(self.base_dist.icdf(self._turned(value)))

    def _turned(self, share: Tensor) -> Tensor:
        """1 - share where the function falls."""
        sign = ComposeTransform(self.transforms).sign
        if isinstance(sign, int) and sign == 1:
            return share
        return sign * (share - 0.5) + 0.5

    def expand(self, batch_shape: Any) -> Any:
        if self._parameters:
            return super().expand(batch_shape)
        return TransformedDistribution(self.base_dist.expand(batch_shape), self.transforms)


class LogNormal(TransformedDistribution):
    """e^x for normal x: sizes that come about by many multiplications. loc and scale are those of
    ln y."""

    _positive = ("scale",)

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together(loc, scale)
        base = Normal(self.loc, self.scale, validate_args)
        given = {"loc": self.loc, "scale": self.scale}
        super().__init__(base, [ExpTransform()], validate_args, given)

    def _inside(self, value: Any) -> Tensor:
        return value > 0

    @property
    def mean(self) -> Tensor:
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self) -> Tensor:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Tensor:
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc


class Gumbel(TransformedDistribution):
    """The largest of very many numbers: exp(-z - e^-z) / scale, z = (x - loc) / scale."""

    _positive = ("scale",)

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together(loc, scale)
        limits = finfo(self.loc.dtype)
        low = self.loc.new_full(self.loc.shape, limits.tiny)
        base = Uniform(low, self.loc.new_full(self.loc.shape, 1 - limits.eps), validate_args)
        falling = [ExpTransform().inv, AffineTransform(0, -1.0)]
        transforms = [*falling, ExpTransform().inv, AffineTransform(self.loc, -self.scale)]
        given = {"loc": self.loc, "scale": self.scale}
        super().__init__(base, transforms, validate_args, given)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * EULER

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (math.pi / math.sqrt(6) * self.scale).pow(2)

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + EULER)


class Pareto(TransformedDistribution):
    """alpha scale^alpha / x^(alpha + 1) for x >= scale: wealth, city sizes."""

    _positive = ("scale", "alpha")

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = together(scale, alpha)
        transforms: list[Transform] = [ExpTransform(), AffineTransform(0, self.scale)]
        given = {"alpha": self.alpha, "scale": self.scale}
        base = Exponential(self.alpha, validate_args)
        super().__init__(base, transforms, validate_args, given)

    def _inside(self, value: Any) -> Tensor:
        return value >= self.scale

    @property
    def mean(self) -> Tensor:
        a = self.alpha.clamp(min=1)
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = self.alpha.clamp(min=2)
        return self.scale.pow(2) * a / ((a - 1).pow(2) * (a - 2))

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + self.alpha.reciprocal())


class Weibull(TransformedDistribution):
    """How long things last: scale x^(1 / concentration), x exponential. Above concentration 1 they
    age, below it what has lasted long lasts."""

    _positive = ("scale", "concentration")

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = together(scale, concentration)
        self.concentration_reciprocal = self.concentration.reciprocal()
        power = PowerTransform(self.concentration_reciprocal)
        base = Exponential(self.scale.new_ones(self.scale.shape), validate_args)
        given = {"scale": self.scale, "concentration": self.concentration}
        transforms: list[Transform] = [power, AffineTransform(0, self.scale)]
        super().__init__(base, transforms, validate_args, given)

    def _inside(self, value: Any) -> Tensor:
        return value > 0

    @property
    def mean(self) -> Tensor:
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return self.scale * ((k - 1) / k) ** k.reciprocal()

    @property
    def variance(self) -> Tensor:
        r = self.concentration_reciprocal
        squares = (1 + 2 * r).lgamma().exp() - (2 * (1 + r).lgamma()).exp()
        return self.scale.pow(2) * squares

    def entropy(self) -> Tensor:
        r = self.concentration_reciprocal
        return EULER * (1 - r) + (self.scale * r).log() + 1


class Cauchy(LocationScale):
    """1 / (pi scale (1 + ((x - loc) / scale)**2)): so much lies far away that it has no mean."""

    @property
    def mean(self) -> Tensor:
        return self.loc.new_full(self._batch_shape, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.loc.new_full(self._batch_shape, math.inf)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).cauchy_()
        return self.loc + drawn * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        away = ((value - self.loc) / self.scale) ** 2
        return -math.log(math.pi) - self.scale.log() - away.log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        return math.log(4 * math.pi) + self.scale.log()


class _Half(Distribution):
    """|x| for x of a distribution that is symmetric around 0."""

    has_rsample = True
    _positive = ("scale",)
    _whole: type[Normal | Cauchy]

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = together(scale)
        self.base_dist = self._whole(self.scale.new_zeros(self.scale.shape), self.scale, False)
        super().__init__(self.scale.shape, (), validate_args, parameters={"scale": self.scale})

    def _inside(self, value: Any) -> Tensor:
        return value >= 0

    @property
    def mode(self) -> Tensor:
        return self.scale * 0

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape).abs()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape).abs()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        both_sides = self.base_dist.log_prob(value) + math.log(2)
        return both_sides.masked_fill(value.lt(0).expand(both_sides.shape), -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)


class HalfNormal(_Half):
    """|x| for normal x of mean 0."""

    _whole = Normal

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Tensor:
        return self.scale.pow(2) * (1 - 2 / math.pi)


class HalfCauchy(_Half):
    """|x| for x of a Cauchy distribution around 0."""

    _whole = Cauchy

    @property
    def mean(self) -> Tensor:
        return self.scale.new_full(self._batch_shape, math.inf)

    variance = mean


class LogisticNormal(TransformedDistribution):
    """Shares that add up to 1, made of normal numbers by breaking a stick: one share more."""

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args)
        base = base if base.batch_shape else base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)

    @property
    def loc(self) -> Tensor:
        return self.base_dist.base_dist.loc  # type: ignore[attr-defined]

    @property
    def scale(self) -> Tensor:
        return self.base_dist.base_dist.scale  # type: ignore[attr-defined]
