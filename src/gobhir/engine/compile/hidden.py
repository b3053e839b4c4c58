"""What would hide a Traced array: NumPy's makers of arrays, and Gobhir's random numbers.

np.asarray would strip the subclass, and what is written into a plain np.empty would not be seen.
While a recorder is at work, they give Traced arrays. And what a step logs is noticed: a replay
would not log it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gobhir.engine import random
from gobhir.engine.compile.traced import Traced, _copied, _refuse, arrays_in, owner, plain, trace
from gobhir.engine.tape import state


@contextmanager
def nothing_hidden() -> Iterator[None]:
    """NumPy's makers of arrays, and Gobhir's random numbers, put back Traced arrays meanwhile:
    np.asarray would strip the subclass, and what is written into a plain np.empty is not seen."""
    thread = threading.get_ident()

    def in_this_thread(original: Any, traced: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            here = threading.get_ident() == thread and state.recorder is not None
            return traced(original, *args, **kwargs) if here else original(*args, **kwargs)

        return call

    swapped: list[tuple[Any, str, Any]] = [
        (np, "asfortranarray", _keep),
        *((np, name, _keep) for name in ("asarray", "asanyarray", "ascontiguousarray")),
        (np, "array", _copy),
        *((np, name, _fill) for name in ("zeros", "ones", "full")),
        (np, "empty", _empty),
        *((random.Generator, name, _draw) for name in ("uniform", "normal", "integers", "words")),
    ]
    if logging := sys.modules.get("logging"):
        swapped.append((logging.Logger, "handle", _log))
    originals = [getattr(where, name) for where, name, _ in swapped]
    for (where, name, traced), original in zip(swapped, originals, strict=True):
        setattr(where, name, in_this_thread(original, traced))
    try:
        yield
    finally:
        for (where, name, _), original in zip(swapped, originals, strict=True):
            setattr(where, name, original)


def _keep(original: Any, x: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    if not isinstance(x, Traced):
        if any(isinstance(a, Traced) for a in arrays_in(x)):
            _refuse("list")
        return original(x, dtype, *args, **kwargs)
    result = original(plain(x), dtype, *args, **kwargs)
    return x if result.base is owner(x) and result.shape == x.shape else _copied(x, result)


def _copy(original: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    if not isinstance(x, Traced):
        if any(isinstance(a, Traced) for a in arrays_in(x)):
            _refuse("list")
        return original(x, *args, **kwargs)
    return _copied(x, original(plain(x), *args, **kwargs))


def _fill(original: Any, *args: Any, **kwargs: Any) -> Any:
    result = original(*plain(args), **plain(kwargs))
    if state.recorder is not None and result.size:
        state.recorder.add("copy", None, (result.flat[0],), {}, (result,))
    return trace(result)


def _empty(original: Any, *args: Any, **kwargs: Any) -> Any:
    return trace(original(*args, **kwargs))


def _draw(original: Any, generator: Any, *args: Any) -> Any:
    recorder = state.recorder
    assert recorder is not None
    with recorder.paused():
        result = np.array(original(generator, *args))
    recorder.add("draw", original, (generator, *args), {}, (result,), must=True)
    return trace(result)


def _log(original: Any, logger: Any, message: Any) -> Any:
    _refuse("prints")
    return original(logger, message)
