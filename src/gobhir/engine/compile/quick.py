"""The shortest way into an unrolled step: all that has to be looked at before it, in one
expression. A step of the network takes 1 us, so every look counts."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from struct import Struct, error
from types import FunctionType
from typing import Any

import numpy as np

from gobhir.engine.compile.guards import MISSING, Methods
from gobhir.engine.compile.reached import users
from gobhir.engine.hooks import changes
from gobhir.engine.tape import state
from gobhir.engine.tensor import Tensor

_IDLE = {"param_names", "foreach", "fused", "capturable", "differentiable"}
"""Settings of a group that do not enter its update rule."""


class Number(Tensor):
    """A tensor of one number that is only made when somebody looks at more than the number."""

    __slots__ = ("_value",)
    _value: float | None
    """None once the tensor is made: from then on it may be changed in place."""
    _dtype: Any = np.dtype(np.float32)

    def __getattr__(self, name: str) -> Any:
        if name not in _SLOTS or self._value is None:
            raise AttributeError(name)
        with np.errstate(over="ignore"):
            self._set(np.array(self._value, self._dtype), False)
        self._value = None
        return getattr(self, name)

    def item(self) -> Any:
        value = self._value
        try:
            return _float32.unpack(_float32.pack(value))[0]
        except (error, OverflowError):  # None, or too large for float32
            return super().item()

    __float__ = item


class Number64(Number):
    __slots__ = ()
    _dtype = np.dtype(np.float64)

    def item(self) -> Any:
        value = self._value
        return super().item() if value is None else value

    __float__ = item


_float32 = Struct("f")


_SLOTS = set(Tensor.__slots__) - {"__weakref__"}


def quick(replay: Any, args: tuple[Any, ...], shown: Any) -> Callable[..., Any] | None:
    """A function of the step's arguments that does one step, or answers None where anything is
    not as it was: then the long way has to be gone. None where there is no such function."""
    keeper, source = replay.keeper, replay.keeper.source
    kind = getattr(shown, "kind", "")
    simple = kind in ("tensor", "number") and not shown.array.ndim
    if any(name.entries is not None for name in replay.names):
        return None
    if not simple or replay.starts_without or not keeper.attached or keeper.seen:
        return None
    scope: dict[str, Any] = {
        "changes": changes, "checked": replay.checked, "keeper": keeper, "state": state,
        "Tensor": Tensor, "missing": MISSING, "on": state.grad_enabled,
    }  # fmt: skip
    looks = ["changes[0] != checked", "keeper.seen"]
    given: dict[Any, str] = {}
    for i, value in enumerate(args):
        if isinstance(value, Tensor):
            scope[f"d{i}"] = value.array.dtype
            looks += [
                f"a{i}.__class__ is not Tensor",
                f"(x{i} := a{i}.array).dtype is not d{i}",
                f"a{i}.requires_grad",
            ]
            given[i] = f"x{i}.tolist()"
        elif isinstance(value, np.ndarray):
            return None
        else:
            scope[f"v{i}"] = value
            looks.append(f"a{i} is not v{i}")
    for k, (key, _) in enumerate(source.arguments):
        if isinstance(key, Tensor):
            scope[f"t{k}"] = key
            given[key] = f"t{k}.array.tolist()"
    for k, t in enumerate(t for t in replay.surroundings.tensors if not t.requires_grad):
        scope[f"frozen{k}"] = t
        looks.append(f"frozen{k}.requires_grad")
        looks.append(f"frozen{k}.grad is {'not ' * (t.grad is None)}None")
    for k, name in enumerate(replay.names):
        scope[f"n{k}"], scope[f"was{k}"] = name.holder, name.now()
        now = f"n{k}.cell_contents" if name.key is None else f"n{k}[{name.key!r}]"
        if isinstance(name.holder, Methods) and not users(name.holder.kind.__module__):
            continue  # it costs too much here: noticed when the step next goes the long way
        if isinstance(name.holder, Methods) and isinstance(name.value, FunctionType):
            scope[f"n{k}"] = name.holder.kind
            now = f"n{k}.{name.key}"  # what Python looks up soonest
        elif name.value is MISSING:
            now = f"n{k}.get({name.key!r}, missing)"
        looks.append(f"{now} is not was{k}")
    for k, (optimizer, number) in enumerate(source.groups):
        group = optimizer.param_groups[number]
        if isinstance(group["lr"], Tensor) or optimizer._before_step or optimizer._after_step:
            return None
        settings = itemgetter(*(key for key in group if key not in _IDLE))
        scope |= {f"o{k}": optimizer, f"settings{k}": settings, f"s{k}": settings(group)}
        looks.append(f"settings{k}(o{k}.param_groups[{number}]) != s{k}")
        for p in source.weights:
            for key, tensor in optimizer.state.get(p, {}).items():
                j = len(scope)
                scope |= {f"p{j}": p, f"q{j}": tensor}
                looks.append(f"o{k}.state[p{j}][{key!r}] is not q{j}")
    looks += ["state.tape is not None", "state.grad_enabled is not on"]
    sent = ", ".join(given[key] for key, _ in source.arguments)
    parameters = ", ".join(f"a{i}" for i in range(len(args)))
    if shown.kind == "number":
        answer = "result"
    else:
        made = {"float32": Number, "float64": Number64}.get(shown.array.dtype.name)
        if made is None:
            return None
        scope |= {"new": made.__new__, "kind": made}
        answer = "out"
    text = f"""
def quick({parameters}):
    try:
        if {" or ".join(looks)}:
            return None
    except (AttributeError, KeyError, RuntimeError, ValueError):
        # A name was deleted, or a group has other parameters: tensors are not simply equal.
        return None
    result = keeper.send(({sent}{"," * (len(given) == 1)}))
    if result is None:
        return keeper.stuck()
    keeper.current = False
    {"out = new(kind); out._value = result" if answer == "out" else ""}
    return {answer}
"""
    exec(text, scope)
    function: Callable[..., Any] = scope["quick"]
    return function
