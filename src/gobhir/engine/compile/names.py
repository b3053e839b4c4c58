"""What the numbers of an unrolled step are called: w1, b1 by layer, z and a as in the textbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gobhir.engine.compile.traced import plain
from gobhir.engine.tape import Gradient, Record, Tape
from gobhir.engine.tensor import Tensor


class Mark(NamedTuple):
    """An entry of the tape: how many calls had been recorded by then, and what it was. `order`
    is that of the record, also in the mark of a gradient that passed through it."""

    calls: int
    op: Any
    order: int
    array: Any


class Names(Tape):
    """A tape that is only read for names: it lets go of everything but arrays."""

    def __init__(self, calls: list[Any]):
        super().__init__()
        self.calls = calls
        self.marks: list[Mark] = []

    def record(self, entry: Any) -> None:
        if isinstance(entry, Record):
            self.entries.append(entry)
            self.marks.append(Mark(len(self.calls), entry.op, entry.order, plain(entry.value)))
        elif isinstance(entry, Gradient):
            gradient = plain(entry.cotangent)
            self.marks.append(Mark(len(self.calls), None, entry.of.order, gradient))

    def let_go(self) -> None:
        """Release the graph, as backward() does without a tape."""
        for record in self.records:
            if record.spent:
                record.inputs = record.edges = record.versions = ()
            record.value = plain(record.value)
        self.entries = []


def elements(name: str, shape: tuple[int, ...]) -> list[str]:
    """A name for each element: w_00, w_01, ...; a first size of 1 (one example) is left out."""
    if len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    between = "_" if any(n > 10 for n in shape) else ""
    return [name + "_" * bool(index) + between.join(map(str, index)) for index in np.ndindex(shape)]


def parameter_names(step: Callable[..., Any], modules: list[Any], tensors: list[Tensor]) -> Any:
    """{tensor: name}: w1, b1, ... by layer; else the path in the module, or the step's own name."""
    names: dict[Tensor, str] = {}
    layers: list[str] = []
    inside = {id(child) for m in modules for child in m.children()}
    for root in (m for m in modules if id(m) not in inside):
        for path, t in (*root.named_parameters(), *root.named_buffers()):
            owner, _, last = path.rpartition(".")
            if owner not in layers:
                layers.append(owner)
            short = {"weight": "w", "bias": "b"}.get(last)
            number = layers.index(owner) + 1
            names.setdefault(t, f"{short}{number}" if short else path.replace(".", "_"))
    for name, value in _seen_by(step):
        if isinstance(value, Tensor):
            names.setdefault(value, name)
    for k, t in enumerate(tensors):
        names.setdefault(t, f"p{k}")
    if len(set(names.values())) < len(names):
        return {t: f"p{k}" for k, t in enumerate(names)}
    return names


def argument_names(step: Callable[..., Any], inputs: list[tuple[Any, np.ndarray]]) -> list[str]:
    """What the step itself calls its arguments."""
    code = getattr(getattr(step, "forward", step), "__code__", None)
    own = code.co_varnames[: code.co_argcount] if code is not None else ()
    own = tuple(name for name in own if name != "self")
    return [
        key if isinstance(key, str) else own[key] if key < len(own) else f"x{key}"
        for key, _ in inputs
    ]


def _seen_by(step: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    code, cells = getattr(step, "__code__", None), getattr(step, "__closure__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, cells or (), strict=False):
        yield name, cell.cell_contents
    for name in code.co_names:
        if name in step.__globals__:
            yield name, step.__globals__[name]
