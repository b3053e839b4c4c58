"""An optimizer's state and settings as a dictionary, and back; PyTorch's dictionaries too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.optim.running import scalar

if TYPE_CHECKING:
    from gobhir.optim.optimizer import Optimizer


def packed(optimizer: Optimizer) -> dict[str, Any]:
    """{"state": {number of the parameter: its state}, "param_groups": [settings, with numbers]}."""
    number: dict[Any, int] = {}
    for p in optimizer._all():
        number.setdefault(p, len(number))
    groups = [
        {k: v for k, v in group.items() if k != "params"}
        | {"params": [number[p] for p in group["params"]]}
        for group in optimizer.param_groups
    ]
    return {
        "state": {number.get(p, p): own for p, own in optimizer.state.items()},
        "param_groups": groups,
    }


def unpack(optimizer: Optimizer, state_dict: Mapping[str, Any]) -> None:
    """Give the optimizer copies of this state and these settings.

    ValueError unless the groups have equal sizes.
    """
    lacking = {"state", "param_groups"} - state_dict.keys()
    if lacking:
        raise KeyError(say("errors.optim.load_keys", keys=", ".join(sorted(lacking))))
    saved = [{k: _setting(v) for k, v in g.items()} for g in state_dict["param_groups"]]
    sizes = [len(g["params"]) for g in saved]
    own_sizes = [len(g["params"]) for g in optimizer.param_groups]
    if sizes != own_sizes:
        raise ValueError(say("errors.optim.load_groups", got=sizes, want=own_sizes))
    numbers = [i for g in saved for i in g["params"]]
    by_number = dict(zip(numbers, optimizer._all(), strict=True))
    state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
    for i, own in state_dict["state"].items():
        p = by_number.get(i)
        state[i if p is None else p] = _kept(own, p)
    groups = []
    for old, new in zip(optimizer.param_groups, saved, strict=True):
        names = {"param_names": old["param_names"]} if "param_names" in old else {}
        params = {"params": old["params"]}
        groups.append(params | optimizer.defaults | names | new | params)
    optimizer.state, optimizer.param_groups = state, groups


def _setting(value: Any) -> Any:
    """A copy of a saved setting; a tensor of another library becomes one of ours."""
    return Tensor._wrap(_copied(value)) if hasattr(value, "__array__") else deepcopy(value)


def _kept(value: Any, p: Tensor | None, key: str = "") -> Any:
    """A piece of saved state as this parameter keeps it: arrays of its dtype, but for `step`."""
    if isinstance(value, Mapping):
        return {k: _kept(v, p, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_kept(v, p) for v in value)
    if key == "step" and not hasattr(value, "__array__"):
        return Tensor._wrap(scalar(value))
    if not hasattr(value, "__array__"):
        return value
    array = _copied(value)
    floating = p is not None and key != "step" and array.dtype.kind == "f"
    return Tensor._wrap(array.astype(p.dtype) if floating and p is not None else array)


def _copied(value: Any) -> np.ndarray:
    return np.array(np.asarray(value.detach() if hasattr(value, "detach") else value))
