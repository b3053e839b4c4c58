"""Where what the engine has for layers and losses of Keras's is written down, by their names, and
what all of them need: activations, and how to refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gobhir
from gobhir.lift.windows import back
from gobhir.nn import functional as F


@dataclass(frozen=True)
class Entry:
    """weights, settings: by what the entry calls them, where the layer has them."""

    function: Callable[..., Any]
    weights: dict[str, str]
    settings: dict[str, str]


LAYERS: dict[str, Entry] = {}
"""By the class's name."""
LOSSES: dict[str, Callable[..., Any]] = {}
"""By the function's name: takes settings, the target and the answer."""


def layer(*kinds: str, weights: str = "", settings: str = "", of: str = "") -> Callable[..., Any]:
    """of: the part of the layer that has these. name=path says where else something is."""

    def named(words: str) -> dict[str, str]:
        pairs = (word.split("=") for word in words.split())
        return {pair[0]: of + pair[-1] for pair in pairs}

    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        entry = Entry(function, named(weights), named(settings))
        LAYERS.update(dict.fromkeys(kinds, entry))
        return function

    return keep


def loss(*names: str) -> Callable[..., Any]:
    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        LOSSES.update(dict.fromkeys(names, function))
        return function

    return keep


def refuse(met: bool) -> None:
    if met:
        raise ValueError


# -- activations ----

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "celu": F.celu,
    "elu": F.elu,
    "exponential": gobhir.exp,
    "gelu": F.gelu,
    "hard_shrink": F.hardshrink,
    "hard_sigmoid": F.hardsigmoid,
    "hard_silu": F.hardswish,
    "hard_tanh": F.hardtanh,
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.2),
    "linear": lambda z: z,
    "log_sigmoid": F.logsigmoid,
    "log_softmax": partial(F.log_softmax, dim=-1),
    "mish": F.mish,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "sigmoid": gobhir.sigmoid,
    "silu": F.silu,
    "soft_shrink": F.softshrink,
    "softmax": partial(F.softmax, dim=-1),
    "softplus": F.softplus,
    "softsign": F.softsign,
    "tanh": gobhir.tanh,
    "tanh_shrink": F.tanhshrink,
}
"""By the name of Keras's function."""
ALONG = {"softmax", "log_softmax"}
"""Those that look at all channels of a place."""


def activation(function: Any) -> str:
    """Its name. ValueError for one that Keras does not have."""
    if function is None:
        return "linear"
    name = getattr(function, "__name__", "")
    refuse(name not in ACTIVATIONS or not function.__module__.startswith("keras."))
    return name


def bent(at: Any, z: Any, last: bool = False) -> tuple[Any, Any]:
    """What the layer's activation makes of z, and z. last: z has its channels first, and they go
    back to the end."""
    name = activation(at.activation)
    bend = ACTIVATIONS[name]
    a = bend(back(z, last)) if name in ALONG else back(bend(z), last)
    return a, z if name == "linear" else back(z, last)
