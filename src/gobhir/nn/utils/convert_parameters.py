"""All parameters as one long vector, and back.

Behaviour:
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parameters_to_vector.html
"""

from __future__ import annotations

from collections.abc import Iterable

from gobhir.engine import Tensor
from gobhir.engine.ops.joining import cat
from gobhir.lang import say


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The parameters end to end, shape (number of all numbers,), under autograd."""
    return cat(*(p.reshape(-1) for p in parameters), dim=0)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters look at the pieces of `vec`, in order. TypeError unless it is a Tensor."""
    if not isinstance(vec, Tensor):
        raise TypeError(say("errors.nn.vector", type=type(vec).__name__))
    at = 0
    for p in parameters:
        p.data = vec[at : at + p.numel()].view(p.shape).data
        at += p.numel()
