"""What is called before and after a module's forward, and when gradients pass through it.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gobhir.autograd.function import Function
from gobhir.engine import Tensor


@dataclass(frozen=True, eq=False)
class Hook:
    """One registered function, and how it wants to be called."""

    call: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


@dataclass
class Hooks:
    """The hooks of one module, in the order in which they are called."""

    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    backward: list[Hook] = field(default_factory=list)
    backward_before: list[Hook] = field(default_factory=list)
    # Around state_dict and load_state_dict:
    saving: list[Callable[..., Any]] = field(default_factory=list)
    saved: list[Callable[..., Any]] = field(default_factory=list)
    loading: list[Callable[..., Any]] = field(default_factory=list)
    loaded: list[Callable[..., Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything is to be called around forward or backward."""
        return bool(self.after or self.before or self.backward or self.backward_before)

    def run(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """module.forward, with all hooks around it."""
        for hook in self.before:
            given = (module, args, kwargs) if hook.with_kwargs else (module, args)
            changed = hook.call(*given)
            if changed is not None and hook.with_kwargs:
                args, kwargs = changed
            elif changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        gate = _Gate(self, module) if self.backward or self.backward_before else None
        try:
            out = module.forward(*(args if gate is None else gate.inputs(args)), **kwargs)
            out = out if gate is None else gate.outputs(out)
        except Exception:
            for hook in self.after:
                if hook.always_call:
                    _told(hook, module, args, kwargs, None)
            raise
        for hook in self.after:
            changed = _told(hook, module, args, kwargs, out)
            out = out if changed is None else changed
        return out


def _told(hook: Hook, module: Any, args: Any, kwargs: Any, out: Any) -> Any:
    if hook.with_kwargs:
        return hook.call(module, args, kwargs, out)
    return hook.call(module, args, out)


class Passing(Function):
    """The tensors as they are; their gradients are shown to `told`, which may change them."""

    @staticmethod
    def forward(ctx: Any, told: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.told = told
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        return (None, *ctx.told(grads))


class _Gate:
    """Where the gradients of one call of a module come in and go out."""

    def __init__(self, hooks: Hooks, module: Any):
        self.hooks, self.module = hooks, module
        self.arrived: tuple[Any, ...] = ()
        self.places: list[int] = []
        self.count = 0

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.places = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
        self.count = len(args)
        if not self.places or not self.hooks.backward:
            return args
        passed = Passing.apply(self.leave, *(args[i] for i in self.places))
        new = dict(zip(self.places, passed, strict=True))
        return tuple(new.get(i, a) for i, a in enumerate(args))

    def outputs(self, out: Any) -> Any:
        several = isinstance(out, tuple)
        outs = out if several else (out,)
        tensors = [o for o in outs if isinstance(o, Tensor) and o.requires_grad]
        if not tensors:
            return out
        passed = iter(Passing.apply(self.enter, *tensors))
        replaced = tuple(
            next(passed) if isinstance(o, Tensor) and o.requires_grad else o for o in outs
        )
        return replaced if several else replaced[0]

    def enter(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.hooks.backward_before:
            grads = _changed(hook.call(self.module, grads), grads)
        self.arrived = grads
        if not self.places:
            self.leave(())
        return grads

    def leave(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        by_place = dict(zip(self.places, grads, strict=True))
        shown = tuple(by_place.get(i) for i in range(self.count))
        for hook in self.hooks.backward:
            shown = _changed(hook.call(self.module, shown, self.arrived), shown)
        return tuple(shown[i] for i in self.places)


def _changed(answer: Any, before: tuple[Any, ...]) -> tuple[Any, ...]:
    if answer is None:
        return before
    return answer if isinstance(answer, tuple) else (answer,)
