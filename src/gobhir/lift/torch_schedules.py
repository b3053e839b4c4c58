"""Which scheduler of PyTorch's sets an optimizer's learning rates, and where it stands."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from gobhir.lift.trace import Schedule

_found: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
"""By optimizer its schedulers (by weak references), once they have been looked for."""
_looked: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
"""How often they have been looked for: that takes as long as a step of a small network."""
OFTEN = 2
"""So often one looks where there is no sign of a scheduler."""


def schedule(optimizer: Any) -> Schedule | None:
    """The scheduler as it is at this moment; None where nobody sets the learning rates."""
    alive = [s for r in _found.get(optimizer, ()) if (s := r()) is not None]
    signs = any("initial_lr" in group for group in optimizer.param_groups)  # most leave that there
    if not alive and (signs or _signless() and _looked.get(optimizer, 0) < OFTEN):
        _looked[optimizer] = _looked.get(optimizer, 0) + 1
        alive = list(_schedulers_of(optimizer))
        _found[optimizer] = [ref(s) for s in alive]
    inside = {id(s) for outer in alive for s in getattr(outer, "_schedulers", ())}
    outermost = [s for s in alive if id(s) not in inside]
    return _snapshot(outermost[-1]) if outermost else None


def _signless() -> bool:
    """Whether a scheduler that leaves no sign, ReduceLROnPlateau, may live at all: each one holds
    its class. Counting references takes no time; looking through the memory takes 40 ms."""
    return sys.getrefcount(ReduceLROnPlateau) > _without_any()


@cache
def _without_any() -> int:
    """References to the class while no scheduler of it lives, counted once."""
    living = sum(issubclass(type(each), ReduceLROnPlateau) for each in gc.get_objects())
    return sys.getrefcount(ReduceLROnPlateau) - living


def _schedulers_of(optimizer: Any) -> Iterator[Any]:
    """An optimizer does not know its schedulers; only the memory as a whole does."""
    holders = gc.get_referrers(optimizer)
    kept = [h for h in holders if type(h) is dict and h.get("optimizer") is optimizer]
    owners = gc.get_referrers(*kept) if kept else []
    for owner in (*holders, *owners):
        if issubclass(type(owner), LRScheduler) and vars(owner).get("optimizer") is optimizer:
            yield owner


def _snapshot(scheduler: Any) -> Schedule:
    state = {k: _plain(v) for k, v in vars(scheduler).items() if k not in ("optimizer", "step")}
    inner = [_snapshot(s) for s in state.pop("_schedulers", ())]
    return Schedule(type(scheduler).__name__, state, inner)


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.item() if value.numel() == 1 else value
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value
