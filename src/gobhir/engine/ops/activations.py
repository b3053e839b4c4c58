"""Activation functions: what a neuron does with its weighted sum. Elementwise.

Formulas: Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.3, and the papers
named below. The slope at a kink is PyTorch's: 0 for ReLU at 0, for example.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import keep, where
from gobhir.engine.ops.elementary import exp
from gobhir.engine.ops.special import share_below


class Activation(Op, abstract=True):
    family = Family.ELEMENTWISE
    result = "a"
    accepts = "f"


class Sigmoid(Activation):
    """a = sigma(z) = 1 / (1 + e^-z), between 0 and 1. z, a: any shape."""

    formula = "1 / (1 + exp(-z))"
    local = "a * (1 - a)"
    floats = True
    accepts = ""

    def forward(z):
        return 1 / (1 + np.exp(-z))

    def vjp(da, a, z):
        return da * a * (1 - a)


class Tanh(Activation):
    """a = tanh(z), between -1 and 1. z, a: any shape."""

    formula = "tanh(z)"
    local = "1 - a**2"
    floats = True
    accepts = ""

    def forward(z):
        return np.tanh(z)

    def vjp(da, a, z):
        return da * (1 - a * a)


def positive_part(z):
    """max(0, z): by clip for many floating numbers, because its loop is three times as fast."""
    return z.clip(0, np.inf) if z.size > 1024 and z.dtype.kind == "f" else np.maximum(z, 0)


class ReLU(Activation):
    """a = max(0, z). z, a: any shape."""

    formula = "max(0, z)"
    local = "1 if z > 0 else 0"
    accepts = "iuf"

    def forward(z):
        return positive_part(z)

    def vjp(da, a, z):
        return keep(da, a > 0)


class LeakyReLU(Activation):
    """a = z above 0, negative_slope * z below. z, a: any shape."""

    formula = "z if z > 0 else negative_slope * z"
    local = "1 if z > 0 else negative_slope"

    def forward(z, *, negative_slope=0.01):
        either = np.maximum if negative_slope <= 1 else np.minimum
        return either(z, negative_slope * z)

    def vjp(da, a, z, *, negative_slope):
        return where(z > 0, da, negative_slope * da)


class Prelu(Activation):
    """a = z above 0, w * z below, with a learned w. z, a: any shape; w broadcasts to it.
    He, Zhang, Ren and Sun, Delving Deep into Rectifiers (2015)."""

    formula = "z if z > 0 else w * z"
    local = {"z": "1 if z > 0 else w", "w": "0 if z > 0 else z"}
    promotes = True

    def forward(z, w):
        return where(z > 0, z, w * z)

    def vjp_z(da, a, z, w):
        return where(z > 0, da, w * da)

    def vjp_w(da, a, z, w):
        return keep(da * z, z < 0)


class ELU(Activation):
    """a = z above 0, alpha * (e^z - 1) below. z, a: any shape.
    Clevert, Unterthiner and Hochreiter, Exponential Linear Units (2015)."""

    formula = "z if z > 0 else alpha * (exp(z) - 1)"
    local = "1 if z > 0 else alpha * exp(z)"

    def forward(z, *, alpha=1.0):
        return positive_part(z) + alpha * np.expm1(np.minimum(z, 0))

    def vjp(da, a, z, *, alpha):
        steep = da * exp(keep(z, z < 0))  # e^0 above 0
        return steep if alpha == 1 else steep + (alpha - 1) * keep(steep, z <= 0)


class SELU(Activation):
    """a = scale * z above 0, scale * alpha * (e^z - 1) below: keeps mean 0 and variance 1 from
    layer to layer. z, a: any shape.
    Klambauer and others, Self-Normalizing Neural Networks (2017)."""

    formula = "scale * z if z > 0 else scale * alpha * (exp(z) - 1)"
    local = "scale if z > 0 else scale * alpha * exp(z)"

    def forward(z, *, alpha=1.6732632423543772, scale=1.0507009873554805):
        return scale * positive_part(z) + (scale * alpha) * np.expm1(np.minimum(z, 0))

    def vjp(da, a, z, *, alpha, scale):
        steep = da * scale * exp(keep(z, z < 0))
        return steep + (alpha - 1) * keep(steep, z <= 0)


class CELU(Activation):
    """a = z above 0, alpha * (e^(z / alpha) - 1) below: as ELU, but smooth for every alpha.
    z, a: any shape. Barron, Continuously Differentiable Exponential Linear Units (2017)."""

    formula = "z if z > 0 else alpha * (exp(z / alpha) - 1)"
    local = "1 if z > 0 else exp(z / alpha)"

    def forward(z, *, alpha=1.0):
        return positive_part(z) + alpha * np.expm1(np.minimum(z, 0) / alpha)

    def vjp(da, a, z, *, alpha):
        return da * exp(keep(z, z < 0) / alpha)


class GELU(Activation):
    """a = z * Phi(z), Phi the share of a normal distribution below z. z, a: any shape.
    Hendrycks and Gimpel, Gaussian Error Linear Units (2016)."""

    formula = "0.5 * z * (1 + erf(z / sqrt(2)))"
    local = "0.5 * (1 + erf(z / sqrt(2))) + z * exp(-z**2 / 2) / sqrt(2 * pi)"

    def forward(z):
        return z * share_below(z)

    def vjp(da, a, z):
        return da * gelu_slope(z)


class GELUSlope(Activation):
    """The slope of GELU: Phi(z) + z phi(z), phi the normal density. z, a: any shape."""

    formula = "0.5 * (1 + erf(z / sqrt(2))) + z * exp(-(z**2) / 2) / sqrt(2 * pi)"
    local = "(2 - z**2) * exp(-(z**2) / 2) / sqrt(2 * pi)"

    def forward(z):
        return share_below(z) + z * np.exp(z * z * -0.5 + math.log(_PHI_0))

    def vjp(da, a, z):
        square = z * z
        return da * ((2 - square) * _PHI_0 * exp(-0.5 * square))


_PHI_0 = 1 / math.sqrt(2 * math.pi)


class TanhGELU(Activation):
    """GELU with tanh in place of the normal distribution, as GPT-2 has it. z, a: any shape."""

    formula = "0.5 * z * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3)))"
    local = (
        "0.5 * (1 + tanh(sqrt(2 / pi) * (z + 0.044715 * z**3)))"
        " + 0.5 * z * (1 - tanh(sqrt(2 / pi) * (z + 0.044715 * z**3))**2)"
        " * sqrt(2 / pi) * (1 + 0.134145 * z**2)"
    )

    def forward(z):
        return 0.5 * z * (1 + np.tanh(_ROOT * (z + 0.044715 * z * z * z)))

    def vjp(da, a, z):
        square = z * z
        t = tanh(_ROOT * z * (1 + 0.044715 * square))
        return da * (0.5 + 0.5 * t + z * (1 - t * t) * (0.5 * _ROOT + 0.0670725 * _ROOT * square))


_ROOT = math.sqrt(2 / math.pi)


class Silu(Activation):
    """a = z * sigma(z), also called swish. z, a: any shape.
    Elfwing, Uchibe and Doya, Sigmoid-Weighted Linear Units (2017)."""

    formula = "z / (1 + exp(-z))"
    local = "(1 + exp(-z) + z * exp(-z)) / (1 + exp(-z))**2"

    def forward(z):
        return z / (1 + np.exp(-z))

    def vjp(da, a, z):
        s = sigmoid(z)
        return da * s * (1 + z * (1 - s))


class Mish(Activation):
    """a = z * tanh(softplus(z)). z, a: any shape. Misra, Mish (2019)."""

    formula = "z * tanh(log(1 + exp(z)))"
    local = "tanh(log(1 + exp(z))) + z * (1 - tanh(log(1 + exp(z)))**2) / (1 + exp(-z))"

    def forward(z):
        return z * np.tanh(Softplus.forward(z, beta=1, threshold=20))

    def vjp(da, a, z):
        t = tanh(softplus(z))
        return da * (t + z * sigmoid(z) * (1 - t * t))


class Softplus(Activation):
    """a = log(1 + e^(beta z)) / beta, a smooth max(0, z); z itself where beta z is above the
    threshold and nothing else is left. z, a: any shape."""

    formula = "z if beta * z > threshold else log(1 + exp(beta * z)) / beta"
    local = "1 if beta * z > threshold else 1 / (1 + exp(-beta * z))"

    def forward(z, *, beta=1.0, threshold=20.0):
        steep = z if beta == 1 else beta * z
        bent = np.log1p(np.exp(steep))
        return np.where(steep > threshold, z, bent if beta == 1 else bent / beta)

    def vjp(da, a, z, *, beta, threshold):
        steep = z if beta == 1 else beta * z
        return da / (1 + keep(exp(-steep), steep <= threshold))


class Logsigmoid(Activation):
    """a = log(sigma(z)), exact where sigma(z) is near 0 too. z, a: any shape."""

    formula = "-log(1 + exp(-z))"
    local = "1 / (1 + exp(z))"

    def forward(z):
        return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))

    def vjp(da, a, z):
        return da * sigmoid(-z)


class Softsign(Activation):
    """a = z / (1 + |z|), between -1 and 1. z, a: any shape."""

    formula = "z / (1 + abs(z))"
    local = "1 / (1 + abs(z))**2"
    floats = True
    accepts = "iuf"

    def forward(z):
        return z / (1 + np.abs(z))

    def vjp(da, a, z):
        wide = 1 + abs(z)
        return da / (wide * wide)


class Tanhshrink(Activation):
    """a = z - tanh(z). z, a: any shape."""

    formula = "z - tanh(z)"
    local = "tanh(z)**2"
    floats = True
    accepts = "iuf"

    def forward(z):
        return z - np.tanh(z)

    def vjp(da, a, z):
        t = tanh(z)
        return da * t * t


class Hardtanh(Activation):
    """a = z, but at least min_val and at most max_val. z, a: any shape."""

    formula = "max(min_val, min(max_val, z))"
    local = "0 if z <= min_val else (0 if z >= max_val else 1)"
    accepts = "iuf"

    def forward(z, *, min_val=-1.0, max_val=1.0):
        if z.dtype.kind != "f":
            min_val, max_val = int(min_val), int(max_val)
        return z.clip(min_val, max_val)

    def vjp(da, a, z, *, min_val, max_val):
        return keep(da, (z > min_val) & (z < max_val))


class Hardsigmoid(Activation):
    """a = z / 6 + 1/2, cut off at 0 and 1: a sigmoid of straight lines. z, a: any shape."""

    formula = "max(0, min(6, z + 3)) / 6"
    local = "0 if z <= -3 else (0 if z >= 3 else 1 / 6)"

    def forward(z):
        return (z + 3).clip(0, 6) / 6

    def vjp(da, a, z):
        return keep(da * (1 / 6), (z > -3) & (z < 3))


class Hardswish(Activation):
    """a = z * hardsigmoid(z). z, a: any shape. Howard and others, MobileNetV3 (2019)."""

    formula = "z * max(0, min(6, z + 3)) / 6"
    local = "0 if z <= -3 else (1 if z >= 3 else z / 3 + 0.5)"

    def forward(z):
        return z * (z + 3).clip(0, 6) / 6

    def vjp(da, a, z):
        return where(z < 3, keep(da * (z / 3 + 0.5), z > -3), da)


class Hardshrink(Activation):
    """a = z, but 0 between -lambd and lambd. z, a: any shape."""

    formula = "0 if abs(z) <= lambd else z"
    local = "0 if abs(z) <= lambd else 1"

    def forward(z, *, lambd=0.5):
        return z * ~(np.abs(z) <= lambd)

    def vjp(da, a, z, *, lambd):
        return keep(da, ~(abs(z) <= lambd))


class Softshrink(Activation):
    """a = z moved by lambd towards 0, and 0 between -lambd and lambd. z, a: any shape."""

    formula = "z - max(-lambd, min(lambd, z))"
    local = "0 if abs(z) <= lambd else 1"

    def forward(z, *, lambd=0.5):
        return z - z.clip(-lambd, lambd)

    def vjp(da, a, z, *, lambd):
        return keep(da, ~(abs(z) <= lambd))


class Threshold(Activation):
    """a = z above the threshold, value elsewhere. z, a: any shape."""

    formula = "z if z > threshold else value"
    local = "1 if z > threshold else 0"
    accepts = "iuf"
    example = ([[0.5, -1.2, 2.0]], {"threshold": 1.0, "value": 0.0})

    def forward(z, *, threshold, value):
        return np.where(z <= threshold, z.dtype.type(value), z)

    def vjp(da, a, z, *, threshold, value):
        return keep(da, ~(z <= threshold))


sigmoid = function(Sigmoid)
tanh = function(Tanh)
relu = function(ReLU, "relu")
leaky_relu = function(LeakyReLU, "leaky_relu")
prelu = function(Prelu)
elu = function(ELU)
selu = function(SELU)
celu = function(CELU)
gelu = function(GELU)
gelu_slope = function(GELUSlope)
tanh_gelu = function(TanhGELU)
silu = function(Silu)
mish = function(Mish)
softplus = function(Softplus)
logsigmoid = function(Logsigmoid)
softsign = function(Softsign)
tanhshrink = function(Tanhshrink)
hardtanh = function(Hardtanh)
hardsigmoid = function(Hardsigmoid)
hardswish = function(Hardswish)
hardshrink = function(Hardshrink)
softshrink = function(Softshrink)
threshold = function(Threshold)
