"""backward() of a watched PyTorch program: which gradients it left, and which kernels ran in it for
which call.

Inside backward a TorchDispatchMode sees the kernels, and autograd says on which node of its graph
it is at work; a node belongs to the call that made it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gobhir.lift.recorder import Recorder
from gobhir.lift.torch_values import Values, tensors_in
from gobhir.lift.trace import Backward, Call, Value

_BACKWARD = inspect.signature(torch.autograd.backward)


class Backwards:
    """recorder: whose trace they are written to."""

    def __init__(self, recorder: Recorder, values: Values) -> None:
        self.recorder, self.values = recorder, values
        self._calls_of: WeakValueDictionary[int, Call] = WeakValueDictionary()
        """By the number that autograd gives each node, the call that made it."""
        self._now: Backward | None = None
        self._before: dict[Value, Value] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        original = torch.autograd.backward

        def backward(*args: Any, **kwargs: Any) -> None:
            recorder = self.recorder
            if recorder.is_blind():
                recorder.elsewhere |= not recorder.over
            if recorder.busy:
                original(*args, **kwargs)
            else:
                recorder.about_to_differentiate()
                with torch._C.DisableTorchFunction():
                    self._differentiated(original, args, kwargs)

        torch.autograd.backward = backward
        try:
            yield
        finally:
            torch.autograd.backward = original
            self._calls_of.clear()

    def claim(self, node: Any, call: Call) -> None:
        """This node, and those under it that nobody has, are of the call's making."""
        todo = [node]
        while todo:
            node = todo.pop()
            if node is None or hasattr(node, "variable") or node._sequence_nr() in self._calls_of:
                continue
            self._calls_of[node._sequence_nr()] = call
            todo += [below for below, _ in node.next_functions]

    def kernels(self, event: Backward) -> TorchDispatchMode:
        """A context in which each kernel is put down to its call, or to the event."""
        return _Kernels(self._calls_of, event)

    def found(self, leaf: Value, gradient: Value) -> None:
        """An optimizer takes this gradient; if it does so while backward is still at work (from a
        hook), the gradient may be gone when backward is done."""
        if self._now is not None:
            self._now.found[leaf] = self._before.get(leaf), gradient

    def _differentiated(self, original: Any, args: Any, kwargs: Any) -> None:
        given, values = _BACKWARD.bind(*args, **kwargs).arguments, self.values
        roots = list(tensors_in((given["tensors"],)))
        seeds = given.get("grad_tensors")
        starts = [None] * len(roots) if seeds is None else list(tensors_in((seeds,)))
        event = Backward(
            [values.known(t) for t in roots],
            [None if s is None else values.known(s) for s in starts],
            {},
        )
        marks, self._before = values.about_to_learn()
        events = self.recorder.trace.events
        events.append(event)  # before: an optimizer may take its step inside
        self._now = event
        try:
            with self.recorder.nothing_noted(), self.kernels(event):
                original(*args, **kwargs)
        except BaseException:
            if not event.found:
                events.remove(event)
            raise
        finally:
            for leaf, gradient in values.learned(marks):
                event.found[leaf] = self._before.get(leaf), gradient
            self._now, self._before = None, {}


class _Kernels(TorchDispatchMode):
    def __init__(self, calls: WeakValueDictionary[int, Call], event: Backward):
        super().__init__()
        self.calls, self.event = calls, event
        self.last: Call | None = None

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        node = torch._C._current_autograd_node()
        if node is not None and not hasattr(node, "variable"):
            # What is run again inside (a checkpoint) makes nodes that nobody has seen.
            self.last = self.calls.get(node._sequence_nr(), self.last)
            kernels = self.event.unlinked if self.last is None else self.last.kernels
            kernels.append(function.__name__)
        return function(*args, **(kwargs or {}))
