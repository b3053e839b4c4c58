"""A recorded step as a graph of named tensors: who used what, what the loss says of each, and
how each is called ("fc1.weight", "fc1", "layer1.0.add", "loss").

A name belongs to a parameter (its path in the model), to what a module gave out (the module's
path), to the result of a single op inside of a module (path and op), to "x", "y" or "loss".
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.derivation.expression import Index
from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part
from gobhir.explain.influence import inputs_of
from gobhir.explain.recording import Recording
from gobhir.lang import say

Node = Record | Tensor
"""A number's home: the op that made it, or a leaf (a parameter, an input)."""

KINDS = ("value", "grad", "change")


@dataclass(frozen=True)
class Place:
    """One number: where it lives, and its position there (of the engine's array)."""

    node: Node
    index: Index


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know: the value of a number, its gradient, or its change. index is
    None where no position was named."""

    node: Node
    index: Index | None
    kind: str


class Trace:
    """Reads a recording; nothing is computed but what is asked for."""

    def __init__(self, run: Recording):
        self.run = run
        self.tape = run.tape
        self.names: dict[Node, str] = {}
        self.of_name: dict[str, Node] = {}
        self._name_all()

    # -- values and gradients ----

    def value(self, node: Node) -> np.ndarray:
        """The numbers of a record's result or a leaf, as they were in this step."""
        return self.tape.value(node) if isinstance(node, Tensor) else node.value

    def gradient(self, node: Node) -> np.ndarray | None:
        """dL/d(node), or None where backward never came by."""
        return self._gradients.get(node)

    @cached_property
    def _gradients(self) -> dict[Node, Any]:
        found: dict[Node, Any] = {}

        def arrive(node: Node, g: Any) -> None:
            found[node] = found[node] + g if node in found else g

        for entry in self.tape.gradients:
            if not isinstance(entry.cotangent, tuple):
                arrive(entry.of, entry.cotangent)
            for x, g in zip(inputs_of(entry.of), entry.grads, strict=False):
                if isinstance(x, Tensor) and x._record is None and g is not None:
                    arrive(x, g)
        return found

    @cached_property
    def users(self) -> dict[Node, list[tuple[Record, int]]]:
        """Which ops took a number in, and as which of their inputs."""
        found: dict[Node, list[tuple[Record, int]]] = {}
        for record in self.tape.records:
            for i, x in enumerate(inputs_of(record)):
                if isinstance(x, Tensor):
                    found.setdefault(home(x), []).append((record, i))
        return found

    @cached_property
    def updates(self) -> dict[Tensor, Any]:
        """The optimizer's change of each parameter."""
        return {u.parameter: u for u in self.tape.updates}

    # -- names ----

    def name(self, node: Node) -> str:
        """How it is called; what has no name of its own goes by its shape."""
        known = self.names.get(node)
        value = self.value(node)  # of a batch norm there are several: its output, mean, variance
        return known or str(tuple(np.shape(value[0] if isinstance(value, tuple) else value)))

    def at(self, place: Place) -> str:
        """fc1.weight[1, 2], positions counted from 0."""
        where = ", ".join(map(str, place.index))
        alone = not place.index or (
            self.value(place.node).size == 1 and place.node is self.run.loss
        )
        return self.name(place.node) if alone else f"{self.name(place.node)}[{where}]"

    def _name_all(self) -> None:
        run = self.run
        for t, path in run.parameters.items():
            self._call(t, path)
        for path, t in () if run.model is None else run.model.named_parameters():
            if t not in self.names:  # frozen
                self._call(t, path)
        for letter, given in (("x", run.x), ("y", run.y)):
            if given is not None and given not in self.names:
                self._call(given, letter)
        last: dict[int, Record] = {}
        for record in self.tape.records:
            used = self.users.get(record, ())
            for module in record.scope:
                if record is run.output or any(module not in user.scope for user, _ in used):
                    last[id(module)] = record
        self._call(run.loss, "loss")
        given_out: dict[Record, str] = {}
        for key, record in last.items():
            path = run.paths.get(key, "")
            longer = len(path) > len(given_out.get(record, ""))
            if path and longer and not isinstance(record.value, tuple):
                given_out[record] = path
        for record in self.tape.records:
            if record not in self.names and not isinstance(record.value, tuple):
                inside = run.layer(record)
                op = op_name(record)
                own = f"{inside}.{op}" if inside else op
                self._call(record, given_out.get(record, own))

    def _call(self, node: Node, name: str) -> None:
        again = self._taken[name] = self._taken[name] + 1
        name = name if again == 1 else f"{name}_{again}"
        self.names[node], self.of_name[name] = name, node

    @cached_property
    def _taken(self) -> Counter[str]:
        return Counter()

    # -- asking ----

    def find(self, asked: str) -> Asked:
        """The number that "fc1.weight[1, 2]", "fc1[0, 3]", "fc1.weight.change[1, 2]" or "loss"
        stands for. KeyError with the nearest names, IndexError with the shape."""
        match = _ASKED.match(asked)
        path = match[1] if match else ""
        node, kind = self.of_name.get(path), ""
        if node is None and "." in path:
            front, _, kind = path.rpartition(".")
            node = self.of_name.get(front) if kind in KINDS else None
        if node is None or match is None:
            raise KeyError(say("errors.why.unknown", name=asked, known=", ".join(self.near(path))))
        given = (self.run.x, self.run.y)
        parameter = isinstance(node, Tensor) and not any(node is t for t in given)
        kind = kind or ("grad" if parameter else "value")
        shape = np.shape(self.value(node))
        if match[2] is None:
            return Asked(node, (0,) * len(shape) if self.value(node).size == 1 else None, kind)
        try:
            at = tuple(int(part) for part in match[2].split(",") if part.strip())
        except ValueError:
            at = ()
        if len(at) != len(shape) or not all(-n <= i < n for i, n in zip(at, shape, strict=True)):
            near = self.at(Place(node, _nearest(at, shape)))
            raise IndexError(say("errors.why.index", name=asked, shape=shape, near=near))
        return Asked(node, tuple(i % n for i, n in zip(at, shape, strict=True)), kind)

    def near(self, path: str, most: int = 6) -> list[str]:
        """Names that look like this one; else the first that there are."""
        names = list(self.of_name)
        end = path.rpartition(".")[2]
        alike = difflib.get_close_matches(path, names, most, 0.6)
        alike += [n for n in names if end and end in n.split(".") and n not in alike]
        return alike[:most] or names[:most]


_ASKED = re.compile(r"^\s*([\w.]+?)\s*(?:\[([^\]]*)\])?\s*$")


def _nearest(at: Index, shape: tuple[int, ...]) -> Index:
    """The position that there is, nearest to one that there is not."""
    padded = (*at, *(0 for _ in shape))[: len(shape)]
    return tuple(min(max(i, 0), n - 1) for i, n in zip(padded, shape, strict=True))


def op_name(record: Record) -> str:
    """The op that made this; of one of several results, the op that made them all."""
    if record.op is not Part:
        return record.op.name
    return op_name(inputs_of(record)[0]._record)


def home(x: Tensor) -> Node:
    """Where a tensor's numbers live."""
    return x if x._record is None else x._record
