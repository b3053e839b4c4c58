"""What every distribution offers, and distributions whose last dimensions belong together.

The shape of a sample is sample_shape + batch_shape + event_shape: how many were asked for, how
many distributions stand side by side, and the shape of one event of one of them. Probabilities
are of whole events: log_prob has the shape sample_shape + batch_shape.
https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

from typing import Any

from gobhir.distributions import constraints
from gobhir.engine import Tensor
from gobhir.engine.creation import tensor
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.size import Size
from gobhir.engine.tape import no_grad
from gobhir.lang import say


def together(*parameters: Any) -> list[Tensor]:
    """The parameters as tensors of one shape; numbers take the dtype of the tensors, or the
    default dtype. ValueError for anything else."""
    first = next((p for p in parameters if isinstance(p, Tensor)), None)
    tensors = []
    for p in parameters:
        if not isinstance(p, (Tensor, int, float)):
            raise ValueError(say("errors.distributions.parameter_type", got=type(p).__name__))
        dtype = None if first is None or first.dtype.kind != "f" else first.dtype
        made = p if isinstance(p, Tensor) else tensor(float(p), dtype=dtype)
        tensors.append(made)
    # As they are where they can be: what is expanded is one more op for backward().
    alike = all(p.shape == tensors[0].shape for p in tensors)
    return tensors if alike else list(FUNCTIONS["broadcast_tensors"](*tensors))


def summed(x: Tensor, count: int) -> Tensor:
    """x summed over its last `count` dimensions."""
    return x.sum(tuple(range(-count, 0))) if count else x


class Distribution:
    """Base of all distributions. `validate_args=False` leaves the checks of parameters and values
    out. A subclass may hand its `parameters` over, by name: they are set, checked and shown."""

    has_rsample = False
    arg_constraints: dict[str, Any] = {}
    _validate_args = True
    _positive: tuple[str, ...] = ()
    """Parameters that must be above 0."""

    def __init__(
        self,
        batch_shape: Any = (),
        event_shape: Any = (),
        validate_args: bool | None = None,
        *,
        parameters: dict[str, Tensor] | None = None,
    ) -> None:
        self._parameters = parameters = parameters or {}
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        for name, value in parameters.items():
            setattr(self, name, value)
        if self._validate_args:
            self._check_arguments()
        for name, value in parameters.items() if self._validate_args else ():
            want = self._demand(name, value)
            if want:
                mine = type(self).__name__
                raise ValueError(
                    say("errors.distributions.parameter", name=name, distribution=mine, want=want)
                )

    def _check_arguments(self) -> None:
        """ValueError where a distribution of somebody's own says what its parameters have to be
        (`arg_constraints`, see constraints.py), and they are not."""
        for name, constraint in self.arg_constraints.items():
            known = constraint is not constraints.dependent and name in vars(self)
            if known and not bool(constraint.check(getattr(self, name)).all()):
                values = {"distribution": type(self).__name__, "want": constraint}
                raise ValueError(say("errors.distributions.parameter", name=name, **values))

    @property
    def support(self) -> Any:
        """The numbers or events that can be drawn, as one of constraints.py."""
        name = f"{type(self).__name__}.support"
        return constraints.Constraint(name, self._inside, len(self._event_shape))

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked where nothing else is said."""
        Distribution._validate_args = value

    def _demand(self, name: str, value: Any) -> str:
        """What parameter `name` should be, where `value` is not that; else ""."""
        if name in self._positive:
            return "" if bool((value > 0).all()) else "> 0"
        return "" if bool(value.eq(value).all()) else "not nan"

    def _inside(self, value: Any) -> Tensor:
        """Which of the numbers are possible outcomes."""
        return value.eq(value)

    def _check(self, value: Tensor) -> None:
        """ValueError for a value that this distribution never draws."""
        if not isinstance(value, Tensor):
            raise ValueError(say("errors.distributions.value_type", got=type(value).__name__))
        event = self._event_shape
        if len(event) and tuple(value.shape[-len(event) :]) != tuple(event):
            raise ValueError(say("errors.distributions.event", got=value.shape, want=event))
        FUNCTIONS["broadcast_shapes"](value.shape, self._batch_shape + event)
        if not bool(self.support.check(value).all()):
            raise ValueError(say("errors.distributions.value", distribution=type(self).__name__))

    def _validate_sample(self, value: Tensor) -> None:
        """_check under PyTorch's name, which distributions of one's own call."""
        self._check(value)

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(say("errors.distributions.none", what="mode"))

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Drawn numbers that carry no gradient: sample_shape + batch_shape + event_shape."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Drawn numbers through which a gradient flows to the parameters: noise that does not
        depend on them, moved and stretched by them (the reparameterisation trick, Kingma and
        Welling, 2014). NotImplementedError for a distribution that has no such form."""
        raise NotImplementedError(say("errors.distributions.none", what="rsample"))

    def sample_n(self, n: int) -> Tensor:
        """sample((n,))."""
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability (or of the density) of `value`. ValueError for a value
        that is never drawn."""
        raise NotImplementedError

    def cdf(self, value: Tensor) -> Tensor:
        """How probable it is that no more than `value` is drawn."""
        raise NotImplementedError(say("errors.distributions.none", what="cdf"))

    def icdf(self, value: Tensor) -> Tensor:
        """The number below which a share of `value` is drawn: the inverse of cdf."""
        raise NotImplementedError(say("errors.distributions.none", what="icdf"))

    def entropy(self) -> Tensor:
        """The mean of -log_prob over what is drawn, in nats: batch_shape."""
        raise NotImplementedError(say("errors.distributions.none", what="entropy"))

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All possible outcomes, along a new first dimension, for distributions that have finitely
        many; expand: once for each distribution of the batch."""
        raise NotImplementedError(say("errors.distributions.none", what="enumerate_support"))

    def perplexity(self) -> Tensor:
        """e to the power of the entropy."""
        return self.entropy().exp()

    def expand(self, batch_shape: Any) -> Any:
        """The same distribution, batch_shape times side by side."""
        kept, shape = len(self._batch_shape), tuple(batch_shape)
        given = {k: p.expand(shape + tuple(p.shape[kept:])) for k, p in self._parameters.items()}
        return type(self)(**given, validate_args=False)

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size((*tuple(sample_shape), *self._batch_shape, *self._event_shape))

    def __repr__(self) -> str:
        def shown(p: Tensor) -> str:
            return f"{p}" if p.numel() == 1 else str(p.size())

        given = ", ".join(f"{k}: {shown(p)}" for k, p in self._parameters.items())
        return f"{type(self).__name__}({given})"


class LocationScale(Distribution):
    """Base of the distributions of one shape that `loc` moves and `scale`, above 0, widens."""

    has_rsample = True
    _positive = ("scale",)

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together(loc, scale)
        given = {"loc": self.loc, "scale": self.scale}
        super().__init__(self.loc.shape, (), validate_args, parameters=given)


class Independent(Distribution):
    """`base`, with the last dimensions of its batch_shape taken as one event: their log
    probabilities are added up."""

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        batch, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if count > len(batch):
            raise ValueError(say("errors.distributions.independent", count=count, shape=batch))
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        cut = len(batch) - count
        event = (*batch[cut:], *base_distribution.event_shape)
        super().__init__(batch[:cut], event, validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        return self.base_dist.has_rsample

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return summed(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return summed(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Any) -> Independent:
        count = self.reinterpreted_batch_ndims
        inner = self.base_dist.batch_shape
        base = self.base_dist.expand((*tuple(batch_shape), *inner[len(inner) - count :]))
        return Independent(base, count, self._validate_args)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
