"""The gradients of convolutions, called by name: what backward() computes for one of them.

Behaviour: torch.nn.grad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.backward import grad
from gobhir.engine.tape import enable_grad, is_grad_enabled
from gobhir.nn import functional as F

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]

Convolution = Callable[..., Tensor]


def _of_input(convolve: Convolution) -> Convolution:
    def gradient(
        input_size: Sequence[int],
        weight: Tensor,
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """d loss / d input, of shape input_size, from d loss / d output."""
        x = Tensor._wrap(np.zeros(tuple(input_size), weight.dtype), True)
        settings = (None, stride, padding, dilation, groups)
        return _pull(x, lambda: convolve(x, weight, *settings), grad_output)

    return gradient


def _of_weight(convolve: Convolution) -> Convolution:
    def gradient(
        input: Tensor,
        weight_size: Sequence[int],
        grad_output: Tensor,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """d loss / d weight, of shape weight_size, from d loss / d output."""
        w = Tensor._wrap(np.zeros(tuple(weight_size), input.dtype), True)
        settings = (None, stride, padding, dilation, groups)
        return _pull(w, lambda: convolve(input, w, *settings), grad_output)

    return gradient


def _pull(start: Tensor, convolve: Callable[[], Tensor], above: Tensor) -> Tensor:
    wanted = is_grad_enabled()
    with enable_grad():
        out = convolve()
    found = grad(out, [start], [above], create_graph=wanted)[0]
    assert found is not None  # the convolution uses it
    return found


conv1d_input, conv1d_weight = _of_input(F.conv1d), _of_weight(F.conv1d)
conv2d_input, conv2d_weight = _of_input(F.conv2d), _of_weight(F.conv2d)
conv3d_input, conv3d_weight = _of_input(F.conv3d), _of_weight(F.conv3d)
