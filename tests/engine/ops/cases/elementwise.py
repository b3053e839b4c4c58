"""Elementary functions, angles, special functions, rounding and choosing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine.ops import bessel, incomplete, special
from tests.engine.parity import numbers

ANY = numbers(7, (3, 4))
OTHER = numbers(31, (3, 4))
X = numbers(1, (3, 4), low=0.2, high=2.0)
Y = numbers(2, (3, 4), low=0.3, high=2.5)
UNIT = numbers(32, (3, 4), low=-0.9, high=0.9)
SHARE = numbers(33, (3, 4), low=0.1, high=0.9)
ABOVE_1 = numbers(34, (3, 4), low=1.1, high=4.0)
Z = numbers(35, (3, 4), low=-5.0, high=5.0)

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    # elementary
    "abs": ([ANY], {}),
    "copysign": ([ANY, OTHER], {}),
    "exp": ([ANY], {}),
    "exp2": ([ANY], {}),
    "expm1": ([ANY], {}),
    "log": ([X], {}),
    "log10": ([X], {}),
    "log1p": ([X], {}),
    "log2": ([X], {}),
    "logaddexp": ([ANY, OTHER], {}),
    "logaddexp2": ([ANY, OTHER], {}),
    "logit": ([SHARE], {}),
    "rsqrt": ([X], {}),
    "sign": ([ANY], {}),
    "sqrt": ([X], {}),
    "xlogy": ([ANY, Y], {}),
    "xlog1py": ([ANY, Y], {}),
    # Bessel functions
    "i0": ([X], {}),
    "i0e": ([X], {}),
    "i1": ([X], {}),
    "i1e": ([X], {}),
    # arithmetic
    "add": ([X, ANY], {}),
    "addcdiv": ([ANY, X, Y], {"value": 0.7}),
    "addcmul": ([ANY, X, Y], {"value": 0.7}),
    "div": ([ANY, X], {}),
    "floor_divide": ([ANY, X], {}),
    "fmod": ([ANY, X], {}),
    "hypot": ([ANY, X], {}),
    "lerp": ([ANY, X, SHARE], {}),
    "mul": ([X, ANY], {}),
    "neg": ([X], {}),
    "pow": ([X, ANY], {}),
    "reciprocal": ([X], {}),
    "remainder": ([ANY, X], {}),
    "sub": ([X, ANY], {}),
    "trunc_divide": ([ANY, X], {}),
    # choosing
    "clamp": ([ANY, -X, Y], {}),
    "clamp_max": ([ANY, OTHER], {}),
    "clamp_min": ([ANY, OTHER], {}),
    "fmax": ([X, Y], {}),
    "fmin": ([X, Y], {}),
    "keep": ([ANY, OTHER > 0], {}),
    "maximum": ([X, Y], {}),
    "minimum": ([X, Y], {}),
    "nan_to_num": ([ANY], {"nan": 0.0, "posinf": 1.0, "neginf": -1.0}),
    "where": ([ANY > 0, X, Y], {}),
    # angles
    "acos": ([UNIT], {}),
    "acosh": ([ABOVE_1], {}),
    "asin": ([UNIT], {}),
    "angle": ([ANY], {}),
    "asinh": ([ANY], {}),
    "atan": ([ANY], {}),
    "atan2": ([ANY, X], {}),
    "atanh": ([UNIT], {}),
    "cos": ([ANY], {}),
    "cosh": ([ANY], {}),
    "sin": ([ANY], {}),
    "sinc": ([X], {}),
    "sinh": ([ANY], {}),
    "tan": ([UNIT], {}),
    # special
    "digamma": ([X], {}),
    "gammainc": ([X, Y], {}),
    "gammaincc": ([X, Y], {}),
    "zeta": ([ABOVE_1, Y], {}),
    "erf": ([ANY], {}),
    "erfc": ([ANY], {}),
    "erfcx": ([ANY], {}),
    "erfinv": ([UNIT], {}),
    "lgamma": ([X], {}),
    "log_ndtr": ([ANY], {}),
    "ndtri": ([SHARE], {}),
    "polygamma": ([X], {"n": 2}),
    # rounding
    "ceil": ([ANY], {}),
    "floor": ([ANY], {}),
    "frac": ([numbers(37, (3, 4))], {}),
    "heaviside": ([ANY, X], {}),
    "round": ([numbers(37, (3, 4))], {"decimals": 1}),
    "trunc": ([ANY], {}),
    # activations
    "celu": ([Z], {"alpha": 1.3}),
    "elu": ([Z], {"alpha": 1.3}),
    "gelu": ([Z], {}),
    "gelu_slope": ([Z], {}),
    "hardshrink": ([Z], {"lambd": 0.7}),
    "hardsigmoid": ([Z], {}),
    "hardswish": ([Z], {}),
    "hardtanh": ([Z], {"min_val": -1.5, "max_val": 2.0}),
    "leaky_relu": ([ANY], {"negative_slope": 0.2}),
    "logsigmoid": ([Z], {}),
    "mish": ([Z], {}),
    "prelu": ([Z, X], {}),
    "relu": ([ANY], {}),
    "selu": ([Z], {}),
    "sigmoid": ([ANY], {}),
    "silu": ([Z], {}),
    "softplus": ([Z], {"beta": 1.5, "threshold": 4.0}),
    "softshrink": ([Z], {"lambd": 0.7}),
    "softsign": ([Z], {}),
    "tanh": ([ANY], {}),
    "tanh_gelu": ([Z], {}),
    "tanhshrink": ([Z], {}),
    "threshold": ([Z], {"threshold": 0.3, "value": -2.0}),
}
WORDS = {
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "ceil": np.ceil,
    "cos": np.cos,
    "digamma": special.digamma,
    "erf": np.vectorize(math.erf),
    "erfinv": special.erfinv,
    "floor": np.floor,
    "gammainc": incomplete.gammainc,
    "i0": np.i0,
    "i1": bessel.i1,
    "lgamma": np.vectorize(math.lgamma),
    "pi": math.pi,
    "zeta": incomplete.zeta,
    "polygamma": lambda n, x: special.polygamma(x, n=n),
    "round": np.round,
    "sin": np.sin,
    "tan": np.tan,
}
