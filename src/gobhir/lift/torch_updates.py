"""What changes the parameters of a watched PyTorch program: an optimizer, or lines of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch.optim import optimizer as optimizers

from gobhir.lift.recorder import Recorder
from gobhir.lift.torch_schedules import schedule
from gobhir.lift.torch_values import Values
from gobhir.lift.trace import Backward, Changed, Stepped, Value


@dataclass(eq=False)
class _Running:
    """An optimizer's step under way. frame: that of PyTorch's code around it. before: by the
    parameter's id, itself and what is known of it. evaluating: whether its closure runs. told:
    whether an optimizer inside it has taken the step."""

    optimizer: Any
    frame: FrameType
    before: dict[int, tuple[Any, Changed]] = field(default_factory=dict)
    evaluating: bool = False
    told: bool = False


class Updates:
    """recorder: who is told of each step. found: called with each gradient that an optimizer is
    about to take, and its leaf."""

    def __init__(
        self, recorder: Recorder, values: Values, found: Callable[[Value, Value], None]
    ) -> None:
        self.recorder, self.values, self.found = recorder, values, found
        self._running: list[_Running] = []
        self._keys: list[Any] = []
        self._hand: dict[int, Changed] = {}
        self._by_hand: Stepped | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        with ExitStack() as stack:
            for handle in (
                optimizers.register_optimizer_step_pre_hook(self._about_to_step),
                optimizers.register_optimizer_step_post_hook(self._after_step),
            ):
                stack.callback(handle.remove)
            stack.callback(self._running.clear)
            stack.callback(self._keys.clear)
            yield

    # -- optimizers ----

    @property
    def busy(self) -> bool:
        """Whether an optimizer is at work. One whose step has failed is not any more."""
        while self._running:
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and frame is not self._running[-1].frame:
                frame = frame.f_back
            if frame is not None:
                return not self._running[-1].evaluating
            with torch._C.DisableTorchFunction():
                for p, _ in self._running.pop().before.values():
                    self.values.renew(p)
        return False

    def _about_to_step(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if self.recorder.is_blind():
            return None
        running = _Running(optimizer, sys._getframe(1))
        self._running.append(running)
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        if closure is None:
            self._begin(running)
            return None

        def watched() -> Any:
            with torch._C.DisableTorchFunction():
                for p, _ in running.before.values():  # what it has tried since it ran last
                    self.values.renew(p)
            running.evaluating = True
            try:
                return closure()
            finally:
                running.evaluating = False
                self._begin(running)

        rest = {k: v for k, v in kwargs.items() if k != "closure"}
        return (args[0], watched), rest

    def _begin(self, running: _Running) -> None:
        running.before = {}
        with torch._C.DisableTorchFunction():
            for number, group in enumerate(running.optimizer.param_groups):
                for p in group["params"]:
                    if p.grad is not None:
                        running.before[id(p)] = p, self._before(running.optimizer, p, number)

    def _before(self, optimizer: Any, p: Any, number: int) -> Changed:
        values = self.values
        state = {k: self._of_state(v) for k, v in optimizer.state.get(p, {}).items()}
        leaf, before, grad = values.known(p), values.snapshot(p), values.snapshot(p.grad)
        self.found(leaf, grad)
        values.secure(p)
        values.secure(p.grad)
        return Changed(leaf, before, grad, state, before, number)

    def _of_state(self, v: Any) -> Any:
        if not isinstance(v, torch.Tensor):
            return v
        copy = v.detach().clone()
        self.recorder.remembers(copy.numel() * copy.element_size())
        return copy

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self.recorder.is_blind() or not self._running:
            return
        running = self._running.pop()
        for outer in self._running:
            outer.told = True
        if running.told:
            return
        with torch._C.DisableTorchFunction():
            event = self._event(running)
        self.recorder.stepped(event)
        self.recorder.on_step()

    def _event(self, running: _Running) -> Stepped:
        optimizer, changes = running.optimizer, []
        for p, change in running.before.values():
            change.after = self.values.renew(p)
            changes.append(change)
        if not any(optimizer is o for o in self._keys):
            self._keys.append(optimizer)
        key = next(k for k, o in enumerate(self._keys) if o is optimizer)
        groups = [
            {k: _plain(v) for k, v in group.items() if k != "params"}
            for group in optimizer.param_groups
        ]
        kind = type(optimizer).__name__
        return Stepped(kind, groups, changes, key, schedule=schedule(optimizer))

    # -- by hand ----

    def by_hand(self, written: list[Any]) -> None:
        """Where the user's own lines change a parameter by a new gradient, that is a step, too."""
        for t, leaf in self.values.leaves_on(written) if written else ():
            if t.grad is None or (id(t) not in self._hand and not self._waiting(leaf)):
                self.values.renew(t)  # it is made smaller, say, once the optimizer has stepped
                continue
            if id(t) not in self._hand:
                change = Changed(leaf, leaf, self.values.snapshot(t.grad), {}, leaf, 0)
                if self._by_hand is None:
                    self._by_hand = Stepped("", [{}], [change], -1)
                    self.recorder.stepped(self._by_hand)
                else:
                    self._by_hand.changes.append(change)
                self._hand[id(t)] = change
            self._hand[id(t)].after = self.values.renew(t)

    def ended_by_hand(self) -> None:
        """The next gradients are asked for: whatever is changed from now on is another step."""
        if self._by_hand is not None:
            self._hand, self._by_hand = {}, None
            self.recorder.on_step()

    def _waiting(self, leaf: Value) -> bool:
        """Whether the leaf has a gradient with which nobody has stepped."""
        for event in reversed(self.recorder.trace.events):
            if isinstance(event, Backward) and leaf in event.found:
                return True
            if isinstance(event, Stepped) and any(c.after is leaf for c in event.changes):
                return False
        return False


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, torch.Tensor) else value
