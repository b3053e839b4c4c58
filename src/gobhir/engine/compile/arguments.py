"""What kind of arguments a call has, and how they get to the lines of a replay that read them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.compile.product import Line
from gobhir.engine.compile.traced import arrays_in, owner
from gobhir.engine.dtypes import default_dtype
from gobhir.engine.tape import state
from gobhir.engine.tensor import Tensor


class Arguments:
    """The buffers of the recorded run's arguments, by position or name, and who reads them."""

    def __init__(self, inputs: list[tuple[Any, np.ndarray]], lines: list[Line]):
        self.inputs, self.lines = inputs, lines
        self.uses = [self._uses(buffer) for _, buffer in inputs]

    def _uses(self, buffer: np.ndarray) -> list[tuple[int, int]] | None:
        """In which lines, as which argument, the calls read the input; None where some of them
        look at a part of it, or write into it."""
        memory, uses = owner(buffer), []
        for i, (f, args) in enumerate(self.lines):
            hidden = (getattr(f, "keywords", {}), getattr(f, "__self__", None))
            if any(owner(a) is memory for part in hidden for a in arrays_in(part)):
                return None
            for at, arg in enumerate(args):
                for a in arrays_in(arg):
                    if owner(a) is not memory:
                        continue
                    whole = a.__array_interface__ == buffer.__array_interface__
                    if a is not arg or not whole or (at and at == len(args) - 1):
                        return None
                    uses.append((i, at))
        return uses

    def bind(self, args: Any, kwargs: Any) -> None:
        """Let the calls read these arguments: where they are, if they lie in memory as the first
        ones did, else from a copy."""
        for (key, buffer), uses in zip(self.inputs, self.uses, strict=True):
            array = given_array(key, args, kwargs)
            if uses is None or type(array) is not np.ndarray or array.strides != buffer.strides:
                np.copyto(buffer, array)
                array = buffer
            self._put(array, uses or [])

    def _put(self, array: np.ndarray, uses: list[tuple[int, int]]) -> None:
        for i, at in uses:
            f, given = self.lines[i]
            if given[at] is not array:
                self.lines[i] = (f, (*given[:at], array, *given[at + 1 :]))

    def keep_copies(self) -> None:
        """Let the calls read from the buffers, from now on: `copy` fills them. For what is read
        again later, when the user may have changed his own array."""
        for (_, buffer), uses in zip(self.inputs, self.uses, strict=True):
            self._put(buffer, uses or [])

    def copy(self, args: Any, kwargs: Any, first: int) -> None:
        """Fill the buffers from input number `first` on."""
        for key, buffer in self.inputs[first:]:
            np.copyto(buffer, given_array(key, args, kwargs))


def given_array(key: Any, args: Any, kwargs: Any) -> Any:
    """The numbers of the argument at a position, or of a name."""
    value = args[key] if type(key) is int else kwargs[key]
    return value.array if isinstance(value, Tensor) else value


def kind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What about the arguments decides which calls a step makes; None if it cannot be told."""
    parts: list[Any] = [state.grad_enabled, default_dtype()]
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            parts.append((value.array.shape, value.array.dtype, value.requires_grad))
        elif isinstance(value, np.ndarray):
            parts.append(("array", value.shape, value.dtype))
        elif value is None or isinstance(value, (bool, int, float, str)):
            parts.append((type(value), value))
        elif isinstance(value, (list, dict, set, tuple)):
            return None
        elif isinstance(value, np.generic):
            parts.append((type(value), value.item()))
        else:
            parts.append(("object", id(value)))
    return (*parts, *kwargs)
