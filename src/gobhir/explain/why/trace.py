"""A recorded step as a graph of named tensors: who used what, what the loss says of each, and
how each is called ("fc1.weight", "fc1", "layer1.0.add", "loss").

A name belongs to a parameter (its path in the model), to what a module gave out (the module's
path), to the result of a single op inside of a module (path and op), to "x", "y" or "loss"; what
else was given is "given".
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.derivation.expression import Index
from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part
from gobhir.engine.tape import in_a_row
from gobhir.explain.recording import Recording
from gobhir.explain.why.figures import Figures, counted, figures
from gobhir.explain.why.influence import inputs_of
from gobhir.lang import say
from gobhir.lift.sparing import SparingTape, lying, pieces

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
        self.given = {t for t in (run.x, run.y) if t is not None}
        """What the step was given besides the model: its inputs and targets."""
        self._figures: dict[tuple[Node, str], Figures | None] = {}
        self._promised: dict[Node, tuple[float, bool]] = {}
        self._representatives: dict[Node, Index] = {}
        self._name_all()

    # -- values and gradients ----

    def value(self, node: Node) -> np.ndarray:
        """The numbers of a record's result or a leaf, as they were in this step."""
        return lying(self.tape, node) if isinstance(node, Tensor) else node.value

    def shape(self, node: Node) -> tuple[int, ...]:
        """Of a result or a leaf; of an op of several results, that of the first."""
        if isinstance(node, Tensor):
            return tuple(node.shape)
        first = node.value[0] if isinstance(node.value, tuple) else node.value
        return np.shape(first)

    def gradient(self, node: Node) -> np.ndarray | None:
        """dL/d(node), or None where backward never came by."""
        if isinstance(self.tape, SparingTape) and isinstance(node, Tensor):
            return self.tape.gradient(node)
        return self._gradients.get(node)

    @cached_property
    def _gradients(self) -> dict[Node, Any]:
        found: dict[Node, Any] = {}
        for entry in self.tape.gradients:
            if not isinstance(entry.cotangent, tuple):
                found[entry.of] = entry.cotangent
            for i, x in enumerate(() if self.tape.sparing else inputs_of(entry.of)):
                leaf = isinstance(x, Tensor) and x._record is None
                if leaf and (g := entry.to(i)) is not None:
                    found[x] = found[x] + g if x in found else g
        return found

    def figures(self, node: Node, kind: str = "value") -> Figures | None:
        """What is said of a tensor as a whole: of its value, of its gradient, or of its change by
        the optimizer. None where it has none."""
        if (node, kind) not in self._figures:
            self._figures[node, kind] = self._counted(node, kind)
        return self._figures[node, kind]

    def _counted(self, node: Node, kind: str) -> Figures | None:
        if kind == "change":
            update = self.updates.get(node) if isinstance(node, Tensor) else None
            if update is None:
                return None
            return counted(self._moved(update))
        numbers = self.value(node) if kind == "value" else self.gradient(node)
        return None if numbers is None else figures(numbers)

    def promised(self, parameter: Tensor) -> tuple[float, bool]:
        """By how much the loss changes with this parameter's change, to first order: the sum of
        gradient times change. And whether it was plain gradient descent."""
        self.figures(parameter, "change")
        return self._promised[parameter]

    def _moved(self, update: Any) -> Iterator[np.ndarray]:
        """By how much an update changes its parameter, a piece at a time; what that promises is
        noted on the way."""
        left = self.gradient(update.parameter)
        total, apart, largest = 0.0, 0.0, 0.0
        for here in pieces(math.prod(update.parameter.shape)):
            part = update.part(here)
            by = part.after["w"].astype(float) - part.before["w"]
            taken = part.grad.astype(float)
            g = taken if left is None else in_a_row(left, here).astype(float)
            total += float(g @ by)
            apart = max(apart, float(np.abs(g - taken).max()))  # clipping changes what is taken
            largest = max(largest, float(np.abs(g).max()))
            yield by
        plain = type(update.optimizer).__name__ == "SGD" and len(update.rule) == 1
        self._promised[update.parameter] = total, plain and apart <= 1e-4 * largest

    def representative(self, node: Node) -> Index:
        """The position with the greatest gradient; without one, with the greatest value."""
        if node not in self._representatives:
            numbers = self.gradient(node)
            if numbers is None or not np.any(numbers):
                numbers = self.value(node)
            ends = (int(numbers.argmin()), int(numbers.argmax()))
            flat = max(ends, key=lambda k: abs(numbers.reshape(-1)[k]))
            at = np.unravel_index(flat, numbers.shape)
            self._representatives[node] = tuple(int(i) for i in at)
        return self._representatives[node]

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
        return self.names.get(node) or str(self.shape(node))

    def at(self, place: Place) -> str:
        """fc1.weight[1, 2], positions counted from 0."""
        where = ", ".join(map(str, place.index))
        alone = not place.index or (
            place.node is self.run.loss and math.prod(self.shape(place.node)) == 1
        )
        return self.name(place.node) if alone else f"{self.name(place.node)}[{where}]"

    def _name_all(self) -> None:
        run = self.run
        for t, path in run.parameters.items():
            self._call(t, path)
        others = () if run.model is None else run.model.named_parameters()
        for path, t in (*others, *((path, t) for t, path in run.idle.items())):
            if t not in self.names:  # frozen
                self._call(t, path)
        for letter, given in (("x", run.x), ("y", run.y)):
            if given is not None and given not in self.names:
                self._call(given, letter)
        self._call(run.loss, "loss")
        for record, name in _opened(run):
            if record not in self.names:
                self._call(record, name)
        last: dict[int, Record] = {}
        for record in self.tape.records:
            used = self.users.get(record, ())
            for module in record.scope:
                if record is run.output or any(module not in user.scope for user, _ in used):
                    last[id(module)] = record
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
            elif record in given_out:  # by either name
                self.of_name.setdefault(given_out[record], record)
        for node in self.users:
            if isinstance(node, Tensor) and node not in self.names and not node.requires_grad:
                self.given.add(node)
                self._call(node, "given")

    def _call(self, node: Node, name: str) -> None:
        again = self._taken[name] = self._taken[name] + 1
        name = name if again == 1 else f"{name}_{again}"
        self.names[node], self.of_name[name] = name, node

    @cached_property
    def _taken(self) -> Counter[str]:
        return Counter()

    # -- asking ----

    def is_parameter(self, node: Node) -> bool:
        """Whether it belongs to the model, frozen or not."""
        return isinstance(node, Tensor) and node not in self.given

    def find(self, asked: str) -> Asked:
        """The number that "fc1.weight[1, 2]", "fc1[0, 3]", "fc1.weight.change[1, 2]" or "loss"
        stands for. KeyError with the nearest names, IndexError with the shape."""
        match = _ASKED.match(asked)
        path = match[1] if match else ""
        node, kind = self._of(path), ""
        if node is None and "." in path:
            front, _, kind = path.rpartition(".")
            node = self._of(front) if kind in KINDS else None
        if node is None or match is None:
            raise KeyError(say("errors.why.unknown", name=asked, known=", ".join(self.near(path))))
        kind = kind or ("grad" if self.is_parameter(node) else "value")
        shape = self.shape(node)
        if match[2] is None:
            return Asked(node, (0,) * len(shape) if math.prod(shape) == 1 else None, kind)
        try:
            at = tuple(int(part) for part in match[2].split(",") if part.strip())
        except ValueError:
            at = ()
        if len(at) != len(shape) or not all(-n <= i < n for i, n in zip(at, shape, strict=True)):
            near = self.at(Place(node, _nearest(at, shape)))
            raise IndexError(say("errors.why.index", name=asked, shape=shape, near=near))
        return Asked(node, tuple(i % n for i, n in zip(at, shape, strict=True)), kind)

    def _of(self, name: str) -> Node | None:
        if name in self.run.unused and name not in self.of_name:
            self._call(self.run.unused[name](), name)
        return self.of_name.get(name)

    def near(self, path: str, most: int = 6) -> list[str]:
        """Names that look like this one; else the first that there are."""
        names = [*self.of_name, *(n for n in self.run.unused if n not in self.of_name)]
        end = path.rpartition(".")[2]
        alike = difflib.get_close_matches(path, names, most, 0.6)
        alike += [n for n in names if end and end in n.split(".") and n not in alike]
        return alike[:most] or names[:most]


_ASKED = re.compile(r"^\s*([\w.]+?)\s*(?:\[([^\]]*)\])?\s*$")


def _nearest(at: Index, shape: tuple[int, ...]) -> Index:
    """The position that there is, nearest to one that there is not."""
    padded = (*at, *(0 for _ in shape))[: len(shape)]
    return tuple(min(max(i, 0), n - 1) for i, n in zip(padded, shape, strict=True))


def _opened(run: Recording) -> Iterator[tuple[Record, str]]:
    """What stands inside of a recurrent layer or of attention goes by its letter on the page and
    its time, or by its part: lstm.t2.f, lstm.W_if, attn.scores."""
    paths = [run.layer(layer.cells[0].parts["h"]) for layer in run.layers]
    for layer, path in zip(run.layers, paths, strict=True):
        parts = [path] if path else []
        parts += [f"layer{layer.number}"] if paths.count(path) > 1 else []
        for word, rows in layer.rows.items():
            yield rows._record, ".".join([*parts, word])
        for cell in layer.cells:
            for word, record in cell.parts.items():
                time = str(run.called[record].over).rpartition("⟨")[2].removesuffix("⟩")
                yield record, ".".join([*parts, f"t{time}", word.removesuffix("_in")])
    for block in run.blocks:
        path = run.layer(block.shares)
        made = {"scores": block.scores, "shares": block.shares, "context": block.out}
        for word, t in zip(("queries", "keys", "values"), block.given, strict=True):
            made |= {word: t._record} if t._record in block.inputs else {}
        for word, record in made.items():
            yield record, f"{path}.{word}" if path else word


def op_name(record: Record) -> str:
    """The op that made this; of one of several results, the op that made them all."""
    if record.op is not Part:
        return record.op.name
    return op_name(inputs_of(record)[0]._record)


def home(x: Tensor) -> Node:
    """Where a tensor's numbers live."""
    return x if x._record is None else x._record
