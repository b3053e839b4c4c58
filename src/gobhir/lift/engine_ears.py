"""Listening to Gobhir's own engine, which tells every op and gradient to whom it may concern."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.hooks import changes
from gobhir.engine.tape import is_grad_enabled, state
from gobhir.lift.listening import Listener, sound
from gobhir.lift.noticing import Heard


class EngineListener(Listener):
    """A Listener for gobhir.nn. Compiled steps run as they are written meanwhile."""

    def __init__(self, model: Any, optimizer: Any, every: int):
        super().__init__(model, optimizer, every, _array)
        self._numbers_of: dict[int, int] = {}

    def attach(self, inside: bool = True) -> None:
        super().attach(inside)
        self._outer = state.watch, state.before_backward
        state.watch, state.before_backward = self._told, self._starts
        changes[0] += 1

    def detach(self) -> None:
        super().detach()
        state.watch, state.before_backward = self._outer

    def grad_enabled(self) -> bool:
        return is_grad_enabled()

    def _forget(self) -> None:
        super()._forget()
        self._numbers_of = {}

    def _starts(self, tensors: Any) -> None:
        for loss in tensors if not _private() else ():
            self.before_backward(loss)
        if self._outer[1] is not None:
            self._outer[1](tensors)

    def _told(self, op: Any, value: Any, inputs: Any, ran: Any = None) -> Any:
        if self.listening and not _private():
            if ran is not None:
                self._pulled(op, value, inputs)
            elif _learns(value, inputs):
                first = value[0] if type(value) is tuple else value
                given = tuple(x for x in inputs if type(getattr(x, "array", x)) is not tuple)
                self._numbers_of[id(value)] = self.op(op.name, given, first)
        outer = self._outer[0]
        if outer is None:
            return None
        return outer(op, value, inputs) if ran is None else outer(op, value, inputs, ran)

    def _pulled(self, op: Any, grads: Any, given: Any) -> None:
        """backward() went through an op: what comes out unsound, and went in sound, is born."""
        if self._suspect is not None:
            return
        cotangent, value = given[:2]
        if all(map(sound, _floats(grads))) or not all(map(sound, _floats(cotangent))):
            return
        number = self._numbers_of.get(id(value), -1)
        layer = self._trace[number].layer if number >= 0 else ""
        self._suspect = Heard(op.name, layer, value[0] if type(value) is tuple else value)


def _private() -> bool:
    """Whether what runs is a step that somebody looks into, and takes back."""
    return state.tape is not None and bool(state.tape.private)


def _floats(given: Any) -> list[np.ndarray]:
    parts = given if isinstance(given, (tuple, list)) else (given,)
    return [a for a in parts if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def _learns(value: Any, inputs: Any) -> bool:
    """Whether a gradient could come back through this op."""
    first = value[0] if type(value) is tuple else value
    if not state.grad_enabled or first.dtype.kind != "f":
        return False
    return any(isinstance(x, Tensor) and x.requires_grad for x in inputs)


def _array(tensor: Any) -> np.ndarray:
    return tensor.array if isinstance(tensor, Tensor) else np.asarray(tensor)
