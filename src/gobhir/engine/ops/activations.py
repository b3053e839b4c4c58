"""Activation functions: what a neuron does with its weighted sum. Elementwise.

Formulas: Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.3;
ReLU's slope at 0 is taken as 0, as PyTorch does.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.elementary import where


class Activation(Op, abstract=True):
    family = Family.ELEMENTWISE
    result = "a"


class Sigmoid(Activation):
    """a = sigma(z) = 1 / (1 + e^-z), between 0 and 1. z, a: any shape."""

    formula = "1 / (1 + exp(-z))"
    local = "a * (1 - a)"
    floats = True

    def forward(z):
        return 0.5 * np.tanh(0.5 * z) + 0.5

    def vjp(da, a, z):
        return da * a * (1 - a)


class Tanh(Activation):
    """a = tanh(z), between -1 and 1. z, a: any shape."""

    formula = "tanh(z)"
    local = "1 - a**2"
    floats = True

    def forward(z):
        return np.tanh(z)

    def vjp(da, a, z):
        return da * (1 - a * a)


class ReLU(Activation):
    """a = max(0, z). z, a: any shape."""

    formula = "max(0, z)"
    local = "1 if z > 0 else 0"

    def forward(z):
        return np.maximum(z, 0)

    def vjp(da, a, z):
        return where(z > 0, da, 0.0)


class LeakyReLU(Activation):
    """a = z above 0, negative_slope * z below. z, a: any shape."""

    formula = "z if z > 0 else negative_slope * z"
    local = "1 if z > 0 else negative_slope"

    def forward(z, *, negative_slope=0.01):
        return np.where(z > 0, z, negative_slope * z)

    def vjp(da, a, z, *, negative_slope):
        return where(z > 0, da, negative_slope * da)


sigmoid = function(Sigmoid)
tanh = function(Tanh)
relu = function(ReLU, "relu")
leaky_relu = function(LeakyReLU, "leaky_relu")
