"""A PyTorch step, watched: the calls as the textbook names them, backward, the optimizer's step.

The program runs untouched. A TorchFunctionMode sees F.linear, torch.lstm, x + y ... before they
come apart into kernels; hooks say in which module that was and what an optimizer changed; inside
backward a TorchDispatchMode sees the kernels, and autograd says to which call each belongs.
Values stay where they are, and are copied before something writes over them.
https://docs.pytorch.org/docs/stable/notes/extending.html
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Self
from weakref import WeakKeyDictionary

import torch
from torch.autograd.function import Function
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gobhir.lift.counterparts import DRAWN, DRAWS, UNSEEN, counterpart, opened, writes
from gobhir.lift.keras_parts import (
    is_layer,
    layers_of,
    optimizers_watched,
    own_of,
    variables_of,
)
from gobhir.lift.places import name_of, user_line
from gobhir.lift.torch_again import Again
from gobhir.lift.torch_values import Values, made_by, tensors_in
from gobhir.lift.trace import (
    Backward,
    Call,
    Changed,
    Stepped,
    Trace,
    Value,
    exchanged,
    values_in,
)

_BACKWARD = inspect.signature(torch.autograd.backward)


class TorchWatch:
    """`with TorchWatch() as w:` around a step; `w.trace` is what happened. models: whose parts'
    names are wanted before they run. on_step: called when an optimizer has stepped; after a step
    by the user's own lines, when the next gradients are asked for."""

    def __init__(self, *models: Any, on_step: Callable[[], None] = lambda: None) -> None:
        self.trace = Trace(again=Again)
        self.on_step = on_step
        self.values = Values()
        self._scope: tuple[str, ...] = ()
        self._paths: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._calls_of: dict[int, Call] = {}
        self._optimizers: list[Any] = []
        self._before: dict[int, Changed] = {}
        self._hand: dict[int, Changed] = {}
        self._root: Any = None
        """The outermost module that runs, or ran last."""
        self._inside = 0
        """How many things run whose calls are no calls of the user's model."""
        self._checkpoint = False
        self._open = ExitStack()
        for model in models:
            self._learn_names(model)

    # -- beginning and end ----

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for handle in (
                modules.register_module_forward_pre_hook(self._entered),
                modules.register_module_forward_hook(self._left, always_call=True),
                optimizers.register_optimizer_step_pre_hook(self._about_to_step),
                optimizers.register_optimizer_step_post_hook(self._stepped),
            ):
                stack.callback(handle.remove)
            stack.enter_context(self._in_the_place_of_backward())
            stack.enter_context(self._in_the_place_of_apply())
            stack.enter_context(optimizers_watched(self, "torch"))
            if hasattr(torch.compiler, "set_stance"):
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            stack.enter_context(_Functions(self))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()
        self.values.end()
        if len(self.trace.models) == 1:
            self.trace.take_off(next(iter(self.trace.models)))
        self._calls_of.clear()
        self._optimizers.clear()

    def forget(self) -> None:
        """Keep of what was seen only the last step."""
        self.trace.keep_last_step()
        known = set(self.trace.calls)
        self._calls_of = {n: call for n, call in self._calls_of.items() if call in known}
        self.values.forget({v for c in known for v in values_in((c.args, c.kwargs, c.results))})

    # -- calls ----

    def called(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Carry the call out, and write it down."""
        name, own = counterpart(function)
        if self._inside or name in UNSEEN:
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
        draws = torch.get_rng_state() if name in DRAWS else None
        result = function(*args, **kwargs)
        if not written and _made_nothing(name, result, args):
            self.values.awake(result)  # x.requires_grad_()
            return result
        gave = args[0] if name.endswith("__setitem__") else result
        if any(True for _ in tensors_in(gave)):
            self._note(name, own, function, given, gave, draws, bool(written))
        self._by_hand([t for t in written if not (t.requires_grad and torch.is_grad_enabled())])
        return result

    def _by_hand(self, written: list[Any]) -> None:
        """Where the user's own lines change a parameter by a new gradient, that is a step, too."""
        for t, leaf in self.values.leaves_on(written) if written else ():
            if t.grad is None or (id(t) not in self._hand and not self._waiting(leaf)):
                self.values.renew(t)  # it is made smaller, say, once the optimizer has stepped
                continue
            if not self._hand:
                self.trace.events.append(Stepped("", [{}], [], -1))
            if id(t) not in self._hand:
                change = Changed(leaf, leaf, self.values.snapshot(t.grad), {}, leaf, 0)
                self._hand[id(t)] = change
                step = next(e for e in reversed(self.trace.events) if isinstance(e, Stepped))
                step.changes.append(change)
            self._hand[id(t)].after = self.values.renew(t)

    def _waiting(self, leaf: Value) -> bool:
        """Whether the leaf has a gradient with which nobody has stepped."""
        for event in reversed(self.trace.events):
            if isinstance(event, Backward) and leaf in event.found:
                return True
            if isinstance(event, Stepped) and any(c.after is leaf for c in event.changes):
                return False
        return False

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
        scope, line = self._scope, user_line()
        call = Call(
            name, own, function, args, kwargs, results, scope, line, remembers, draws, writes
        )
        if self._checkpoint:
            for value in values_in(results):
                value.learns = True
        self.trace.events.append(call)
        if torch.is_autocast_enabled("cpu"):
            self.trace.notes.setdefault("autocast", {})
        for t in tensors_in(result):
            self._claim(made_by(t), call)
        return call

    def _claim(self, node: Any, call: Call) -> None:
        """The nodes of autograd's graph that this call has made are the call's."""
        todo = [node]
        while todo:
            node = todo.pop()
            if node is None or hasattr(node, "variable") or node._sequence_nr() in self._calls_of:
                continue
            self._calls_of[node._sequence_nr()] = call
            todo += [below for below, _ in node.next_functions]

    @contextmanager
    def _in_the_place_of_apply(self) -> Iterator[None]:
        """The user's own autograd.Function is one call."""
        original = vars(Function)["apply"]

        def apply(kind: Any, *args: Any, **kwargs: Any) -> Any:
            real = original.__get__(None, kind)
            if self._inside:
                return real(*args, **kwargs)
            if kind.__module__ == "torch.utils.checkpoint":
                return self._checkpointed(real, args, kwargs)
            with torch._C.DisableTorchFunction():
                given = exchanged((args, kwargs), self.values.known)
                with self.nothing_noted():
                    result = real(*args, **kwargs)
                if any(True for _ in tensors_in(result)):
                    self._note(kind.__name__, None, real, given, result)
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
                self._claim(made_by(t), last)
        return result

    @contextmanager
    def nothing_noted(self) -> Iterator[None]:
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    # -- what Keras's parts ask ----

    @property
    def busy(self) -> bool:
        return self._inside > 0

    def leaf(self, tensor: Any) -> Value:
        return self.values.known(tensor)

    def snapshot(self, tensor: Any) -> Value:
        value = self.values.snapshot(tensor)
        self.values.secure(tensor)
        return value

    def renew(self, tensor: Any) -> Value:
        return self.values.renew(tensor)

    def about_to_train(self, model: Any) -> None:
        """Keras runs eagerly on PyTorch: there is nothing to do."""

    # -- modules ----

    def _entered(self, module: Any, args: Any) -> None:
        if module not in self._paths:
            self._learn_names(module)
        elif is_layer(module) and any(not self.values.named(v.value) for v in own_of(module)):
            self._learn_names(self._root)  # it was built just now
        self._scope = (*self._scope, self._paths[module])

    def _left(self, module: Any, args: Any, output: Any) -> None:
        self._scope = self._scope[:-1]

    def _learn_names(self, root: Any) -> None:
        """Paths of its parts, as from the outermost module that ran; losses have none."""
        if type(root).__name__ == "OptimizedModule":
            self.trace.notes.setdefault("compiled", {})
        parts, owned = _parts(root), _owned(root)
        self._root = self._root if self._scope else root
        label = (self._scope[-1] + "." if self._scope and root is not self._root else "") + (
            name_of(root) or type(root).__name__
        )
        if not owned:
            label = ""
        for path, part in parts:
            if part not in self._paths or not self._scope:  # it may have run alone, once
                self.trace.models.pop(self._paths.get(part, ""), None)
                self._paths[part] = where = _path(label, path) if owned else ""
                self.trace.kinds.setdefault(where, type(part).__name__)
        if owned and not self._scope:
            self.trace.models[label] = type(root).__name__
        self.values.learn_names((_path(label, path), t) for path, t in owned)

    # -- backward ----

    @contextmanager
    def _in_the_place_of_backward(self) -> Iterator[None]:
        original = torch.autograd.backward

        def backward(*args: Any, **kwargs: Any) -> None:
            if self._inside:
                original(*args, **kwargs)
                return
            if self._hand:
                self._hand = {}
                self.on_step()
            with torch._C.DisableTorchFunction():
                given = _BACKWARD.bind(*args, **kwargs).arguments
                self._differentiated(
                    original, given["tensors"], given.get("grad_tensors"), args, kwargs
                )

        torch.autograd.backward = backward
        try:
            yield
        finally:
            torch.autograd.backward = original

    def _differentiated(
        self, original: Any, tensors: Any, seeds: Any, args: Any, kwargs: Any
    ) -> None:
        roots = list(tensors_in((tensors,)))
        given = [None] * len(roots) if seeds is None else list(tensors_in((seeds,)))
        values = self.values
        event = Backward(
            [values.known(t) for t in roots],
            [None if s is None else values.known(s) for s in given],
            {},
        )
        with self.nothing_noted():
            before = values.gradients()
            with _Kernels(self._calls_of, event):
                original(*args, **kwargs)
        event.found = {leaf: (before.get(leaf), g) for leaf, g in values.gradients(False).items()}
        self.trace.events.append(event)
        self._hand = {}

    def _asked(self, own: Any, function: Any, args: Any, kwargs: Any) -> Any:
        """torch.autograd.grad: a function whose results are gradients."""
        given = exchanged((args, kwargs), self.values.known)
        event = Backward([], [], {})
        with self.nothing_noted(), _Kernels(self._calls_of, event):
            result = function(*args, **kwargs)
        call = self._note("torch.autograd.grad", own, function, given, result)
        call.kernels += event.unlinked
        return result

    # -- optimizers ----

    def _about_to_step(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        self._inside += 1
        if closure is None:
            self._begin_step(optimizer)
            return None

        def watched() -> Any:
            for group in optimizer.param_groups:  # what it has tried since the closure ran last
                for p in group["params"]:
                    if id(p) in self._before:
                        self.values.renew(p)
            outer, self._inside = self._inside, 0
            try:
                return closure()
            finally:
                self._inside = outer
                self._begin_step(optimizer)

        rest = {k: v for k, v in kwargs.items() if k != "closure"}
        return (args[0], watched), rest

    def _begin_step(self, optimizer: Any) -> None:
        self._before = {}
        with torch._C.DisableTorchFunction():
            self._note_parameters(optimizer)

    def _note_parameters(self, optimizer: Any) -> None:
        for number, group in enumerate(optimizer.param_groups):
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = {k: _copied(v) for k, v in optimizer.state.get(p, {}).items()}
                leaf, before = self.values.known(p), self.values.snapshot(p)
                grad = self.values.snapshot(p.grad)
                self._before[id(p)] = Changed(leaf, before, grad, state, before, number)
                self.values.secure(p)
                self.values.secure(p.grad)

    def _stepped(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._inside -= 1
        with torch._C.DisableTorchFunction():
            self._note_step(optimizer)
        self.on_step()

    def _note_step(self, optimizer: Any) -> None:
        changes = []
        for group in optimizer.param_groups:
            for p in group["params"]:
                change = self._before.get(id(p))
                if change is not None:
                    change.after = self.values.renew(p)
                    changes.append(change)
        if not any(optimizer is o for o in self._optimizers):
            self._optimizers.append(optimizer)
        key = next(k for k, o in enumerate(self._optimizers) if o is optimizer)
        groups = [
            {k: _plain(v) for k, v in group.items() if k != "params"}
            for group in optimizer.param_groups
        ]
        self.trace.events.append(Stepped(type(optimizer).__name__, groups, changes, key))


class _Functions(TorchFunctionMode):
    """Every call of a function of PyTorch's, by the name under which the user knows it."""

    def __init__(self, watch: TorchWatch):
        super().__init__()
        self.watch = watch

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self.watch.called(function, args, kwargs or {})


class _Kernels(TorchDispatchMode):
    """Every kernel that runs backward, for the call whose node autograd is working on."""

    def __init__(self, calls: dict[int, Call], event: Backward):
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


def _made_nothing(name: str, result: Any, args: tuple[Any, ...]) -> bool:
    """x.to(its own dtype) is x; what torch.as_tensor makes of plain numbers came from outside."""
    if name in ("torch.as_tensor", "torch.tensor", "torch.from_numpy"):
        return not any(True for _ in tensors_in(args))
    return bool(args) and isinstance(result, torch.Tensor) and result is args[0]


def _parts(root: Any) -> list[tuple[str, Any]]:
    return list(layers_of(root) if is_layer(root) else root.named_modules())


def _owned(root: Any) -> list[tuple[str, Any]]:
    if is_layer(root):
        return [(path, v.value) for path, v in variables_of(root)]
    return [*root.named_parameters(), *root.named_buffers()]


def _path(label: str, path: str) -> str:
    parts = [part for part in f"{label}.{path}".split(".") if part and part != "_orig_mod"]
    return ".".join(parts)


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, torch.Tensor) else value
