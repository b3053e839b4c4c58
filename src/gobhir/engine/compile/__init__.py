"""gobhir.compile: a step is recorded once, as the NumPy calls that it makes, and then replayed.
Knows Tensor, tape and random numbers, and no op; training and all above may import it.
Start reading in recorder.py, then replay.py.
"""

from __future__ import annotations

from typing import Any

from gobhir.engine.compile.step import Compiled


def compile(step: Any = None, *, verbose: bool = False) -> Any:
    """A step that runs as `step` does, and faster."""
    if step is None:
        return lambda given: compile(given, verbose=verbose)
    return Compiled(step, verbose)


__all__ = ["Compiled", "compile"]
