"""PyTorch's `torch.autograd`: gradients asked for by name, ops of one's own, and their checks.
Stands on engine/ and lang/; nn, training and all above may import it.
Start reading in function.py: an op of one's own, forward and backward.
"""

from typing import Any

from gobhir.autograd import functional, graph
from gobhir.autograd.anomaly import detect_anomaly, set_detect_anomaly
from gobhir.autograd.function import Function
from gobhir.autograd.gradcheck import gradcheck, gradgradcheck
from gobhir.autograd.variable import Variable
from gobhir.engine.absent import missing
from gobhir.engine.backward import backward, grad
from gobhir.engine.paths import offer
from gobhir.engine.tape import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "graph",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]

_MODES = (enable_grad, inference_mode, no_grad, set_grad_enabled)
offer(__name__, "grad_mode", {mode.__name__: mode for mode in _MODES})


def __getattr__(name: str) -> Any:
    raise missing(__name__, name)
