"""Mixed precision under PyTorch's names: programs that use it run here, in full precision.

NumPy has no fast arithmetic of half precision, so autocast leaves all dtypes as they are and says
so. GradScaler is the whole algorithm, for gradients too small for float16.
Source: Micikevicius et al., Mixed precision training (2018).
Behaviour: https://docs.pytorch.org/docs/stable/amp.html
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.tape import no_grad
from gobhir.lang import say, warn

__all__ = ["GradScaler", "autocast", "is_autocast_available", "is_autocast_enabled"]


def is_autocast_available(device_type: str) -> bool:
    """False: no device here computes in half precision."""
    return False


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """False, inside autocast too: it leaves all dtypes as they are."""
    return False


class autocast(ContextDecorator):
    """A context, or a decorator, in which everything stays as it is. With enabled=True it warns."""

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ):
        if not isinstance(device_type, str):
            raise ValueError(say("errors.amp.device_type", got=type(device_type).__name__))
        if enabled:
            warn(say("errors.amp.autocast"))

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exception: Any) -> None:
        pass


class GradScaler:
    """Make a loss larger before backward() and its gradients smaller again before the optimizer's
    step; leave out a step whose gradients are inf or NaN.

    init_scale: the first factor. update() multiplies it by backoff_factor after a step left out,
    and by growth_factor after growth_interval good ones. With enabled=False, or for "cuda", which
    is not here, nothing is scaled.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        if enabled and device != "cpu":
            warn(say("errors.amp.scaler", device=device))
            enabled = False
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._good = 0  # steps since the factor changed
        self._finite: dict[int, bool] = {}  # optimizer's id -> whether its gradients are, unscaled
        self._stepped: set[int] = set()

    def scale(self, outputs: Any) -> Any:
        """outputs, a tensor or several in lists and tuples, times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        return type(outputs)(self.scale(o) for o in outputs)

    @no_grad()
    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the factor, once an update():
        before gradients are clipped. RuntimeError the second time, and after step()."""
        if not self._enabled:
            return
        if id(optimizer) in self._stepped:
            raise RuntimeError(say("errors.amp.stepped", method="unscale_"))
        if id(optimizer) in self._finite:
            raise RuntimeError(say("errors.amp.unscaled"))
        finite = True
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.mul_(1 / self._scale)
                    finite = finite and bool(np.isfinite(p.grad.array).all())
        self._finite[id(optimizer)] = finite

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs) with unscaled gradients, unless one is inf or NaN: then
        None. RuntimeError the second time before update(), or with a closure."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError(say("errors.amp.closure"))
        if id(optimizer) in self._stepped:
            raise RuntimeError(say("errors.amp.stepped", method="step"))
        if id(optimizer) not in self._finite:
            self.unscale_(optimizer)
        self._stepped.add(id(optimizer))
        return optimizer.step(*args, **kwargs) if self._finite[id(optimizer)] else None

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Choose the factor of the next step. RuntimeError where none was unscaled or taken."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._finite:
            raise RuntimeError(say("errors.amp.too_early"))
        elif not all(self._finite.values()):
            self._scale *= self._backoff_factor
            self._good = 0
        else:
            self._good += 1
            if self._good == self._growth_interval:
                self._scale *= self._growth_factor
                self._good = 0
        self._finite.clear()
        self._stepped.clear()

    def is_enabled(self) -> bool:
        """Whether anything is scaled."""
        return self._enabled

    def get_scale(self) -> float:
        """The factor; 1.0 where nothing is scaled."""
        return self._scale if self._enabled else 1.0

    def state_dict(self) -> dict[str, Any]:
        """The factor and how it changes; {} where nothing is scaled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._good,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from another's state_dict(). RuntimeError for an empty one."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(say("errors.amp.empty_state"))
        self._scale = state_dict["scale"]
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._good = state_dict["_growth_tracker"]
