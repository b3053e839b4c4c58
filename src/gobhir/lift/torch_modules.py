"""Which module of the user's program is at work, and what it and its parameters are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch.nn.modules import module as modules
from torch.nn.parameter import Parameter, is_lazy

from gobhir.lift.keras_parts import is_layer, layers_of, own_of, variables_of
from gobhir.lift.places import name_of
from gobhir.lift.recorder import Recorder
from gobhir.lift.torch_values import Values, numbers
from gobhir.lift.trace import Value


class Modules:
    """scope: the paths of the modules that run, outermost first."""

    def __init__(self, recorder: Recorder, values: Values) -> None:
        self.scope: tuple[str, ...] = ()
        self.recorder, self.values, self.trace = recorder, values, recorder.trace
        self._paths: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self._roots: dict[str, ref[Any]] = {}
        """The outermost modules that ran, by what they are called."""
        self._root: ref[Any] | None = None
        """The one of them that runs, or ran last."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        with ExitStack() as stack:
            for handle in (
                modules.register_module_forward_pre_hook(self._entered),
                modules.register_module_forward_hook(self._left, always_call=True),
            ):
                stack.callback(handle.remove)
            yield

    def _entered(self, module: Any, args: Any) -> None:
        if self.recorder.is_blind():
            return
        with torch._C.DisableTorchFunction():
            if module not in self._paths:
                self.learn_names(module)
            elif is_layer(module) and any(not self.values.named(v.value) for v in own_of(module)):
                root = None if self._root is None else self._root()
                self.learn_names(module if root is None else root)  # it was built just now
        self.scope = (*self.scope, self._paths[module])

    def _left(self, module: Any, args: Any, output: Any) -> None:
        if not self.recorder.is_blind():
            self.scope = self.scope[:-1]

    def learn_names(self, root: Any) -> None:
        """Paths of its parts, as from the outermost module that ran; losses have none."""
        if type(root).__name__ == "OptimizedModule":
            self.trace.notes.setdefault("compiled", {})
        parts, owned = _parts(root), _owned(root)
        if not self.scope or self._root is None:
            self._root = ref(root)
        label = self._label(root) if owned else ""
        for path, part in parts:
            if part not in self._paths or not self.scope:  # it may have run alone, once
                self._forget_root(self._paths.get(part, ""))
                self._paths[part] = where = _path(label, path) if owned else ""
                self.trace.kinds.setdefault(where, type(part).__name__)
        if owned and not self.scope:
            self.trace.models[label] = type(root).__name__
            self._roots[label] = ref(root)
        named = [(_path(label, path), t) for path, t in owned]
        self.values.learn_names(named)
        self.trace.parameters |= {
            path: Value(tuple(t.shape), partial(numbers, t), "parameter", path, t.requires_grad)
            for path, t in named
            if isinstance(t, Parameter) and not is_lazy(t) and not t.is_meta
        }

    def _label(self, root: Any) -> str:
        """What the program calls it; of several of one name, the second is name_2."""
        name = name_of(root) or type(root).__name__
        if self.scope and self._root is not None and root is not self._root():
            return f"{self.scope[-1]}.{name}".removeprefix(".")
        label, count = name, 1
        while label in self._roots and self._roots[label]() is not root:
            count += 1
            label = f"{name}_{count}"
        return label

    def _forget_root(self, label: str) -> None:
        self.trace.models.pop(label, None)
        self._roots.pop(label, None)


def _parts(root: Any) -> list[tuple[str, Any]]:
    return list(layers_of(root) if is_layer(root) else root.named_modules())


def _owned(root: Any) -> list[tuple[str, Any]]:
    if is_layer(root):
        return [(path, v.value) for path, v in variables_of(root)]
    return [*root.named_parameters(), *root.named_buffers()]


def _path(label: str, path: str) -> str:
    parts = [part for part in f"{label}.{path}".split(".") if part and part != "_orig_mod"]
    return ".".join(parts)
