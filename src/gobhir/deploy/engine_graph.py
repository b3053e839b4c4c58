"""The engine's models as ONNX: what the tape recorded, op by op, as nodes of a graph.

The model runs twice, on batches of n and n + 1 examples. Where a shape differs between the two
recordings, it follows the batch, and is left free in the graph. What each op becomes stands in
engine_nodes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from gobhir import no_grad
from gobhir.deploy.engine_nodes import NODES
from gobhir.engine import Tape, Tensor
from gobhir.engine.tape import Record
from gobhir.lang import say

OPSET = 21
IR = 10
"""Of the ONNX that came with opset 21: what reads the one reads the other."""


def graph_of(
    run: Callable[..., Any], known: dict[str, Tensor], batches: Any, names: list[str]
) -> ModelProto:
    """The graph of what `run` computes. known: the parameters and buffers by name; batches: the
    inputs of two runs, as tuples of arrays of n and of n + 1 examples; names: the inputs'.
    ValueError for an op that has no counterpart here, and for sizes that follow the batch in a
    way that a graph cannot say."""
    runs = []
    for batch in batches:
        inputs = tuple(Tensor._wrap(np.ascontiguousarray(a)) for a in batch)
        with no_grad(), Tape() as tape:
            results = run(*inputs)
        runs.append((inputs, tape.records, results))
    (inputs, first, results), (more, second, again) = runs
    if [r.op for r in first] != [r.op for r in second]:
        raise ValueError(say("deploy.export.batch", op=first[-1].op.name if first else "-"))
    graph = Graph({id(t): n for n, t in known.items()}, inputs, more, names)
    for record, other in zip(first, second, strict=True):
        graph.add(record, other)
    outs = [(r, a, graph.name_of(r, a)) for r, a in zip(results, again, strict=True)]
    return graph.model(outs)


class Graph:
    """A graph on the way: `nodes` and `constants` so far, and what each value is called."""

    def __init__(
        self,
        known: dict[int, str],
        inputs: tuple[Tensor, ...],
        more: tuple[Tensor, ...],
        names: list[str],
    ):
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, Any] = {}
        self.inputs = list(zip(names, inputs, more, strict=True))
        self.batches = (inputs[0].array.shape[0], more[0].array.shape[0])
        self._known = known
        self._names: dict[int, Any] = {id(t): n for n, t, _ in self.inputs}
        self._kept: list[Any] = []  # so that no id is given twice
        self._count = 0

    # -- what engine_nodes.py writes with ---------------------------------------------------------

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; the name of its result, or the names of several."""
        self._count += 1
        base = f"{kind.lower()}_{self._count}"
        outs = [base] if outputs == 1 else [f"{base}_{i}" for i in range(outputs)]
        attributes = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(kind, list(inputs), outs, name=base, **attributes))
        return outs[0] if outputs == 1 else outs

    def constant(self, value: Any, dtype: Any = None, name: str = "") -> str:
        """The name of an array that the graph holds."""
        array = np.array(value, dtype, order="C")
        if not name:
            self._count += 1
            name = f"constant_{self._count}"
        self.constants.setdefault(name, array)
        return name

    def size(self) -> str:
        """The number of examples, as an array of one whole number."""
        return self.node("Shape", self.inputs[0][0], start=0, end=1)

    # -- reading the record -----------------------------------------------------------------------

    def add(self, record: Record, other: Record) -> None:
        """The nodes of one op. `other`: the same op in the run with one example more."""
        self._kept.append(record)
        name = record.op.name
        if name == "part":
            source = record.inputs[0]._record
            results, wanted = self._names[id(source)], record.settings["place"]
            # A norm's mean and variance, say, which nothing reads any more.
            self._names[id(record)] = results[wanted] if wanted < len(results) else ""
            return
        write = NODES.get(name)
        if write is None:
            raise ValueError(say("deploy.export.op", op=name, known=", ".join(sorted(NODES))))
        self._names[id(record)] = write(self, Values(record, other))

    def name_of(self, value: Any, other: Any, like: Any = None) -> str:
        """What a value that an op reads is called in the graph. other: its counterpart in the
        second run; like: the dtype of the array that a plain number stands beside."""
        if isinstance(value, Tensor):
            if id(value) in self._names:
                name: str = self._names[id(value)]
                return name
            record = value._record
            if record is not None:
                if id(record) not in self._names:
                    raise ValueError(say("deploy.export.in_place"))
                name = self._names[id(record)]
                return name
            self._kept.append(value)
            if id(value) in self._known:
                return self.constant(value.array, name=self._known[id(value)])
            value, other = value.array, other.array
        first, second = np.asarray(value, like), np.asarray(other, like)
        if first.shape == second.shape:
            if not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
                raise ValueError(say("deploy.export.batch", op="constant"))
            return self.constant(first)
        return self._repeated(first, second)

    def _repeated(self, first: np.ndarray, second: np.ndarray) -> str:
        """A constant with one row an example, all rows the same: a recurrent layer's start."""
        pairs = enumerate(zip(first.shape, second.shape, strict=False))
        axes = [i for i, (n, m) in pairs if n != m]
        if len(axes) != 1 or first.ndim != second.ndim:
            raise ValueError(say("deploy.export.batch", op="constant"))
        one = np.take(first, [0], axis=axes[0])
        if (first != one).any() or (second != one).any():
            raise ValueError(say("deploy.export.batch", op="constant"))
        shape: list[str] = [self.constant([n], np.int64) for n in first.shape]
        shape[axes[0]] = self.size()
        return self.node("Expand", self.constant(one), self.node("Concat", *shape, axis=0))

    def shape(self, first: tuple[int, ...], second: tuple[int, ...]) -> list[int]:
        """A shape for Reshape: -1 where it follows the batch."""
        free = [i for i, (n, m) in enumerate(zip(first, second, strict=True)) if n != m]
        if len(free) > 1:
            raise ValueError(say("deploy.export.batch", op="reshape"))
        return [-1 if i in free else int(n) for i, n in enumerate(first)]

    # -- the whole --------------------------------------------------------------------------------

    def model(self, outs: list[tuple[Tensor, Tensor, str]]) -> ModelProto:
        """The ONNX model; its results are called output, output_1, ..."""
        outputs = []
        for i, (result, other, name) in enumerate(outs):
            own = f"output_{i}" if i else "output"
            self.nodes.append(helper.make_node("Identity", [name], [own], name=f"to_{own}"))
            outputs.append(_info(own, result, other))
        read = {name for node in self.nodes for name in node.input}
        held = {n: a for n, a in self.constants.items() if n in read}
        constants = [numpy_helper.from_array(a, n) for n, a in held.items()]
        inputs = [_info(n, t, m) for n, t, m in self.inputs]
        graph = helper.make_graph(self.nodes, "gobhir", inputs, outputs, constants)
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR, producer_name="gobhir")


class Values:
    """One op of the recording as engine_nodes.py reads it, and the same of the second run."""

    def __init__(self, record: Record, other: Record):
        self.op = record.op.name
        self.inputs, self.others = record.inputs, other.inputs
        self.settings, self.other_settings = record.settings, other.settings
        self.value, self.other = record.value, other.value

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]

    def array(self, i: int) -> np.ndarray:
        """Input i as numbers."""
        x = self.inputs[i]
        return x.array if isinstance(x, Tensor) else np.asarray(x)

    def given(self, i: int) -> bool:
        """Whether there is an input i."""
        return i < len(self.inputs) and self.inputs[i] is not None

    def leaf(self, i: int) -> bool:
        """Whether input i was not computed by an op."""
        x = self.inputs[i]
        return not (isinstance(x, Tensor) and x._record is not None)


def _info(name: str, first: Tensor, second: Tensor) -> Any:
    kind = helper.np_dtype_to_tensor_dtype(first.array.dtype)
    shape: list[Any] = [
        "batch" if n != m else int(n)
        for n, m in zip(first.array.shape, second.array.shape, strict=True)
    ]
    assert kind != TensorProto.UNDEFINED
    return helper.make_tensor_value_info(name, kind, shape)
