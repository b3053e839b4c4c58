"""Distributions of a number between 0 and 1, and of an angle."""

from __future__ import annotations

import math
from typing import Any

from gobhir import special
from gobhir.distributions.categorical import named, within
from gobhir.distributions.continuous import Uniform
from gobhir.distributions.distribution import Distribution, together
from gobhir.distributions.transformed import EULER, TransformedDistribution
from gobhir.distributions.transforms import AffineTransform, PowerTransform, Transform
from gobhir.engine import Tensor
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.random import rand
from gobhir.engine.tape import no_grad
from gobhir.nn.functional import binary_cross_entropy_with_logits


class Kumaraswamy(TransformedDistribution):
    """a b x^(a - 1) (1 - x^a)^(b - 1) for x from 0 to 1; a = concentration1, b = concentration0.
    It looks like Beta, and its shares and samples have a simple formula."""

    _positive = ("concentration1", "concentration0")

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = a, b = together(concentration1, concentration0)
        transforms: list[Transform] = [PowerTransform(b.reciprocal()), AffineTransform(1.0, -1.0)]
        transforms.append(PowerTransform(a.reciprocal()))
        base = Uniform(b.new_zeros(b.shape), b.new_ones(b.shape), validate_args)
        given = {"concentration1": a, "concentration0": b}
        super().__init__(base, transforms, validate_args, given)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value <= 1)

    def _moment(self, n: int) -> Tensor:
        """The mean of x^n."""
        r, b = 1 + n / self.concentration1, self.concentration0
        return (b.log() + r.lgamma() + b.lgamma() - (r + b).lgamma()).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        """Where the density is highest; NaN unless both concentrations are at least 1. (PyTorch's
        formula gives NaN everywhere else, too.)"""
        a, b = self.concentration1, self.concentration0
        top = ((a - 1) / (a * b - 1)) ** a.reciprocal()
        return top.masked_fill(a.lt(1) | b.lt(1), math.nan)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1).pow(2)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + EULER
        return (1 - 1 / b) + (1 - 1 / a) * harmonic - a.log() - b.log()


class ContinuousBernoulli(Distribution):
    """Density of probs^x (1 - probs)^(1 - x) for x from 0 to 1, probs = sigmoid(logits): what
    binary cross-entropy means for a grey pixel. Between `lims` series stand in for formulas that
    are 0 / 0 at one half. Source: Loaiza-Ganem and Cunningham, The continuous Bernoulli (2019)."""

    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        name, value = named(probs, logits)
        (value,) = together(value)
        self._lims = lims
        super().__init__(value.shape, (), validate_args, parameters={name: value})
        if name == "probs":
            self.probs = within(value)

    def _demand(self, name: str, value: Any) -> str:
        if name == "probs" and not bool(((value >= 0) & (value <= 1)).all()):
            return "0 ... 1"
        return super()._demand(name, value)

    def _inside(self, value: Any) -> Tensor:
        return (value >= 0) & (value <= 1)

    def __getattr__(self, name: str) -> Any:
        if name == "probs":
            return within(self.logits.sigmoid())
        if name == "logits":
            return self.probs.log() - (-self.probs).log1p()
        raise AttributeError(name)

    @property
    def param_shape(self) -> Any:
        return self.probs.shape

    def _chosen(self, formula: Any, series: Any) -> Tensor:
        """formula(p), but series(p - 1/2) where p is between the limits."""
        p: Tensor = self.probs
        near = p.gt(self._lims[0]) & p.le(self._lims[1])
        return FUNCTIONS["where"](
            near, series(p - 0.5), formula(p.masked_fill(near, self._lims[0]))
        )

    def _log_norm(self) -> Tensor:
        def formula(p: Tensor) -> Tensor:
            return ((-p).log1p() - p.log()).abs().log() - (1 - 2 * p).abs().log()

        return self._chosen(formula, lambda h: math.log(2) + (4 / 3 + 104 / 45 * h**2) * h**2)

    @property
    def mean(self) -> Tensor:
        def formula(p: Tensor) -> Tensor:
            return p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())

        return self._chosen(formula, lambda h: 0.5 + (1 / 3 + 16 / 45 * h**2) * h)

    @property
    def variance(self) -> Tensor:
        def formula(p: Tensor) -> Tensor:
            return p * (p - 1) / (1 - 2 * p) ** 2 + 1 / ((-p).log1p() - p.log()) ** 2

        return self._chosen(formula, lambda h: 1 / 12 - (1 / 15 - 128 / 945 * h**2) * h**2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.probs.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        logits, value = FUNCTIONS["broadcast_tensors"](self.logits, value)
        likely = -binary_cross_entropy_with_logits(logits, value, reduction="none")
        return likely + self._log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)

        def formula(p: Tensor) -> Tensor:
            return (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)

        return self._chosen(formula, lambda h: value + 0 * h).clamp(min=0, max=1)

    def icdf(self, value: Tensor) -> Tensor:
        def formula(p: Tensor) -> Tensor:
            rest = (-p).log1p()
            return ((-p + value * (2 * p - 1)).log1p() - rest) / (p.log() - rest)

        return self._chosen(formula, lambda h: value + 0 * h)

    def entropy(self) -> Tensor:
        yes, no = self.probs.log(), (-self.probs).log1p()
        return self.mean * (no - yes) - self._log_norm() - no


class VonMises(Distribution):
    """An angle, with density of e^(concentration cos(x - loc)): the normal distribution bent around
    a circle. Samples are from -pi to pi; mean and variance are the circular ones."""

    _positive = ("concentration",)

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = together(loc, concentration)
        given = {"loc": self.loc, "concentration": self.concentration}
        super().__init__(self.loc.shape, (), validate_args, parameters=given)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return 1 - special.i1e(self.concentration) / special.i0e(self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check(value)
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - special.i0e(k).log()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Source: Best and Fisher, Efficient simulation of the von Mises distribution (1979)."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            k = self.concentration.double()
            tau = 1 + (1 + 4 * k**2).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = FUNCTIONS["where"](k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
            angle = k.new_zeros(shape)
            done = angle.bool()
            while not bool(done.all()):
                first, second, side = rand((3, *shape), dtype=k.dtype)
                z = (math.pi * first).cos()
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                taken = (c * (2 - c) > second) | ((c / second).log() + 1 - c >= 0)
                angle = FUNCTIONS["where"](taken, (side - 0.5).sign() * f.acos(), angle)
                done = done | taken
            turned = (angle + math.pi + self.loc) % (2 * math.pi) - math.pi
        return turned.to(self.loc.dtype)
