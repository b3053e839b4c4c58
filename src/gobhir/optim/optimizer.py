"""What all optimizers share: groups of parameters, their state, and the step over them.

Behaviour: https://docs.pytorch.org/docs/stable/optim.html
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from gobhir.engine import Tensor, Update
from gobhir.engine.backward import clear
from gobhir.engine.hooks import RemovableHandle, changes
from gobhir.engine.tape import enable_grad, no_grad, state
from gobhir.lang import say, warn
from gobhir.optim.checks import check_betas, check_range, check_run, check_step
from gobhir.optim.saving import packed, unpack
from gobhir.optim.stepping import with_hooks


class Assignment(NamedTuple):
    """One line of an update rule: `target` becomes what `formula` says.

    w is the parameter, g its gradient; other names are the optimizer's state (after the line
    that assigns them) and its settings.
    """

    target: str
    formula: str


Group = dict[str, Any]
State = dict[str, Any]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""As a default of an optimizer of one's own: every group must bring this setting itself."""


class Optimizer:
    """Base of all optimizers. A subclass has `rule`, what it does to one parameter in formulas,
    and `update`, the same on arrays; or a `step` of its own, as any PyTorch optimizer.
    `names` says how the rule calls what `state` keeps, and `step`, the number of this step, is
    `t` in the rule.

    params: Tensors, (name, Tensor) pairs, or dictionaries {"params": ..., own settings}.

    For whoever runs `update` on arrays of their own, as `gobhir.compile` does: where
    `elementwise` is True, `update` treats every element alone, so that parameters of one group
    with the same number of steps may lie end to end in one array, and w, g and the state with
    them, but for the entries named in `shared`: one number each that holds for all of them.
    `Optimizer.state` shows the same arrays as Tensors, `shared` ones without dimensions.
    `begin` makes the state before the first step, `update` changes w and the state's arrays in
    place (SGD adds its `momentum_buffer` in the first step); w and g are never kept. The group
    has plain numbers: pass `settings(group)`.
    """

    elementwise = False
    names: Mapping[str, str] = {}
    """State by its name in the rule: {"m": "exp_avg"}."""
    steady = True
    """Whether `rule` stays what it is after the first step, under the same settings."""
    shared: tuple[str, ...] = ("step",)
    """State that is one number for a whole parameter."""
    nonnegative: tuple[str, ...] = ()
    """Settings that must not be below 0."""
    _stepping: bool | None = None
    """Whether a step is being taken; None for a wrapper of another optimizer that, as PyTorch
    allows, never calls __init__."""

    def __init__(self, params: Any, defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise TypeError(say("errors.optim.one_tensor"))
        self.defaults = defaults
        self.check(defaults)
        self.state: defaultdict[Any, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        self._stepped: tuple[ref[Tensor], int] | None = None
        self._warned = False
        self._wasted = False
        """Whether zero_grad() took gradients away that no step had used."""
        self._before_step: list[Callable[..., Any]] = []
        self._after_step: list[Callable[..., Any]] = []
        self._saving_hooks: defaultdict[str, list[Callable[..., Any]]] = defaultdict(list)
        self._stepping = False
        self._opt_called: bool | None = None
        """None: no scheduler asks; then, whether a step was taken since one does."""
        self._scratch: dict[tuple[np.dtype, int], np.ndarray] = {}
        self.schedulers: list[ref[Any]] = []
        """The schedulers that set its learning rates, as far as they are still there."""
        self._made = frozenset((*vars(self), "_made"))
        """The attributes that are no subclass's own."""
        if not isinstance(params, Iterable) or isinstance(params, (str, Mapping)):
            raise TypeError(say("errors.optim.not_parameters", type=type(params).__name__))
        groups = list(params)
        if not groups:
            raise ValueError(say("errors.optim.no_parameters"))
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __init_subclass__(cls) -> None:
        if "step" in cls.__dict__:
            setattr(cls, "step", with_hooks(cls.__dict__["step"]))  # noqa: B010  mypy

    # -- what a subclass says ----

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        """What one step does to one number, under these settings and given the state before it;
        nothing where only the step as a whole can be said."""
        raise NotImplementedError(say("errors.optim.no_rule", optimizer=type(self).__name__))

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        """Do what `rule` says: change w in place and bring the state up to date."""
        raise NotImplementedError(say("errors.optim.no_rule", optimizer=type(self).__name__))

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        """Put into `state` what has to be there before the first step."""

    def check(self, group: Group) -> None:
        """ValueError for settings outside their domain, NotImplementedError for ways to run
        that Gobhir does not have."""
        check_run(group)
        for key in self.nonnegative:
            check_range(key, group[key])
        if "betas" in group and type(self).step is Optimizer.step:  # else they may mean anything
            check_betas(group["betas"])

    # -- words that many optimizers share ----

    def downhill_rule(self, group: Group) -> list[Assignment]:
        """How the gradient enters the step: turned round to maximize, with weight decay."""
        lines = []
        if group["maximize"]:
            lines.append(Assignment("g", "-g"))
        if group["weight_decay"]:
            if group.get("decoupled_weight_decay"):
                lines.append(Assignment("w", "w - lr * weight_decay * w"))
            else:
                lines.append(Assignment("g", "g + weight_decay * w"))
        return lines

    def downhill(self, w: np.ndarray, g: np.ndarray, group: Group) -> np.ndarray:
        """The gradient as `downhill_rule` says, perhaps in scratch memory."""
        decay = group["weight_decay"]
        if decay and group.get("decoupled_weight_decay"):
            w *= 1 - group["lr"] * decay
            decay = 0
        if not decay:
            return np.negative(g, out=self.scratch(w, 1)) if group["maximize"] else g
        out = np.multiply(w, decay, out=self.scratch(w, 1))
        out += -g if group["maximize"] else g
        return out

    def scratch(self, w: np.ndarray, which: int = 0) -> np.ndarray:
        """An array like w for intermediate results, the same memory at every call."""
        key = w.dtype, which
        kept = self._scratch.get(key)
        if kept is None or kept.size < w.size:
            kept = self._scratch[key] = np.empty(w.size, w.dtype)
        return kept[: w.size].reshape(w.shape)

    # -- parameters ----

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """More parameters, with settings of their own where given."""
        if not isinstance(param_group, dict):
            raise TypeError(say("errors.optim.group_dict", type=type(param_group).__name__))
        given = dict(param_group)
        if "params" not in given:
            raise KeyError(say("errors.optim.group_params", known=", ".join(map(str, given))))
        params = given.pop("params")
        if isinstance(params, set):
            raise TypeError(say("errors.optim.set"))
        listed = [params] if isinstance(params, Tensor) else list(params)
        names = [p[0] for p in listed if isinstance(p, tuple)]
        if names and len(names) < len(listed):
            raise ValueError(say("errors.optim.some_names"))
        listed = [p[1] if isinstance(p, tuple) else p for p in listed]
        for p in listed:
            if not isinstance(p, Tensor):
                raise TypeError(say("errors.optim.not_tensor", type=type(p).__name__))
            if not (p.is_leaf or getattr(p, "retains_grad", False)):
                raise ValueError(say("errors.optim.not_leaf"))
        ids = {id(p) for p in listed}
        if len(ids) < len(listed):
            warn(say("errors.optim.twice_in_group"))
        if not ids.isdisjoint(map(id, self._all())):
            raise ValueError(say("errors.optim.twice"))
        group = {"params": listed} | ({"param_names": names} if names else {}) | given
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                raise ValueError(say("errors.optim.some_names"))
        group |= {k: v for k, v in self.defaults.items() if k not in group}
        missing = [k for k, v in group.items() if v is required]
        if missing:
            raise ValueError(say("errors.optim.required", name=missing[0]))
        self.check(group)
        self.param_groups.append(group)
        changes[0] += 1

    def _all(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take all gradients away (or fill them with zeros), before the next backward()."""
        first = self._first_gradient()
        if first is not None:
            stepped, version = self._stepped or (lambda: None, 0)
            self._wasted = stepped() is not first or version != first._version
        clear(self._all(), set_to_none)

    # -- the step ----

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, once.

        closure: computes the loss anew, with backward(); its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._look_for_old_gradients()
        # Like PyTorch, silent about 0 / 0: what comes of it is NaN.
        with no_grad(), np.errstate(all="ignore"):
            for group in self.param_groups:
                settings = self.settings(group)
                check_step(settings, group["params"][0].requires_grad)
                for p in group["params"]:
                    if p.grad is not None:
                        self._step_one(p, p.grad.array, settings)
        first = self._first_gradient()
        self._stepped = None if first is None else (ref(first), first._version)
        if first is None and self._wasted and not self._warned:
            self._warned = True
            warn(say("errors.optim.lost_gradients"))
        return loss

    def _first_gradient(self) -> Tensor | None:
        return next((p.grad for p in self._all() if p.grad is not None), None)

    def _look_for_old_gradients(self) -> None:
        """Warn once where backward() added to the gradients that the last step had used."""
        if self._stepped is None or self._warned:
            return
        first = self._first_gradient()
        if first is not None and first is self._stepped[0]():
            once = first._version == self._stepped[1] + 1
            if once and first._changes[1] == "backward":
                self._warned = True
                warn(say("errors.optim.old_gradients"))

    def settings(self, group: Group) -> Group:
        """The group's settings, a learning rate that is a Tensor as a plain number."""
        return {k: v.item() if isinstance(v, Tensor) else v for k, v in group.items()}

    def _step_one(self, p: Tensor, g: np.ndarray, group: Group) -> None:
        own = self.state.get(p, {})
        arrays = {k: v.array if isinstance(v, Tensor) else v for k, v in own.items()}
        self.begin(p.array, group, arrays)
        if state.tape is None:
            self.update(p.array, g, group, arrays)
        else:
            state.tape.keep(p.array)
            rule = self.rule(group, arrays)
            before = {"w": state.tape.known(p, p.array)} | self._kept(p, arrays)
            self.update(p.array, g, group, arrays)
            after = {"w": p.array.copy()} | self._kept(p, arrays, state.tape.private)
            hyper = _mentioned(rule, self.hyper(group, arrays))
            state.tape.record(Update(self, p, state.tape.known(p, g), hyper, before, after, rule))
        p._changed(type(self).__name__)
        for key, value in arrays.items():
            if not isinstance(value, np.ndarray):
                self.state[p][key] = value
            elif getattr(own.get(key), "array", None) is not value:
                self.state[p][key] = Tensor._wrap(value)

    def hyper(self, group: Group, state: State) -> dict[str, Any]:
        """The settings by their names in the rule; t is the number of the step just done."""
        out = {k: v for k, v in group.items() if k != "params"}
        if "betas" in group:
            out["beta1"], out["beta2"] = group["betas"]
        return out | {"t": int(state.get("step", 0))}

    def _kept(self, p: Tensor, arrays: State, as_it_is: bool = False) -> dict[str, np.ndarray]:
        """The state by its names in the rule: copies, of the parameter's shape (state without
        dimensions holds for every element). Zeros, as at the first step, take no memory."""
        own = {name: np.asarray(arrays[k]) for name, k in self.names.items() if k in arrays}
        if not as_it_is:
            own = {k: v.copy() if v.any() else np.zeros((), v.dtype) for k, v in own.items()}
        return {k: np.broadcast_to(v, p.shape) for k, v in own.items()}

    # -- hooks ----

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; what it returns, if anything,
        are the (args, kwargs) to go on with. args begins with the optimizer, as in PyTorch."""
        return RemovableHandle(self._before_step, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle(self._after_step, hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return RemovableHandle(self._saving_hooks["before saving"], hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` on what `state_dict` is about to return; what it
        returns, if anything, takes its place."""
        return RemovableHandle(self._saving_hooks["after saving"], hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`; what it returns, if
        anything, is loaded instead."""
        return RemovableHandle(self._saving_hooks["before loading"], hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call `hook(optimizer)` after `load_state_dict`."""
        return RemovableHandle(self._saving_hooks["after loading"], hook, prepend)

    # -- saving and loading ----

    def state_dict(self) -> dict[str, Any]:
        """State and settings, with parameters called by their number: what is saved."""
        for hook in self._saving_hooks["before saving"]:
            hook(self)
        saved = packed(self)
        for hook in self._saving_hooks["after saving"]:
            changed = hook(self, saved)
            saved = saved if changed is None else changed
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over saved state and settings, Gobhir's or PyTorch's.

        ValueError unless the groups have equal sizes.
        """
        saved = state_dict.copy()
        for hook in self._saving_hooks["before loading"]:
            changed = hook(self, saved)
            saved = saved if changed is None else changed
        unpack(self, saved)
        for hook in self._saving_hooks["after loading"]:
            hook(self)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * bool(i) + [f"Parameter Group {i}"]
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


Optimizer.step = with_hooks(Optimizer.step)  # type: ignore[method-assign]


def _mentioned(rule: Iterable[Assignment], hyper: dict[str, Any]) -> dict[str, Any]:
    words = set().union(*(_words(a.formula) for a in rule))
    return {k: v for k, v in hyper.items() if k in words}


@cache
def _words(formula: str) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(ast.parse(formula)) if isinstance(n, ast.Name))
