"""Computing without NumPy's warnings: log(0) is -inf and 0 / 0 is NaN, silently, as in PyTorch.

NumPy keeps what it does about such things in a context variable. `np.errstate` works it out anew
at every use, which takes as long as a whole op on a small array; here it is worked out once.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

import numpy as np


def _silence() -> tuple[contextvars.ContextVar[Any], Any] | None:
    """NumPy's variable and the value of it that means silence; None if NumPy has no such one."""
    with np.errstate(all="ignore"):
        for variable, value in contextvars.copy_context().items():
            if variable.name.startswith("numpy"):
                return variable, value
    return None


_found = _silence()

if _found is not None:
    _variable, _silent = _found

    def quietly(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """f(*args, **kwargs), with NumPy's warnings off."""
        token = _variable.set(_silent)
        try:
            return f(*args, **kwargs)
        finally:
            _variable.reset(token)

else:

    def quietly(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """f(*args, **kwargs), with NumPy's warnings off."""
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)
