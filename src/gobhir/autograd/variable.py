"""Variable, as old programs wrap their tensors; since PyTorch 0.4 a Tensor needs no wrapping.

https://docs.pytorch.org/docs/stable/autograd.html#variable-deprecated
"""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor


class _Every(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_Every):
    """`Variable(x, requires_grad=True)`: the numbers of x, in the same memory, as a new leaf."""

    def __new__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:  # type: ignore[misc]
        return data.detach().requires_grad_(requires_grad)
