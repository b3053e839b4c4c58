"""Gobhir (গভীর, "deep"): deep learning that people can see through, in Bangla and English.
Everything under PyTorch's names: `import gobhir as torch` runs teaching programs.
Start reading in engine/__init__.py; the map of the house is in README.md.
"""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import Any

__version__ = "0.1.0"

from gobhir import autograd, nn, optim
from gobhir.engine import Tensor
from gobhir.engine.absent import missing
from gobhir.engine.creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_numpy,
    frombuffer,
    full,
    full_like,
    linspace,
    logspace,
    ones,
    ones_like,
    range,
    scalar_tensor,
    tensor,
    zeros,
    zeros_like,
)
from gobhir.engine.device import device
from gobhir.engine.dtypes import (
    bool,
    double,
    dtype,
    finfo,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
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
from gobhir.engine.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from gobhir.engine.printing import set_printoptions
from gobhir.engine.random import (
    Generator,
    bernoulli,
    binomial,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from gobhir.engine.size import Size
from gobhir.engine.tape import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from gobhir.lang import language, use_language

_LAYERS = """adaptive_avg_pool1d adaptive_max_pool1d avg_pool1d bilinear channel_shuffle conv1d
conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity dropout
group_norm layer_norm max_pool1d max_pool2d max_pool3d pairwise_distance pixel_shuffle
pixel_unshuffle rms_norm"""
"""What PyTorch offers both in nn.functional and at the top."""

FUNCTIONS.update({name: getattr(nn.functional, name) for name in _LAYERS.split()})
FUNCTIONS["adaptive_max_pool1d"] = nn.functional.adaptive_max_pool1d_with_indices
globals().update(FUNCTIONS)
newaxis = None  # as an index: one more dimension, of size 1

__all__ = [
    *FUNCTIONS,
    "accelerator",
    "amp",
    "arange",
    "as_tensor",
    "asarray",
    "autocast",
    "autograd",
    "backends",
    "bernoulli",
    "binomial",
    "bool",
    "channels_last",
    "channels_last_3d",
    "check",
    "compile",
    "contiguous_format",
    "cuda",
    "default_generator",
    "device",
    "distributions",
    "double",
    "e",
    "dtype",
    "empty",
    "empty_like",
    "enable_grad",
    "examples",
    "explain",
    "eye",
    "finfo",
    "fit",
    "float",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "frombuffer",
    "full",
    "full_like",
    "func",
    "Generator",
    "get_default_dtype",
    "get_rng_state",
    "half",
    "iinfo",
    "inf",
    "inference_mode",
    "initial_seed",
    "int",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_autocast_enabled",
    "is_grad_enabled",
    "language",
    "layout",
    "linalg",
    "linspace",
    "load",
    "logspace",
    "long",
    "manual_seed",
    "memory_format",
    "multinomial",
    "nan",
    "newaxis",
    "nn",
    "no_grad",
    "normal",
    "ones",
    "ones_like",
    "optim",
    "pi",
    "poisson",
    "preserve_format",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "random",
    "randperm",
    "range",
    "save",
    "scalar_tensor",
    "seed",
    "serialization",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "set_rng_state",
    "short",
    "signal",
    "Size",
    "special",
    "story",
    "Story",
    "strided",
    "tensor",
    "testing",
    "Tensor",
    "training",
    "uint8",
    "use_language",
    "utils",
    "zeros",
    "zeros_like",
]

_LATER = {
    "accelerator": "gobhir",
    "amp": "gobhir",
    "autocast": "gobhir.amp",
    "is_autocast_enabled": "gobhir.amp",
    "backends": "gobhir",
    "check": "gobhir.explain.checking.check",
    "compile": "gobhir.engine.compile",
    "cuda": "gobhir",
    "mps": "gobhir.cuda",
    "xpu": "gobhir.cuda",
    "version": "gobhir",
    "distributions": "gobhir",
    "examples": "gobhir",
    "explain": "gobhir",
    "fit": "gobhir.training",
    "func": "gobhir",
    "linalg": "gobhir",
    "load": "gobhir.serialization",
    "random": "gobhir",
    "save": "gobhir.serialization",
    "serialization": "gobhir",
    "signal": "gobhir",
    "watch": "gobhir.explain.watching",
    "special": "gobhir",
    "story": "gobhir.explain.stories.story",
    "Story": "gobhir.explain.stories.story",
    "testing": "gobhir",
    "training": "gobhir",
    "utils": "gobhir",
}
_LATER |= dict.fromkeys(
    [
        *("bartlett_window", "blackman_window", "hamming_window", "hann_window"),
        "kaiser_window",
    ],
    "gobhir.signal.windows",
)
"""What is imported when it is first asked for, and where it stands."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise missing(__name__, name)
    from importlib import import_module

    home = _LATER[name]
    if name in ("explain", "watch", "story"):  # their pages are alive in a notebook
        page, alive = import_module("gobhir.derivation.step").Derivation, "gobhir.widgets.page"
        if page.live is None:  # the studio has a way of its own
            page.live = staticmethod(lambda d: import_module(alive).shown(d))
    if home == "gobhir":
        return import_module(f"gobhir.{name}")
    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
