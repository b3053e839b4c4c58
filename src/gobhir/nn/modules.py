"""The places where PyTorch keeps its layers, `torch.nn.modules.loss` and the like, for programs
that import from there. Each is made of the files of nn/ in which those layers stand."""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from typing import Any

from gobhir import nn
from gobhir.engine.paths import offer

_FILES = {
    "activation": "activation attention",
    "adaptive": "adaptive_softmax",
    "batchnorm": "normalisation lazy",
    "channelshuffle": "vision",
    "container": "container",
    "conv": "conv lazy",
    "distance": "distance",
    "dropout": "dropout",
    "flatten": "linear",
    "fold": "vision",
    "instancenorm": "normalisation lazy",
    "lazy": "lazy",
    "linear": "linear lazy",
    "loss": "loss margin_loss",
    "module": "module",
    "normalization": "normalisation",
    "padding": "padding",
    "pixelshuffle": "vision",
    "pooling": "pooling",
    "rnn": "rnn rnn_cell",
    "sparse": "embedding",
    "transformer": "transformer",
    "upsampling": "vision",
}
_BASES = {
    "_Convolution": "_ConvNd",
    "_ConvTranspose": "_ConvTransposeNd",
    "_Dropout": "_DropoutNd",
    "_Running": "_NormBase",
    "_MaxPool": "_MaxPoolNd",
    "_AvgPool": "_AvgPoolNd",
}
"""Classes that others build on, and what PyTorch calls them."""


def _of(file: str) -> dict[str, Any]:
    """The classes that stand in this file of nn/."""
    home = import_module(f"gobhir.nn.{file}")
    classes = {k: v for k, v in vars(home).items() if isinstance(v, type)}
    own = {k: v for k, v in classes.items() if v.__module__ == home.__name__}
    return own | {_BASES[k]: v for k, v in own.items() if k in _BASES}


def _times(n: int) -> Any:
    def repeated(value: Any) -> tuple[Any, ...]:
        several = hasattr(value, "__iter__")
        return tuple(value) if several else (value,) * n

    repeated.__doc__ = f"The value {n} times, or what it consists of."
    return repeated


for _name, _names in _FILES.items():
    offer(__name__, _name, {k: v for file in _names.split() for k, v in _of(file).items()})
_numbers = {"_single": 1, "_pair": 2, "_triple": 3, "_quadruple": 4}
offer(__name__, "utils", {"_ntuple": _times} | {name: _times(n) for name, n in _numbers.items()})


def _get_clones(module: Any, N: int) -> Any:
    """A ModuleList of N copies of the module."""
    return nn.ModuleList([deepcopy(module) for _ in range(N)])


offer(__name__, "transformer", {"_get_clones": _get_clones})


def __getattr__(name: str) -> Any:
    return getattr(nn, name)
