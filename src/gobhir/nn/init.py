"""Starting values of weights. Each function fills a tensor in place and returns it.

The numbers are those that PyTorch draws from the same seed.
Sources: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
networks (2010), for xavier; He et al., Delving deep into rectifiers (2015), for kaiming; Saxe et
al., Exact solutions to the nonlinear dynamics of learning in deep linear neural networks (2014),
for orthogonal; Martens, Deep learning via Hessian-free optimization (2010), for sparse.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.random import Generator, default_generator
from gobhir.engine.random import randperm as _shuffled
from gobhir.engine.tape import no_grad
from gobhir.lang import say, warn


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers drawn evenly from [a, b)."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Numbers drawn from the normal distribution of this mean and standard deviation."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Numbers drawn from that part of the normal distribution that lies in [a, b]."""
    if not a - 2 * std <= mean <= b + 2 * std:
        warn(say("errors.nn.trunc_far"))
    shape, kind, count = tensor.shape, tensor.dtype, tensor.numel()
    source = generator or default_generator

    def below(x: float) -> float:
        return (1 + math.erf((x - mean) / std / math.sqrt(2))) / 2

    if below(b) - below(a) > 0.3:
        # Most normal numbers lie inside: draw those that do not again.
        low, high = kind.type(a), kind.type(b)
        values = source.bell(count, kind, mean, std)
        while (out := (values < low) | (values > high)).any():
            values = np.where(out, source.bell(count, kind, mean, std), values)
        return _fill(tensor, values.reshape(shape))
    # Few would: draw evenly from [a, b], and keep each by how likely it is beside the peak.
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values, pending = np.zeros(count, kind), np.ones(count, bool)
    while pending.any():
        drawn = source.uniform(count, kind, a, b)
        values = np.where(pending, drawn, values)
        likely = (drawn - kind.type(mean)) / kind.type(std)
        likely = likely * likely * kind.type(-0.5) - kind.type(peak)
        with np.errstate(divide="ignore"):
            pending &= np.log(source.uniform(count, kind)) > likely
    return _fill(tensor, values.reshape(shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """`val` everywhere."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return _fill(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """1 on the diagonal of a matrix, 0 elsewhere."""
    if tensor.ndim != 2:
        raise ValueError(say("errors.nn.matrix_wanted", shape=tensor.shape))
    return _fill(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's weight that passes its input through unchanged: 1 in the middle of the
    kernel from channel i to channel i, 0 elsewhere; in each of the groups alike.

    ValueError unless there are 3 to 5 dimensions and dim 0 can be divided by groups.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(say("errors.nn.dirac", shape=tensor.shape))
    out, inner, *field = tensor.shape
    if out % groups:
        raise ValueError(say("errors.nn.dirac_groups", out=out, groups=groups))
    values = np.zeros(tensor.shape, tensor.dtype)
    middle = tuple(n // 2 for n in field)
    for group in range(groups):
        for i in range(min(out // groups, inner)):
            values[(group * (out // groups) + i, i, *middle)] = 1
    return _fill(tensor, values)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Even in [-a, a), a = gain sqrt(6 / (fan_in + fan_out))."""
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, with standard deviation gain sqrt(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Even in [-b, b), b = gain sqrt(3 / fan); `a` is the slope of leaky_relu below 0."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, with standard deviation gain / sqrt(fan)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if tensor.numel() == 0:
        warn(say("errors.nn.init_empty"))
        return 0.0
    return calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode))


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Rows (or columns, where there are fewer) at right angles and of length gain. Dimensions
    after the first count as one."""
    if tensor.ndim < 2:
        raise ValueError(say("errors.nn.two_dimensions", shape=tensor.shape))
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    source = generator or default_generator
    drawn = source.bell(tensor.numel(), tensor.dtype, 0.0, 1.0).reshape(rows, -1)
    wide = rows < drawn.shape[1]
    q, r = np.linalg.qr(drawn.T if wide else drawn)
    q = q * np.sign(np.diag(r))  # so that every orthogonal matrix is equally likely
    return _fill(tensor, (q.T if wide else q).reshape(tensor.shape) * tensor.dtype.type(gain))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Normal numbers, and in each column of the matrix a share `sparsity` of zeros."""
    if tensor.ndim != 2:
        raise ValueError(say("errors.nn.matrix_wanted", shape=tensor.shape))
    rows, columns = tensor.shape
    source = generator or default_generator
    values = source.bell(tensor.numel(), tensor.dtype, 0.0, std).reshape(rows, columns)
    for column in range(columns):
        values[_shuffled(rows).array[: math.ceil(sparsity * rows)], column] = 0
    return _fill(tensor, values)


_LINEAR = ("linear", *(f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)), "sigmoid")
_GAINS: dict[str, float] = dict.fromkeys(_LINEAR, 1)
_GAINS |= {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights must be larger to make up for what the activation takes away.

    param: the slope of leaky_relu below 0 (0.01 when None). ValueError for an unknown name.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(say("errors.nn.slope", slope=slope))
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(say("errors.nn.nonlinearity", name=nonlinearity, known=known))
    return _GAINS[nonlinearity]


def _fill(tensor: Tensor, values: np.ndarray | float) -> Tensor:
    with no_grad():
        return tensor.copy_(Tensor._wrap(np.asarray(values)))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many numbers come into one output, and how many outputs one input goes to."""
    if tensor.ndim < 2:
        raise ValueError(say("errors.nn.fan", shape=tensor.shape))
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(say("errors.nn.fan_mode", mode=mode))
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode.lower() == "fan_in" else fan_out


def _old_name(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The name without the underscore, which PyTorch still has and warns about."""
    name = function.__name__

    @wraps(function)
    def old(*args: Any, **kwargs: Any) -> Tensor:
        message = say("errors.nn.init_old", old=name[:-1], new=name)
        warn(message, FutureWarning)
        return function(*args, **kwargs)

    return old


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
eye = _old_name(eye_)
dirac = _old_name(dirac_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)
