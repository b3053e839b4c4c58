"""Tools for parameters and gradients, under PyTorch's names; rnn.py packs sequences.
Stands on engine/ and lang/; training and all above may import it.
Start reading in clip_grad.py.
"""

from importlib import import_module
from typing import Any

from gobhir.engine.absent import missing
from gobhir.nn.utils import rnn
from gobhir.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from gobhir.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "rnn",
    "vector_to_parameters",
]

# Loaded when asked for, so that `import gobhir` is quick.
_MODULES = {"fusion", "parametrizations", "parametrize", "prune", "stateless"}
_FUNCTIONS = {
    "fuse_conv_bn_eval": "fusion",
    "fuse_conv_bn_weights": "fusion",
    "fuse_linear_bn_eval": "fusion",
    "fuse_linear_bn_weights": "fusion",
    "remove_spectral_norm": "norm_hooks",
    "remove_weight_norm": "norm_hooks",
    "skip_init": "init",
    "spectral_norm": "norm_hooks",
    "weight_norm": "norm_hooks",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"gobhir.nn.utils.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"gobhir.nn.utils.{_FUNCTIONS[name]}"), name)
    raise missing(__name__, name)
