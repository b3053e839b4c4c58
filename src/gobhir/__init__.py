"""Gobhir (গভীর, "deep"): deep learning that people can see through, in Bangla and English.
Everything under PyTorch's names: `import gobhir as torch` runs teaching programs.
Start reading in engine/__init__.py; the map of the house is in README.md.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

from gobhir import autograd, nn, optim, utils
from gobhir.engine import Tensor
from gobhir.engine.creation import (
    arange,
    as_tensor,
    empty,
    eye,
    from_numpy,
    full,
    linspace,
    ones,
    ones_like,
    tensor,
    zeros,
    zeros_like,
)
from gobhir.engine.dtypes import (
    bool,
    double,
    dtype,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
from gobhir.engine.functions import FUNCTIONS
from gobhir.engine.random import (
    Generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from gobhir.engine.tape import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from gobhir.lang import language, use_language
from gobhir.serialization import load, save

from gobhir import examples  # isort: skip  they stand on all of the above
from gobhir.explain import explain  # isort: skip  gobhir.explain(model, ...) is the function

globals().update(FUNCTIONS)

__all__ = [
    *FUNCTIONS,
    "arange",
    "as_tensor",
    "autograd",
    "bool",
    "double",
    "dtype",
    "empty",
    "enable_grad",
    "examples",
    "explain",
    "eye",
    "float",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "Generator",
    "get_default_dtype",
    "get_rng_state",
    "half",
    "inference_mode",
    "initial_seed",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_grad_enabled",
    "language",
    "linspace",
    "load",
    "long",
    "manual_seed",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "optim",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "save",
    "seed",
    "set_default_dtype",
    "set_grad_enabled",
    "set_rng_state",
    "short",
    "tensor",
    "Tensor",
    "uint8",
    "use_language",
    "utils",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> Any:
    # Only for what is asked for and is not there: type checkers do not see FUNCTIONS.
    raise AttributeError(f"module 'gobhir' has no attribute '{name}'")
