"""What all optimizers share: groups of parameters, their state, and the step over them.

Behaviour: https://docs.pytorch.org/docs/stable/optim.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from gobhir.engine import Tensor, Update
from gobhir.engine.tape import enable_grad, no_grad, state
from gobhir.lang import say


class Assignment(NamedTuple):
    """One line of an update rule: `target` becomes what `formula` says.

    w is the parameter, g its gradient; other names are the optimizer's state (after the line
    that assigns them) and its settings.
    """

    target: str
    formula: str


Group = dict[str, Any]
State = dict[str, Any]


class Optimizer:
    """Base of all optimizers. A subclass has `rule`, what it does to one parameter in formulas,
    and `update`, the same on arrays. `names` says how the rule calls what `state` keeps, and
    `step` the number of this step, is `t` in the rule.

    params: Tensors, (name, Tensor) pairs, or dictionaries {"params": ..., own settings}.
    """

    names: Mapping[str, str] = {}
    """State by its name in the rule: {"m": "exp_avg"}."""

    def __init__(self, params: Any, defaults: dict[str, Any]):
        if isinstance(params, Tensor):
            raise TypeError(say("errors.optim.one_tensor"))
        self.defaults = defaults
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        groups = list(params)
        if not groups:
            raise ValueError(say("errors.optim.no_parameters"))
        if not isinstance(groups[0], Mapping):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def rule(self, group: Group, state: State) -> tuple[Assignment, ...]:
        """What one step does under these settings, given the state before it."""
        raise NotImplementedError(say("errors.optim.no_rule", optimizer=type(self).__name__))

    def update(self, w: np.ndarray, g: np.ndarray, group: Group, state: State) -> None:
        """Do what `rule` says: change w in place and bring the state up to date."""
        raise NotImplementedError(say("errors.optim.no_rule", optimizer=type(self).__name__))

    def begin(self, w: np.ndarray, group: Group, state: State) -> None:
        """Put into `state` what has to be there before the first step."""

    def check(self, group: Group) -> None:
        """ValueError for settings outside their domain."""

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """More parameters, with settings of their own where given."""
        given = dict(param_group)
        params = given.pop("params")
        listed = [params] if isinstance(params, Tensor) else list(params)
        listed = [p[1] if isinstance(p, tuple) else p for p in listed]
        for p in listed:
            if not isinstance(p, Tensor):
                raise TypeError(say("errors.optim.not_tensor", type=type(p).__name__))
            if not p.is_leaf:
                raise ValueError(say("errors.optim.not_leaf"))
        taken = {id(p) for group in self.param_groups for p in group["params"]}
        ids = [id(p) for p in listed]
        if len(set(ids)) < len(ids) or not taken.isdisjoint(ids):
            raise ValueError(say("errors.optim.twice"))
        group = {"params": listed} | self.defaults | given
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Take all gradients away (or fill them with zeros), before the next backward()."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p.grad is None:
                    p.grad = None
                else:
                    p.grad = Tensor._wrap(np.zeros_like(p.grad.array))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, once.

        closure: computes the loss anew, with backward(); its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        self._step_one(p, p.grad.array, group)
        return loss

    def _step_one(self, p: Tensor, g: np.ndarray, group: Group) -> None:
        own = self.state[p]
        self.begin(p.array, group, own)
        if state.tape is None:
            self.update(p.array, g, group, own)
        else:
            rule = self.rule(group, own)
            before = self._values(p, own)
            self.update(p.array, g, group, own)
            after = self._values(p, own)
            hyper = _mentioned(rule, self.hyper(group, own))
            state.tape.record(Update(self, p, g.copy(), hyper, before, after, rule))
        p._version[0] += 1

    def hyper(self, group: Group, state: State) -> dict[str, Any]:
        """The settings by their names in the rule; t is the number of the step just done."""
        return {k: v for k, v in group.items() if k != "params"} | {"t": state.get("step", 0)}

    def _values(self, p: Tensor, own: State) -> dict[str, np.ndarray]:
        kept = {name: own[key].copy() for name, key in self.names.items() if key in own}
        return {"w": p.array.copy()} | kept

    def state_dict(self) -> dict[str, Any]:
        """State and settings, with parameters called by their number: what is saved."""
        number = {p: i for i, p in enumerate(self._all())}
        groups = [g | {"params": [number[p] for p in g["params"]]} for g in self.param_groups]
        kept = {
            number[p]: {k: _shown(v) for k, v in own.items()}
            for p, own in self.state.items()
            if own and p in number
        }
        return {"state": kept, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over saved state and settings. ValueError unless the groups have equal sizes."""
        saved = deepcopy(state_dict["param_groups"])
        sizes = [len(g["params"]) for g in saved]
        own_sizes = [len(g["params"]) for g in self.param_groups]
        if sizes != own_sizes:
            raise ValueError(say("errors.optim.load_groups", got=sizes, want=own_sizes))
        numbers = [i for g in saved for i in g["params"]]
        by_number = dict(zip(numbers, self._all(), strict=True))
        self.state.clear()
        for i, own in state_dict["state"].items():
            self.state[by_number[i]] = {k: _kept(v, by_number[i]) for k, v in own.items()}
        for group, new in zip(self.param_groups, saved, strict=True):
            group.update({k: v for k, v in new.items() if k != "params"})

    def _all(self) -> Iterable[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * bool(i) + [f"Parameter Group {i}"]
            lines += [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


def _shown(value: Any) -> Any:
    return Tensor._wrap(value) if isinstance(value, np.ndarray) else value


def _kept(value: Any, p: Tensor) -> Any:
    """A piece of saved state as this parameter keeps it: an array of its dtype, or a number."""
    array = np.asarray(value)
    return array.astype(p.dtype) if array.shape == p.shape and array.ndim else array.item()


def _mentioned(rule: tuple[Assignment, ...], hyper: dict[str, Any]) -> dict[str, Any]:
    import ast

    words = {n.id for a in rule for n in ast.walk(ast.parse(a.formula)) if isinstance(n, ast.Name)}
    return {k: v for k, v in hyper.items() if k in words}


def check_range(key: str, value: float, low: float = 0.0, below: float = float("inf")) -> None:
    """ValueError unless low <= value < below; NaN is refused too."""
    if not low <= value < below:
        raise ValueError(say(f"errors.optim.{key}", value=value))  # keys: errors.optim.*
