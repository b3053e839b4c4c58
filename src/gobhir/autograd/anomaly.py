"""Where a NaN was born: every op's result and every gradient is looked at while this is on.

Behaviour: https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection; PyTorch's looks
at gradients only, this one at results too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from gobhir.engine.hooks import changes
from gobhir.engine.tape import state
from gobhir.engine.tensor import Tensor
from gobhir.lang import Message, place, say


class detect_anomaly:
    """`with detect_anomaly():` names the op in which the first NaN is born. It costs time."""

    def __init__(self, check_nan: bool = True):
        self._watch = _look if check_nan else None

    def __enter__(self) -> None:
        self._outer, state.watch = state.watch, self._watch
        changes[0] += 1  # a compiled step runs as it is written meanwhile

    def __exit__(self, *exc: object) -> None:
        state.watch = self._outer


class set_detect_anomaly(detect_anomaly):
    """Look for NaN from now on (or no longer); as a context, for a `with` block."""

    def __init__(self, mode: bool, check_nan: bool = True):
        super().__init__(mode and check_nan)
        super().__enter__()

    def __enter__(self) -> None:
        pass


def _look(op: Any, value: Any, inputs: Any, ran: Callable[[], Message] | None = None) -> Any:
    """RuntimeError if there is a NaN in the op's result that none of its inputs had. Else where
    the op runs, so that an error in backward() can say it: the user's line, and the modules.
    ran: in backward(), what says where the op had run."""
    if not _has_nan(value) or any(_has_nan(x) for x in inputs):
        return place(), _modules() if ran is None else ()
    numbers = (_array(x) for x in inputs)
    sizes = [f"{a.min():.4g} … {a.max():.4g}" for a in numbers if a is not None and a.size]
    ranges = "; ".join(sizes)
    if ran is None:
        raise RuntimeError(say("errors.nan.forward", op=op.name, ranges=ranges))
    raise RuntimeError(say("errors.nan.backward", op=op.name, ranges=ranges, where=ran()))


def _modules() -> tuple[Any, ...]:
    """The modules whose forward is running, innermost first."""
    found: list[Any] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "forward" and frame.f_code.co_argcount:
            module = frame.f_locals.get(frame.f_code.co_varnames[0])
            if hasattr(module, "named_modules") and not (found and found[-1] is module):
                found.append(module)
        frame = frame.f_back
    return tuple(found)


def _array(x: Any) -> np.ndarray | None:
    a = x.array if isinstance(x, Tensor) else x
    return a if isinstance(a, np.ndarray) and a.dtype.kind in "iuf" else None


def _has_nan(x: Any) -> bool:
    if isinstance(x, tuple):
        return any(_has_nan(part) for part in x)
    a = _array(x)
    return a is not None and a.dtype.kind == "f" and bool(np.isnan(a).any())
