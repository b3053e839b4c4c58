"""Normalisation: numbers shifted and scaled to mean 0 and variance 1, then by learned weights.

The ops differ in which numbers share a mean: one channel of all examples (batch), one channel
of one example (instance), some channels of one example (group), one row (layer).
Sources: Ioffe and Szegedy (2015) for batch, Ulyanov et al. (2016) for instance, Wu and He (2018)
for group, Ba, Kiros and Hinton (2016) for layer, Zhang and Sennrich (2019) for RMSNorm.

Mean and (biased) variance are results too: the gradient needs them again, and running
statistics are made of them. In the gradient three paths meet: straight through, through the
mean, and through the variance.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.linear import matmul
from gobhir.engine.ops.reductions import sum, total
from gobhir.lang import say


class Standardisation(Op, abstract=True):
    family = Family.NORMALISATION
    formula = "(x - mean) / sqrt(variance + eps) * weight + bias"
    local = {"weight": "(x - mean) / sqrt(variance + eps)", "bias": "1"}
    result = "y"
    results = ("y", "mean", "variance")
    unread = (0,)  # a ReLU may write over y


class BatchNorm(Standardisation):
    """Each channel brought to mean 0 and variance 1 over the whole batch.

    x, y: (N, C, ...); weight, bias: (C) or None; mean, variance: (1, C, 1, ...).
    """

    example = ([[[1.0, 2.0], [3.0, 6.0], [5.0, 1.0]], [1.0, 0.5], [0.0, 0.1]], {})

    def forward(x, weight=None, bias=None, *, eps=1e-5):
        return _channels(x, weight, bias, eps, _all_but_channels(x))

    def vjps(d, out, x, weight=None, bias=None, *, eps):
        return _channels_back(d, out, x, weight, eps, _all_but_channels(x))


class InstanceNorm(Standardisation):
    """Each channel of each example brought to mean 0 and variance 1.

    x, y: (N, C, ...); weight, bias: (C) or None; mean, variance: (N, C, 1, ...).
    """

    example = ([[[[1.0, 2.0, 4.0], [3.0, 6.0, 5.0]]], [1.0, 0.5], [0.0, 0.1]], {})

    def forward(x, weight=None, bias=None, *, eps=1e-5):
        return _channels(x, weight, bias, eps, tuple(range(2, x.ndim)))

    def vjps(d, out, x, weight=None, bias=None, *, eps):
        return _channels_back(d, out, x, weight, eps, tuple(range(2, x.ndim)))


class LayerNorm(Standardisation):
    """The last `count` dimensions brought to mean 0 and variance 1 together.

    x, y: (..., *shape); weight, bias: (*shape) or None; mean, variance: (..., 1, ...).
    """

    def forward(x, weight=None, bias=None, *, count=1, eps=1e-5):
        y, mean, variance = _statistics(x, tuple(range(x.ndim - count, x.ndim)))
        y *= (variance + eps) ** -0.5
        if weight is not None:
            y *= weight
        if bias is not None:
            y += bias
        return y, mean, variance

    def vjps(d, out, x, weight=None, bias=None, *, count, eps):
        rest = x.shape[x.ndim - count :]
        m, n = math.prod(x.shape[: x.ndim - count]), math.prod(rest)
        _, mean, variance = out
        r = (variance + eps) ** -0.5
        standard = ((x - mean) * r).reshape((m, n))
        dy = d[0].reshape((m, n))
        r, d_mean, d_variance = (a.reshape((m, 1)) for a in (r, *d[1:]))
        turned = dy * standard
        w, ones = np.ones(n, x.dtype), np.ones(m, x.dtype)
        if weight is not None:
            w = weight.reshape(n)
        # Sums as products: of rows with the weights in one go, of columns with ones.
        d_mean = d_mean - matmul(dy, w).reshape((m, 1)) * r
        d_variance = 2 / r * d_variance - matmul(turned, w).reshape((m, 1)) * r
        dx = dy * w * r + standard * (d_variance / n) + d_mean / n
        dw, db = matmul(ones, turned).reshape(rest), matmul(ones, dy).reshape(rest)
        return dx.reshape(x.shape), dw, db


class GroupNorm(Standardisation):
    """Each of `groups` groups of channels of each example brought to mean 0 and variance 1.

    x, y: (N, C, ...); weight, bias: (C) or None; mean, variance: (N, groups, 1, 1, ...).
    """

    example = (
        [[[[1.0, 2.0], [4.0, 8.0], [3.0, 6.0], [5.0, 1.0]]], [1.0, 0.5, 1.0, 0.5], [0.0] * 4],
        {"groups": 2},
    )

    def forward(x, weight=None, bias=None, *, groups, eps=1e-5):
        check_parameters(x, x.shape[1], weight, bias)
        y, mean, variance = _statistics(_grouped(x, groups), tuple(range(2, x.ndim + 1)))
        scale = (variance + eps) ** -0.5
        y *= scale if weight is None else scale * _of_groups(weight, x, groups)
        if bias is not None:
            y += _of_groups(bias, x, groups)
        return y.reshape(x.shape), mean, variance

    def vjps(d, out, x, weight=None, bias=None, *, groups, eps):
        grouped, dy = _grouped(x, groups), _grouped(d[0], groups)
        _, mean, variance = out
        count, places = max(math.prod(grouped.shape[2:]), 1), tuple(range(3, grouped.ndim))
        r, centred = (variance + eps) ** -0.5, grouped - mean
        w = np.ones((), x.dtype) if weight is None else _of_groups(weight, x, groups)
        # Sums over one channel of one example: of these all others are made.
        total = sum(dy, dim=places, keepdim=True)
        turned = sum(dy * centred, dim=places, keepdim=True)
        d_mean = d[1] - r * sum(total * w, dim=2, keepdim=True)
        d_variance = d[2] - 0.5 * r * r * r * sum(turned * w, dim=2, keepdim=True)
        dx = dy * (r * w) + centred * (d_variance * (2 / count)) + d_mean / count
        dw, db = (sum(s, dim=0).reshape((x.shape[1],)) for s in (turned * r, total))
        return dx.reshape(x.shape), dw, db


class BatchNormByRunning(Op):
    """BatchNorm in use: mean and variance are those that training collected.

    x, y: (N, C, ...); mean, variance: (C); weight, bias: (C) or None.
    """

    family = Family.NORMALISATION
    formula = "(x - mean) / sqrt(variance + eps) * weight + bias"
    local = {
        "x": "weight / sqrt(variance + eps)",
        "weight": "(x - mean) / sqrt(variance + eps)",
        "bias": "1",
    }
    result = "y"
    example = ([[[1.0, 2.0], [3.0, 6.0]], [2.0, 3.0], [1.0, 4.0], [1.0, 0.5], [0.0, 0.1]], {})

    def forward(x, mean, variance, weight=None, bias=None, *, eps=1e-5):
        check_parameters(x, x.shape[1], weight, bias)
        along = (-1,) + (1,) * (x.ndim - 2)
        scale = (variance + eps) ** -0.5
        if weight is not None:
            scale = scale * weight
        shift = -mean * scale if bias is None else bias - mean * scale
        return x * scale.reshape(along) + shift.reshape(along)

    def vjp_x(dy, y, x, mean, variance, weight=None, bias=None, *, eps):
        scale = (variance + eps) ** -0.5
        if weight is not None:
            scale = scale * weight
        return dy * scale.reshape((-1,) + (1,) * (x.ndim - 2))

    def vjp_weight(dy, y, x, mean, variance, weight=None, bias=None, *, eps):
        along = (-1,) + (1,) * (x.ndim - 2)
        turned = sum(dy * (x - mean.reshape(along)), dim=_all_but_channels(x))
        return turned * (variance + eps) ** -0.5

    def vjp_bias(dy, y, x, mean, variance, weight=None, bias=None, *, eps):
        return sum(dy, dim=_all_but_channels(x))


class RMSNorm(Op):
    """x divided by the root of its mean square over the last `count` dimensions.

    x, y: (..., *shape); weight: (*shape) or None.
    """

    family = Family.NORMALISATION
    formula = "x / sqrt(mean(x**2) + eps) * weight"
    local = {"weight": "x / sqrt(mean(x**2) + eps)"}
    result = "y"

    def forward(x, weight=None, *, count=1, eps):
        y = x * _rms(x, count, eps)
        if weight is not None:
            y *= weight
        return y

    def vjp_x(dy, y, x, weight=None, *, count, eps):
        dims = tuple(range(x.ndim - count, x.ndim))
        r = _rms(x, count, eps)
        g = dy if weight is None else dy * weight
        turned = sum(g * x, dim=dims, keepdim=True) / math.prod(x.shape[i] for i in dims)
        return (g - x * (r * r * turned)) * r

    def vjp_weight(dy, y, x, weight=None, *, count, eps):
        return sum(dy * x * _rms(x, count, eps), dim=tuple(range(x.ndim - count)))


def _rms(x, count, eps):
    dims = tuple(range(x.ndim - count, x.ndim))
    square = sum(x * x, dim=dims, keepdim=True) / max(math.prod(x.shape[i] for i in dims), 1)
    return (square + eps) ** -0.5


def check_parameters(x, channels, *parameters):
    """RuntimeError unless there is one weight for each channel, of x's dtype."""
    for p in parameters:
        if p is not None and p.shape != (channels,):
            raise RuntimeError(say("errors.norm.parameters", got=p.size, want=channels))
        if p is not None and p.dtype != x.dtype:
            raise RuntimeError(say("errors.dtype.linear", x=x.dtype, weight=p.dtype))


def _all_but_channels(x):
    return (0, *range(2, x.ndim))


def _grouped(x, groups):
    return x.reshape((x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))


def _of_groups(p, x, groups):
    """One number a channel of x, beside x's groups."""
    return p.reshape((groups, -1) + (1,) * (x.ndim - 2))


def _statistics(x, dims):
    """x less its mean, the mean and the variance over these dimensions."""
    count = x.dtype.type(max(math.prod(x.shape[i] for i in dims), 1))
    mean = total(x, dims, True) / count
    centred = x - mean
    return centred, mean, total(centred * centred, dims, True) / count


def _channels(x, weight, bias, eps, dims):
    """Where all numbers that share a mean share a weight too."""
    check_parameters(x, x.shape[1], weight, bias)
    along = (-1,) + (1,) * (x.ndim - 2)
    y, mean, variance = _statistics(x, dims)
    scale = (variance + eps) ** -0.5
    y *= scale if weight is None else scale * weight.reshape(along)
    if bias is not None:
        y += bias.reshape(along)
    return y, mean, variance


def _channels_back(d, out, x, weight, eps, dims):
    dy, d_mean, d_variance = d
    _, mean, variance = out
    count = max(math.prod(x.shape[i] for i in dims), 1)
    r, centred = (variance + eps) ** -0.5, x - mean
    total = sum(dy, dim=dims, keepdim=True)
    turned = sum(dy * centred, dim=dims, keepdim=True)
    scale = r if weight is None else r * weight.reshape((-1,) + (1,) * (x.ndim - 2))
    d_mean = d_mean - scale * total
    d_variance = d_variance - 0.5 * scale * r * r * turned
    dx = dy * scale + centred * (d_variance * (2 / count)) + d_mean / count
    channels = (x.shape[1],)
    return dx, sum(turned * r, dim=0).reshape(channels), sum(total, dim=0).reshape(channels)


batch_norm = function(BatchNorm)
instance_norm = function(InstanceNorm)
layer_norm = function(LayerNorm)
group_norm = function(GroupNorm)
batch_norm_by_running = function(BatchNormByRunning)
rms_norm = function(RMSNorm)
