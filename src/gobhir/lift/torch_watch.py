"""A PyTorch step, watched: the calls as the textbook names them, backward, the optimizer's step.

The program runs untouched. A TorchFunctionMode sees F.linear, torch.lstm, x + y ... before they
come apart into kernels; hooks say in which module that was (torch_modules.py) and what an optimizer
changed (torch_updates.py); backward is looked on by torch_backward.py. Values stay where they are,
and are copied before something writes over them (torch_values.py).
https://docs.pytorch.org/docs/stable/notes/extending.html
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import torch
from torch.autograd.function import Function
from torch.nn.modules._functions import BackwardHookFunction
from torch.overrides import TorchFunctionMode

from gobhir.lift.counterparts import DRAWN, DRAWS, UNSEEN, counterpart, cut_table, opened, writes
from gobhir.lift.keras_parts import optimizers_watched
from gobhir.lift.keras_whole import layers_watched
from gobhir.lift.places import runs_in, user_line
from gobhir.lift.recorder import KEEP, Recorder
from gobhir.lift.steps import Calls
from gobhir.lift.torch_again import Again
from gobhir.lift.torch_backward import Backwards
from gobhir.lift.torch_modules import Modules
from gobhir.lift.torch_updates import Updates
from gobhir.lift.torch_values import Values, made_by, tensors_in
from gobhir.lift.trace import Backward, Call, Trace, Value, exchanged, values_in

DEVICES = ("cpu", "cuda", "mps", "xpu")
"""On which autocast may be on."""


class TorchWatch(Recorder):
    """`with TorchWatch() as w:` around a step; `w.trace` is what happened. models: whose parts'
    names are wanted before they run. on_step: called when an optimizer has stepped; after a step
    by the user's own lines, when the next gradients are asked for. keep: as in Recorder."""

    def __init__(
        self, *models: Any, on_step: Callable[[], None] = lambda: None, keep: int = KEEP
    ) -> None:
        super().__init__(Trace(again=Again), on_step, keep)
        self.values = Values(self.remembers)
        self.modules = Modules(self, self.values)
        self.backwards = Backwards(self, self.values)
        self.updates = Updates(self, self.values, self.backwards.found)
        self._checkpoint = False
        for model in models:
            self.modules.learn_names(model)

    # -- beginning and end ----

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.values.end)
            stack.enter_context(self.modules.watched())
            stack.enter_context(self.updates.watched())
            stack.enter_context(self.backwards.watched())
            stack.enter_context(self._in_the_place_of_apply())
            stack.enter_context(optimizers_watched(self, "torch"))
            stack.enter_context(layers_watched(self, "torch"))
            if hasattr(torch.compiler, "set_stance"):
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            stack.enter_context(_Functions(self))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()
        self.take_off_label()

    @property
    def busy(self) -> bool:
        if self.is_blind() or self._away > 0 or self.updates.busy:
            return True
        if _transformed():
            self.trace.notes.setdefault("transformed", {})
            return True
        return False

    def about_to_differentiate(self) -> None:
        self.updates.ended_by_hand()

    def sift(self) -> None:
        events = self.trace.events
        start = sum(count for count, _ in self._ends)
        last = [e for e in events[start:] if isinstance(e, Backward)][-1:]
        roots = [root for e in last for root in (*e.roots, *filter(None, e.seeds))]
        needed, _ = Calls(self.trace.calls).needed([*self.values.live(), *roots])
        wanted = {*needed, *last}
        events[start:] = [e for e in events[start:] if e in wanted]

    # -- calls ----

    def called(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry the call out, and write it down."""
        name, own = counterpart(function)
        if name in UNSEEN or self.busy:
            return function(*args, **kwargs)
        if name == "torch.autograd.grad":
            return self._asked(own, function, args, kwargs)
        inner = opened(function, name, args, kwargs)
        if inner is not None:
            with _Functions(self):
                return inner(*args, **kwargs)
        if name in DRAWN or name.startswith("torch.nn.init."):
            result = function(*args, **kwargs)
            for t in tensors_in(result):
                self.values.drawn(t)
            return result
        given = exchanged((args, kwargs), self.values.known)
        written: list[Any] = []
        if writes(name, args, kwargs):
            written = list(tensors_in(args[:1] if "Tensor." in name else (args, kwargs)))
            for t in written:
                self.values.secure(t)
        table = cut_table(name, args, kwargs)
        if table is not None:
            self.values.secure(table)
        draws = torch.get_rng_state() if name in DRAWS else None
        result = function(*args, **kwargs)
        if table is not None:
            self.values.rewritten(table)
        if name.endswith("requires_grad.__set__"):
            self.values.awake(args[0])
            return result
        if not written and _made_nothing(name, result, args):
            self.values.awake(result)  # x.requires_grad_()
            return result
        gave = args[0] if name.endswith("__setitem__") else result
        if any(True for _ in tensors_in(gave)):
            self._note(name, own, function, given, gave, draws, bool(written))
        self.updates.by_hand(
            [t for t in written if not (t.requires_grad and torch.is_grad_enabled())]
        )
        return result

    def _note(
        self,
        name: str,
        own: Any,
        function: Any,
        given: Any,
        result: Any,
        draws: Any = None,
        writes: bool = False,
    ) -> Call:
        args, kwargs = given
        results = exchanged(result, self.values.result)
        remembers = torch.is_grad_enabled() or self._checkpoint
        scope, line = self.scope, user_line()
        call = Call(
            name, own, function, args, kwargs, results, scope, line, remembers, draws, writes,
            within=self.within,
        )  # fmt: skip
        if self._checkpoint:
            for value in values_in(results):
                value.learns = True
        self.trace.events.append(call)
        if any(map(torch.is_autocast_enabled, DEVICES)):
            self.trace.notes.setdefault("autocast", {})
        if "compiled" not in self.trace.notes and _compiled():
            self.trace.notes["compiled"] = {}
        for t in tensors_in(result):
            self.backwards.claim(made_by(t), call)
        return call

    @contextmanager
    def _in_the_place_of_apply(self) -> Iterator[None]:
        """The user's own autograd.Function is one call."""
        original = vars(Function)["apply"]

        def apply(kind: Any, *args: Any, **kwargs: Any) -> Any:
            real = original.__get__(None, kind)
            if self.busy:
                return real(*args, **kwargs)
            if kind.__module__ == "torch.utils.checkpoint":
                return self._checkpointed(real, args, kwargs)
            with torch._C.DisableTorchFunction():
                given = exchanged((args, kwargs), self.values.known)
                with self.nothing_noted():
                    result = real(*args, **kwargs)
                if any(True for _ in tensors_in(result)):
                    own = _the_same if kind is BackwardHookFunction else None
                    self._note(kind.__name__, own, real, given, result)
            return result

        Function.apply = classmethod(apply)  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Function.apply = original  # type: ignore[method-assign]

    def _checkpointed(self, real: Any, args: Any, kwargs: Any) -> Any:
        """What runs inside will be run once more in backward; it has gradients all the same."""
        self.trace.notes.setdefault("checkpoint", {})
        outer, self._checkpoint = self._checkpoint, True
        try:
            result = real(*args, **kwargs)
        finally:
            self._checkpoint = outer
        last = next((e for e in reversed(self.trace.events) if isinstance(e, Call)), None)
        for t in tensors_in(result):
            if last is not None:
                self.backwards.claim(made_by(t), last)
        return result

    def _asked(self, own: Any, function: Any, args: Any, kwargs: Any) -> Any:
        """torch.autograd.grad: a function whose results are gradients."""
        given = exchanged((args, kwargs), self.values.known)
        event = Backward([], [], {})
        with self.nothing_noted(), self.backwards.kernels(event):
            result = function(*args, **kwargs)
        call = self._note("torch.autograd.grad", own, function, given, result)
        call.kernels += event.unlinked
        return result

    # -- what Keras's parts ask ----

    @property
    def scope(self) -> tuple[str, ...]:
        return self.modules.scope

    def seen(self, x: Any) -> Any:
        return self.values.known(x)

    def leaf(self, tensor: Any) -> Value:
        return self.values.known(tensor)

    def snapshot(self, tensor: Any) -> Value:
        value = self.values.snapshot(tensor)
        self.values.secure(tensor)
        return value

    def renew(self, tensor: Any) -> Value:
        return self.values.renew(tensor)


class _Functions(TorchFunctionMode):
    """Every call of a function of PyTorch's, by the name under which the user knows it."""

    def __init__(self, watch: TorchWatch):
        super().__init__()
        self.watch = watch

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self.watch.called(function, args, kwargs or {})


def _made_nothing(name: str, result: Any, args: tuple[Any, ...]) -> bool:
    """x.to(its own dtype) is x; what torch.as_tensor makes of plain numbers came from outside."""
    if name in ("torch.as_tensor", "torch.tensor", "torch.from_numpy"):
        return not any(True for _ in tensors_in(args))
    return bool(args) and isinstance(result, torch.Tensor) and result is args[0]


def _the_same(*tensors: Any) -> Any:
    """What nn.Module puts around a module for the sake of its backward hooks."""
    return tensors


def _transformed() -> bool:
    """Whether a transformation of torch.func (vmap, grad, ...) is at work: its tensors have no
    numbers of their own."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def _compiled() -> bool:
    """Whether what runs would have been compiled if nobody looked on."""
    return "torch._dynamo.eval_frame" in sys.modules and runs_in("_TorchDynamoContext.")
