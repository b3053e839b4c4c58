"""A call that the engine has no function for: one opaque op, computed by the framework itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gobhir.engine.apply import apply
from gobhir.engine.op import Family, Op

Run = Callable[..., Any]


class Foreign(Op, abstract=True):  # none of the engine's own: each framework has its own
    """What the framework makes of these inputs. run(arrays) gives the result's array, or a tuple
    of them; pull(arrays, cotangents) what each input receives."""

    family = Family.OPAQUE

    def forward(*inputs: Any, run: Run, pull: Run) -> Any:
        return run(inputs)

    def vjps(d: Any, out: Any, *inputs: Any, run: Run, pull: Run) -> Any:
        return pull(inputs, d)


def foreign(name: str, run: Run, pull: Run, inputs: list[Any]) -> Any:
    """The op's result, under the framework's name for it."""
    named = {"name": name, "inputs": ("inputs",), "pullbacks": {"inputs": Foreign.vjps}}
    op = type(name, (Foreign,), named | {"settings": {}, "defaults": {}}, abstract=True)
    return apply(op, *inputs, run=run, pull=pull)
