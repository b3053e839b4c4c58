"""Module: a part of a network that knows its parameters, its buffers and the modules inside it.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.backward import clear
from gobhir.engine.hooks import RemovableHandle
from gobhir.engine.tape import no_grad, state
from gobhir.lang import say
from gobhir.nn.hooks import Hook, Hooks
from gobhir.nn.tree import Tree, join
from gobhir.nn.troubles import Lines, name_the_layer, wrong_call

_EXTRA = "_extra_state"
"""Under which name a module's extra state is saved."""


class Loaded(NamedTuple):
    """What load_state_dict did not find, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


class Module(Tree):
    """Base of all layers and networks. A subclass calls `super().__init__()`, sets Parameters
    and Modules as attributes, and says in `forward` what it computes."""

    _modules: dict[str, Module | None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            raise TypeError(say("errors.nn.init_arguments", module=type(self).__name__))
        super().__init__()
        object.__setattr__(self, "_hooks", Hooks())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes. Call the module itself instead, `model(x)`."""
        raise NotImplementedError(say("errors.nn.no_forward", module=type(self).__name__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            tape = state.tape
            if tape is None:
                return self._run(args, kwargs)
            with tape.inside(self):
                return self._run(args, kwargs)
        except Exception as trouble:
            told = wrong_call(trouble, self, args)
            name_the_layer(told, self)
            if told is trouble:
                raise
            raise told from None

    def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._hooks.run(self, args, kwargs) if self._hooks else self.forward(*args, **kwargs)

    # -- saved and loaded ----------------------------------------------------------------------

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """All parameters and buffers by path, sharing memory with the module, and the extra state
        of modules that have some. destination: a dictionary to put them into; keep_vars: the
        parameters themselves, under autograd."""
        out: dict[str, Any] = OrderedDict() if destination is None else destination
        for hook in self._hooks.saving:
            hook(self, prefix, keep_vars)
        for name, t in self._kept().items():
            out[prefix + name] = t if keep_vars else t.detach()
        if self._has_extra_state():
            out[prefix + _EXTRA] = self.get_extra_state()
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=out, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._hooks.saved:
            hook(self, out, prefix, {})
        return out

    def _kept(self) -> dict[str, Tensor]:
        """What is saved of this module itself, by name."""
        passing = self._passing_buffers
        kept = {n: b for n, b in self._buffers.items() if n not in passing}
        return {n: t for n, t in (self._parameters | kept).items() if t is not None}

    def get_extra_state(self) -> Any:
        """More than tensors to save: a subclass that has some gives it here, and takes it back in
        set_extra_state."""
        raise RuntimeError(say("errors.nn.extra_state", name="get_extra_state"))

    def set_extra_state(self, state: Any) -> None:
        """Take back what get_extra_state gave."""
        raise RuntimeError(say("errors.nn.extra_state", name="set_extra_state"))

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not Module.get_extra_state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Loaded:
        """Copy values into parameters and buffers by path. Values: Tensors, or anything that
        NumPy reads, such as PyTorch's tensors.

        RuntimeError that lists all that does not fit; missing and unexpected keys count only if
        strict. assign: take over the given memory (and dtype) instead of copying into one's own.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(say("errors.nn.load_type", type=type(state_dict).__name__))
        inside = [*self.named_modules(remove_duplicate=False)]
        state_dict = dict(state_dict)
        missing: list[str] = []
        unexpected: list[str] = []
        wrong: list[str] = []
        for path, module in inside:
            for hook in module._hooks.loading:
                prefix = join(path, "") and f"{path}."
                hook(module, state_dict, prefix, {}, strict, missing, unexpected, wrong)
        extra = {join(path, _EXTRA): module for path, module in inside if module._has_extra_state()}
        own = {join(p, name): t.detach() for p, m in inside for name, t in m._kept().items()}
        missing += [k for k in (*own, *extra) if k not in state_dict]
        unexpected += [k for k in state_dict if k not in own and k not in extra]
        given = {
            k: v.array if isinstance(v, Tensor) else np.asarray(v)
            for k, v in state_dict.items()
            if k in own
        }
        troubles = [say("errors.nn.load_hook", trouble=text) for text in wrong] + [
            say("errors.nn.load_size", key=k, got=given[k].shape, want=t.shape)
            for k, t in own.items()
            if k in given and given[k].shape != t.shape
        ]
        for name, t in own.items():
            if name in given and given[name].shape == t.shape:
                if assign:
                    self._get_any(name).array = given[name]
                else:
                    with no_grad():
                        t.copy_(Tensor._wrap(given[name]))
        for key, module in extra.items():
            if key in state_dict:
                module.set_extra_state(state_dict[key])
        out = Loaded(missing, unexpected)
        for _, module in inside:
            for hook in module._hooks.loaded:
                hook(module, out)
        if strict and missing:
            troubles.append(say("errors.nn.load_missing", keys=", ".join(missing)))
        if strict and unexpected:
            troubles.append(say("errors.nn.load_unexpected", keys=", ".join(unexpected)))
        if troubles:
            details = Lines(troubles)
            raise RuntimeError(say("errors.nn.load", module=type(self).__name__, details=details))
        return out

    def _get_any(self, path: str) -> Tensor:
        module, _, name = path.rpartition(".")
        owner = self.get_submodule(module)
        return owner._parameters[name] if name in owner._parameters else owner._buffers[name]

    # -- changed as a whole --------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call `fn` with every module inside, then with this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all inside to training (what Dropout and BatchNorm look at)."""
        if not isinstance(mode, bool):
            raise ValueError(say("errors.nn.train_mode", mode=repr(mode)))
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch training off: the network is being used."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters learn, or none."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take the gradients of all parameters away (or fill them with zeros)."""
        clear(self.parameters(), set_to_none)

    def to(self, *wishes: Any, device: Any = None, dtype: Any = None) -> Self:
        """All floating parameters and buffers in another dtype, in place; device "cpu" or none."""
        for wish in (*wishes, device, dtype):
            if wish is not None:
                self._convert(wish)
        return self

    def _convert(self, wish: Any) -> None:
        kind = Tensor([0.0]).to(wish).dtype
        if kind.kind != "f":
            raise TypeError(say("errors.nn.to_dtype", dtype=kind))
        if isinstance(wish, str) and wish.startswith("cpu"):
            return
        for t in (*self.parameters(), *self.buffers()):
            if t.dtype.kind == "f" and t.dtype != kind:
                t.array = t.array.astype(kind)
                t.grad = None if t.grad is None else t.grad.to(kind)

    def double(self) -> Self:
        """All floating parameters and buffers as float64."""
        return self.to(np.float64)

    def float(self) -> Self:
        """All floating parameters and buffers as float32."""
        return self.to(np.float32)

    def half(self) -> Self:
        """All floating parameters and buffers as float16."""
        return self.to(np.float16)

    def type(self, dst_type: Any) -> Self:
        """All floating parameters and buffers in this dtype."""
        return self.to(dst_type)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """All parameters and buffers in new memory, whose numbers mean nothing; device "cpu"."""
        if device is not None:
            Tensor([0.0]).to(device)  # refuses what is not there
        for t in (*self.parameters(recurse), *self.buffers(recurse)):
            t.array = np.empty_like(t.array)
        return self

    def cpu(self) -> Self:
        """The module itself: it is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """RuntimeError: Gobhir computes on the CPU."""
        raise RuntimeError(say("errors.tensor.device", device="cuda"))

    # -- hooks ---------------------------------------------------------------------------------

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call hook(module, args, output) after every forward (hook(module, args, kwargs, output)
        with_kwargs); what it returns, unless None, takes the output's place. prepend: before the
        hooks that are there; always_call: even when forward raised."""
        entry = Hook(hook, with_kwargs, always_call)
        return RemovableHandle(self._hooks.after, entry, prepend)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before every forward (hook(module, args, kwargs) with_kwargs);
        what it returns, unless None, takes the arguments' place."""
        return RemovableHandle(self._hooks.before, Hook(hook, with_kwargs), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) once the gradients of the module's inputs
        are there; what it returns, unless None, takes grad_input's place."""
        return RemovableHandle(self._hooks.backward, Hook(hook), prepend)

    register_backward_hook = register_full_backward_hook  # PyTorch's older name

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(module, grad_output) before the gradient goes into the module; what it
        returns, unless None, takes grad_output's place."""
        return RemovableHandle(self._hooks.backward_before, Hook(hook), prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before the module's part of a state_dict is made."""
        return RemovableHandle(self._hooks.saving, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, {}) after it; the hook may change state_dict."""
        return RemovableHandle(self._hooks.saved, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, {}, strict, missing_keys, unexpected_keys,
        error_msgs) before anything is loaded; the hook may change state_dict and the lists."""
        return RemovableHandle(self._hooks.loading, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, keys) after loading; keys.missing_keys and keys.unexpected_keys are
        lists that the hook may change, before they count as errors."""
        return RemovableHandle(self._hooks.loaded, hook)

    # -- how it prints -------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The settings to show between the parentheses."""
        return ""

    def _get_name(self) -> str:
        """What it is called where it is printed."""
        return type(self).__name__

    def __repr__(self) -> str:
        settings = self.extra_repr().split("\n") if self.extra_repr() else []
        inside = [f"{name}: " + text.replace("\n", "\n  ") for name, text in self._inside()]
        if not inside and len(settings) <= 1:
            return f"{self._get_name()}({''.join(settings)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(settings + inside) + "\n)"

    def _inside(self) -> Iterable[tuple[str, str]]:
        """The modules inside: how each is named and how it prints."""
        return ((f"({name})", repr(child)) for name, child in self._modules.items())
