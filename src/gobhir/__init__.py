"""Gobhir (গভীর, "deep"): deep learning that people can see through, in Bangla and English.
Everything under PyTorch's names: `import gobhir as torch` runs teaching programs.
Start reading in engine/__init__.py; the map of the house is in README.md.
"""

from __future__ import annotations

__version__ = "0.1.0"

from gobhir import autograd, nn, optim
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
    bool,  # noqa: A004  PyTorch's name
    double,
    dtype,
    float,  # noqa: A004
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,  # noqa: A004
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
