"""Parameter: a tensor that a Module knows to be its own, and that learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.printing import tensor_text
from gobhir.lang import say


class Parameter(Tensor):
    """A leaf under autograd. As an attribute of a Module it appears in `parameters()`.

    data: a Tensor, whose memory is shared (empty when left out).
    """

    __slots__ = ()

    def __init__(self, data: Any = None, requires_grad: bool = True):
        if data is None:
            data = np.zeros(0, np.float32)
        self._set(data.array if isinstance(data, Tensor) else np.asarray(data), False)
        self.requires_grad_(requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """The same numbers; the gradient, and what else hangs on the tensor, stay behind."""
        out = type(self).__new__(type(self))
        out._set(self.array.copy(), self.requires_grad)
        memo[id(self)] = out
        return out

    def __repr__(self) -> str:
        return "Parameter containing:\n" + tensor_text(self)


class Buffer(Tensor):
    """A tensor that becomes a buffer of the Module it is set on: saved in `state_dict` (unless
    persistent=False), never changed by an optimizer. data: a Tensor, whose memory is shared."""

    __slots__ = ("persistent",)

    def __init__(self, data: Any = None, *, persistent: bool = True):
        if data is None:
            data = np.zeros(0, np.float32)
        self._set(data.array if isinstance(data, Tensor) else np.asarray(data), False)
        self.persistent = persistent


class UninitializedParameter(Parameter):
    """The parameter of a lazy layer before its first input: it has no shape yet."""

    __slots__ = ()

    @property
    def shape(self) -> Any:
        raise RuntimeError(say("errors.nn.uninitialized"))

    def __repr__(self) -> str:
        return "<UninitializedParameter>"
