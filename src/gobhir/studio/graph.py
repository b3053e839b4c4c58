"""The network of a step as a graph, where it is no plain chain: a box for each layer, and for each
op between the layers, with the numbers that can be asked about in it."""

from __future__ import annotations

import math
from collections import Counter
from itertools import takewhile
from typing import Any

import numpy as np

from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part
from gobhir.explain.explanation import Explanation
from gobhir.explain.quantity import ancestors
from gobhir.explain.why.influence import inputs_of
from gobhir.explain.why.trace import Node, Place, Trace, home, op_name
from gobhir.studio.picture import short
from gobhir.studio.rows import places

MOST_BOXES = 40
MOST_NUMBERS = 12
"""That a box shows one by one."""
_ASIDE = {"mask", "noise", "running_mean", "running_var", "h", "c"}
"""Inputs of ops that are no data."""


def graph(page: Explanation) -> dict[str, Any] | None:
    """None where the network is too large to be drawn.

    nodes: boxes, from the inputs down, each with its name, kind ("input", "layer", "op", "loss"),
    what it is (`op`), shape, place (x, row), its first numbers and the greatest of its weights'
    gradients, by what `why` calls them; wires: places (x, row) that each goes through; width,
    rows: of the whole."""
    trace = page.trace
    groups = _groups(trace)
    if groups is None:
        return None
    members, edges = groups
    found = places(len(members), edges)
    nodes = [_box(trace, group) for group in members]
    again: Counter[str] = Counter()
    for node, (x, row) in zip(nodes, found.node, strict=True):
        name = node["name"]
        again[name] += 1
        node |= {"x": x, "row": row, "name": name if again[name] == 1 else f"{name}_{again[name]}"}
    rows = 1 + max(row for _, row in found.node)
    return {"nodes": nodes, "wires": found.wires, "width": found.width, "rows": rows}


def _groups(trace: Trace) -> tuple[list[list[Node]], list[tuple[int, int]]] | None:
    """What is drawn as one box, in order, and what goes from which to which: of few enough boxes,
    those that show most."""
    run = trace.run
    needed = ancestors(run.loss)
    records = [r for r in run.tape.records if r in needed]
    deepest = max((run.layer(r).count(".") + 1 for r in records), default=0)
    for depth in range(deepest, 0, -1):
        found = _grouped(trace, records, depth)
        if found is not None and len(found[0]) <= MOST_BOXES:
            return found
    return _grouped(trace, records, 0) if not deepest and len(records) <= MOST_BOXES else None


def _grouped(
    trace: Trace, records: list[Record], depth: int
) -> tuple[list[list[Node]], list[tuple[int, int]]] | None:
    """None where boxes would go round in a circle: a layer that is used, left and used again."""
    box: dict[Node, list[Node]] = {}
    taken: list[tuple[Node, Node]] = []
    for r in records:
        path = _path(trace, r, depth)
        box[r] = [r]
        for word, x in zip((*r.op.inputs, *[""] * len(inputs_of(r))), inputs_of(r), strict=False):
            node = home(x) if isinstance(x, Tensor) else None
            if isinstance(node, Record):
                taken.append((node, r))
                if r.op is Part or (path and _path(trace, node, depth) == path):
                    _join(box, box[node], box[r])
            elif node in trace.given and word not in _ASIDE and _is_data(trace, node):
                box.setdefault(node, [node])
                taken.append((node, r))
    groups = list({id(group): group for group in box.values()}.values())
    number = {id(group): k for k, group in enumerate(groups)}
    edges = {(number[id(box[a])], number[id(box[b])]) for a, b in taken}
    return _in_order(groups, {(a, b) for a, b in edges if a != b})


def _is_data(trace: Trace, node: Any) -> bool:
    """Not what a layer begins with, such as the zeros before an LSTM's first step."""
    asked = node is trace.run.x or node is trace.run.y
    return asked or (math.prod(trace.shape(node)) > 1 and bool(np.any(trace.value(node))))


def _path(trace: Trace, r: Record, depth: int) -> str:
    return ".".join(trace.run.layer(r).split(".")[:depth])


def _join(box: dict[Node, list[Node]], one: list[Node], other: list[Node]) -> None:
    if one is not other:
        one += other
        for node in other:
            box[node] = one


def _in_order(
    groups: list[list[Node]], edges: set[tuple[int, int]]
) -> tuple[list[list[Node]], list[tuple[int, int]]] | None:
    """Numbered so that everything goes from a smaller to a greater number."""
    order: list[int] = []
    left = set(range(len(groups)))
    while left:
        free = [k for k in sorted(left) if not any(b == k and a in left for a, b in edges)]
        if not free:
            return None
        order += free
        left -= set(free)
    place = {k: n for n, k in enumerate(order)}
    return [groups[k] for k in order], sorted((place[a], place[b]) for a, b in edges)


# -- a box ----


def _box(trace: Trace, group: list[Node]) -> dict[str, Any]:
    out = _given_out(trace, group)
    path = _common([trace.run.layer(r) for r in group if isinstance(r, Record)])
    layer = path and not (len(group) == 1 and _holds_others(trace, path))
    kind = "layer" if layer else "op" if isinstance(out, Record) else "input"
    return {
        "name": path if layer else trace.name(out),
        "kind": "loss" if out is trace.run.loss else kind,
        "op": _what(trace, group, path if layer else ""),
        "shape": list(trace.shape(out)),
        "numbers": _numbers(trace, out),
        "weights": _weights(trace, group),
    }


def _holds_others(trace: Trace, path: str) -> bool:
    return any(other.startswith(f"{path}.") for other in trace.run.paths.values())


def _common(paths: list[str]) -> str:
    """The part that all of them begin with."""
    parts = zip(*(path.split(".") for path in paths), strict=False)
    same = takewhile(lambda words: len(set(words)) == 1, parts)
    return ".".join(words[0] for words in same)


def _given_out(trace: Trace, group: list[Node]) -> Node:
    """The record (or leaf) whose value leaves the box."""
    inside = set(group)
    for node in reversed(group):
        users = trace.users.get(node, ())
        named = node in trace.names
        if named and (not users or any(user not in inside for user, _ in users)):
            return node
    return group[-1]


def _what(trace: Trace, group: list[Node], path: str) -> str:
    """The op, or the class of the layer."""
    for node in reversed(group):
        for module in node.scope if isinstance(node, Record) else ():
            if path and trace.run.paths.get(id(module)) == path:
                return type(module).__name__
    return op_name(group[-1]) if isinstance(group[-1], Record) else ""


def _numbers(trace: Trace, node: Node) -> list[list[Any]]:
    """What why calls it, the value, the gradient: of the first numbers, where there are few; else
    of the one with the greatest gradient."""
    shape, value, gradient = trace.shape(node), trace.value(node), trace.gradient(node)
    if isinstance(value, tuple) or node not in trace.names:
        return []
    few = math.prod(shape) <= MOST_NUMBERS
    found = list(np.ndindex(shape)) if few else [trace.representative(node)]
    return [
        [
            trace.at(Place(node, index)),
            short(float(value[index])),
            None if gradient is None else short(float(gradient[index])),
        ]
        for index in found
    ]


def _weights(trace: Trace, group: list[Node]) -> list[list[Any]]:
    """Of each parameter in the box its shape and, of the number with the greatest gradient, what
    why calls it, its value and its gradient."""
    found: dict[Tensor, list[Any]] = {}
    for r in group:
        for x in inputs_of(r) if isinstance(r, Record) else ():
            if isinstance(x, Tensor) and x in trace.run.parameters and x not in found:
                index, gradient = trace.representative(x), trace.gradient(x)
                value = short(float(trace.value(x)[index]))
                slope = None if gradient is None else short(float(gradient[index]))
                name = trace.name(x)
                where = trace.at(Place(x, index)).removeprefix(name)
                found[x] = [name, where, list(x.shape), value, slope]
    return list(found.values())
