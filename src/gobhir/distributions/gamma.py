"""Gamma and what is made of it: Chi2, Beta, Dirichlet, StudentT, InverseGamma."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.autograd import Function
from gobhir.distributions.distribution import Distribution, together
from gobhir.distributions.transformed import TransformedDistribution
from gobhir.distributions.transforms import PowerTransform
from gobhir.engine import Tensor
from gobhir.engine.creation import empty
from gobhir.engine.dtypes import finfo
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.generator import Generator, default_generator
from gobhir.engine.tape import no_grad
from gobhir.lang import say

THIRD = float(np.float32(1) / np.float32(3))
"""PyTorch computes it in float32, and so all that is drawn with it."""


class _Drawn(Function):
    """Gamma numbers of rate 1 for every shape parameter a, with their slope to a.

    The drawn x stays at its share F(x, a) of the distribution while a changes, so dx / da =
    -(dF / da) / (dF / dx). Source: Figurnov, Mohamed and Mnih, Implicit reparameterization
    gradients (2018).
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        drawn = [_one(float(each), default_generator) for each in a.numpy(force=True).reshape(-1)]
        least = finfo(a.dtype).tiny
        x = np.maximum(np.array(drawn, a.dtype).reshape(a.shape), least)
        ctx.slope = _slope(a.numpy(force=True).astype(float), x.astype(float)).astype(a.dtype)
        return Tensor._wrap(x)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Tensor:
        return d * Tensor._wrap(ctx.slope)


def _one(a: float, source: Generator) -> float:
    """Source: Marsaglia and Tsang, A simple method for generating gamma variables (2000)."""
    kind = np.dtype(np.float64)
    scale = 1.0
    if a < 1:
        if a == 0:
            return 0.0
        scale = (1 - float(source.fine(1)[0])) ** (1 / a)
        a += 1
    d = a - THIRD
    c = 1 / math.sqrt(9 * d)
    while True:
        y = -1.0
        while y <= 0:
            x = float(source.normal(1, kind)[0])
            y = 1 + c * x
        v = y * y * y
        u = 1 - float(source.fine(1)[0])
        if u < 1 - 0.0331 * x**4 or math.log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return scale * d * v


def _slope(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """dx / da, from F = sum over n of x^(a + n) e^-x / Gamma(a + n + 1)."""
    lgamma = np.vectorize(math.lgamma, otypes=[float])
    log_x = np.log(x)
    density = a * log_x - log_x - x - lgamma(a)
    term, psi = np.exp(a * log_x - x - lgamma(a + 1) - density), _digamma(a + 1)
    total, n = np.zeros_like(x), 0
    while True:
        part = term * (log_x - psi)
        total += part
        n += 1
        if n > 20 and np.all((np.abs(part) <= 1e-17 * np.abs(total)) & (a + n > x)) or n > 10_000:
            return -total
        psi = psi + 1 / (a + n)
        term = term * x / (a + n)


def _digamma(a: np.ndarray) -> np.ndarray:
    return FUNCTIONS["digamma"](Tensor._wrap(np.asarray(a))).numpy()


class Gamma(Distribution):
    """rate^a x^(a - 1) e^(-rate x) / Gamma(a), a = concentration: the time until the a-th of events
    that come `rate` times a second."""

    has_rsample = True
    _positive = ("concentration", "rate")

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = together(concentration, rate)
        given = {"concentration": self.concentration, "rate": self.rate}
        super().__init__(self.rate.shape, (), validate_args, parameters=given)

    def _inside(self, value: Any) -> Tensor:
        return value >= 0

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        drawn = _Drawn.apply(self.concentration.expand(shape)) / self.rate.expand(shape)
        return drawn.clamp(min=finfo(drawn.dtype).tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        a, rate = self.concentration, self.rate
        powers = FUNCTIONS["xlogy"](a, rate) + FUNCTIONS["xlogy"](a - 1, value)
        return powers - rate * value - a.lgamma()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        return FUNCTIONS["igamma"](self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()


class Chi2(Gamma):
    """The sum of df squares of normal numbers: Gamma(df / 2, 1 / 2)."""

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (df,) = together(df)
        super().__init__(0.5 * df, 0.5, validate_args)

    @property
    def df(self) -> Tensor:
        return self.concentration * 2

    def expand(self, batch_shape: Any) -> Chi2:
        return Chi2(self.df.expand(tuple(batch_shape)), validate_args=False)


class InverseGamma(TransformedDistribution):
    """1 / x for x of Gamma(concentration, rate)."""

    _positive = ("concentration", "rate")

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args)
        self.concentration, self.rate = base.concentration, base.rate
        given = {"concentration": self.concentration, "rate": self.rate}
        super().__init__(base, [PowerTransform(-base.rate.new_ones(()))], validate_args, given)

    def _inside(self, value: Any) -> Tensor:
        return value > 0

    @property
    def mean(self) -> Tensor:
        a = self.concentration
        return (self.rate / (a - 1)).masked_fill(a.le(1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return (self.rate.square() / ((a - 1).square() * (a - 2))).masked_fill(a.le(2), math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()


class Dirichlet(Distribution):
    """Shares (x_1, ..., x_k) that add up to 1, with density of product of x_i^(a_i - 1), a =
    concentration (..., k)."""

    has_rsample = True
    _positive = ("concentration",)

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError(say("errors.distributions.categories", name="concentration"))
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(
            shape[:-1], shape[-1:], validate_args, parameters={"concentration": concentration}
        )

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        left = (self.concentration - 1).clamp(min=0.0)
        mode = left / left.sum(-1, True)
        corner = self.concentration.lt(1).all(-1, True)
        top = mode.argmax(-1, True)  # the first, where 0 / 0 says nothing
        one = mode.new_zeros(mode.shape).scatter(-1, top, 1.0)
        return FUNCTIONS["where"](corner, one, mode)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = _Drawn.apply(self.concentration.expand(self._extended_shape(sample_shape)))
        return drawn / drawn.sum(-1, True)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        a = self.concentration
        terms = FUNCTIONS["xlogy"](a - 1.0, value).sum(-1)
        return terms + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Tensor:
        a, k = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        volume = a.lgamma().sum(-1) - total.lgamma()
        return volume - (k - total) * total.digamma() - ((a - 1.0) * a.digamma()).sum(-1)


class Beta(Distribution):
    """A share x between 0 and 1, with density of x^(a - 1) (1 - x)^(b - 1); a = concentration1, b =
    concentration0: what is believed of a coin after a - 1 heads and b - 1 tails."""

    has_rsample = True
    _positive = ("concentration1", "concentration0")

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        one, zero = together(concentration1, concentration0)
        self.concentration1, self.concentration0 = one, zero
        given = {"concentration1": one, "concentration0": zero}
        super().__init__(one.shape, (), validate_args, parameters=given)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value <= 1)

    @property
    def _shares(self) -> Dirichlet:
        """x and 1 - x."""
        both = FUNCTIONS["stack"]([self.concentration1, self.concentration0], -1)
        return Dirichlet(both, False)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        return self._shares.mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._shares.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        return self._shares.log_prob(FUNCTIONS["stack"]([value, 1.0 - value], -1))

    def entropy(self) -> Tensor:
        return self._shares.entropy()


class FisherSnedecor(Distribution):
    """(c1 / df1) / (c2 / df2) for c1 of Chi2(df1) and c2 of Chi2(df2): how many times as large one
    estimate of a variance comes out as another."""

    has_rsample = True
    _positive = ("df1", "df2")

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = together(df1, df2)
        given = {"df1": self.df1, "df2": self.df2}
        super().__init__(self.df1.shape, (), validate_args, parameters=given)

    def _inside(self, value: Any) -> Tensor:
        return value > 0

    @property
    def mean(self) -> Tensor:
        return (self.df2 / (self.df2 - 2)).masked_fill(self.df2.le(2), math.nan)

    @property
    def mode(self) -> Tensor:
        top = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return top.masked_fill(self.df1.le(2), math.nan)

    @property
    def variance(self) -> Tensor:
        n, m = self.df1, self.df2
        spread = 2 * m.pow(2) * (n + m - 2) / (n * (m - 2).pow(2) * (m - 4))
        return spread.masked_fill(m.le(4), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        least = finfo(self.df1.dtype).tiny
        over, under = (
            Gamma(0.5 * df, df, False).rsample(sample_shape) for df in (self.df1, self.df2)
        )
        return (over / under.clamp(min=least)).clamp(min=least)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        a, b, ratio = 0.5 * self.df1, 0.5 * self.df2, self.df1 / self.df2
        volume = a.lgamma() + b.lgamma() - (a + b).lgamma()
        powers = a * ratio.log() + (a - 1) * value.log() - (a + b) * (ratio * value).log1p()
        return powers - volume


class StudentT(Distribution):
    """loc + scale z / sqrt(c / df), z normal and c of Chi2(df): the normal one's shape, but with
    much more far away when df is small."""

    has_rsample = True
    _positive = ("df", "scale")

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = together(df, loc, scale)
        self._squares = Chi2(self.df, False)
        given = {"df": self.df, "loc": self.loc, "scale": self.scale}
        super().__init__(self.df.shape, (), validate_args, parameters=given)

    @property
    def mean(self) -> Tensor:
        return self.loc.masked_fill(self.df.le(1), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        known = self.scale.pow(2) * self.df / (self.df - 2)
        some = known.masked_fill(self.df.le(2), math.inf)
        return some.masked_fill(self.df.le(1), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        z = empty(self._extended_shape(sample_shape), dtype=self.loc.dtype).normal_()
        c = self._squares.rsample(sample_shape)
        return self.loc + self.scale * z * (c / self.df).rsqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        y = (value - self.loc) / self.scale
        return -0.5 * (self.df + 1.0) * (y**2.0 / self.df).log1p() - self._volume()

    def _volume(self) -> Tensor:
        half = 0.5 * self.df
        size = self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi)
        return size + half.lgamma() - (0.5 * (self.df + 1.0)).lgamma()

    def entropy(self) -> Tensor:
        half = 0.5 * (self.df + 1)
        # ln B(1/2, df/2) takes the place of the two lgamma of the volume.
        return self._volume() + half * (half.digamma() - (0.5 * self.df).digamma())


def drawn_rates(concentration: Tensor, rate: Tensor, shape: Any) -> Tensor:
    """Gamma numbers without a gradient, for distributions whose rate is drawn."""
    with no_grad():
        return Gamma(concentration, rate, False).expand(shape).sample()
