"""Why a gradient is zero, or is not there at all: what closes the roads from a number to the loss.

A small change of the number is followed towards the loss, op by op, until nothing is left of it;
where that happens, the op says why: a ReLU whose input is not above 0, a place that did not win
its window, a row that was never looked up. Where backward never came by, the same walk finds the
tensor that was cut off.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import numpy as np

from gobhir.derivation.expression import Num
from gobhir.derivation.rounding import decimals, significant
from gobhir.derivation.step import Count, Say
from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part
from gobhir.engine.op import Family
from gobhir.explain.why.influence import arrays_of, inputs_of, push, push_one
from gobhir.explain.why.terms import one_hot
from gobhir.explain.why.trace import Node, Place, Trace
from gobhir.lift.sparing import BILINEAR, Remembered

RELUS = {"relu", "relu6", "threshold", "hardshrink", "softshrink"}
STEEPEST = {"sigmoid": 0.25, "tanh": 1.0, "softsign": 1.0, "hardsigmoid": 1 / 6, "hardtanh": 1.0}
"""Activations that flatten out on both sides, and their greatest slope."""
FLAT = 0.01
"""Below this part of its greatest slope such a unit counts as saturated."""
_SAID = {
    "max_pool": "not_largest",
    "adaptive_max_pool": "not_largest",
    "dropout": "dropped",
    "alpha_dropout": "dropped",
    "keep": "masked",
    "where": "masked",
    "masked_fill": "masked",
}
# keys: rules.closed.*


def small(x: Any, digits: int = 4) -> Num:
    """A number inside a sentence."""
    return Num(significant(decimals(float(x)), digits))


def reasons(trace: Trace, place: Place) -> list[Say]:
    """What is said of a gradient of exactly zero, or of one that is missing."""
    if trace.gradient(place.node) is None:
        return [_cut(trace, place.node)]
    said: list[Say] = []
    rng = np.random.default_rng(0)
    moving: dict[Node, np.ndarray] = {}
    queue: list[tuple[int, int]] = []
    nodes: dict[int, Node] = {}

    def arrive(node: Node, change: np.ndarray) -> None:
        if node not in moving:
            order = node.order if isinstance(node, Record) else -1
            heapq.heappush(queue, (order, id(node)))
            nodes[id(node)] = node
            moving[node] = change
        else:
            moving[node] = moving[node] + change

    arrive(place.node, one_hot(trace.shape(place.node), place.index, np.dtype(float)))
    while queue:
        node = nodes[heapq.heappop(queue)[1]]
        change = moving.pop(node)
        if node is trace.run.loss:
            return [*said, Say("rules.closed.cancel")]
        for record, i in trace.users.get(node, ()):
            if not inputs_of(record)[i].requires_grad or record.edges[i] is None:
                continue
            if node is place.node:
                moved = push_one(trace.tape, record, i, place.index)
            else:
                moved = push(trace.tape, record, i, change)
            for reached, part in _results(trace, record, moved):
                if np.any(part):  # go on without signs, of drawn sizes, so that nothing cancels
                    arrive(reached, np.abs(part) * rng.uniform(0.5, 1.5, np.shape(part)))
            closed = _closed(trace, record, i, change, moved)
            if closed is not None and closed not in said:
                said.append(closed)
    return said


def _results(trace: Trace, record: Record, moved: Any) -> Iterator[tuple[Record, np.ndarray]]:
    if isinstance(moved, tuple):
        for part, _ in trace.users.get(record, ()):
            if part.op is Part:
                yield part, moved[part.settings["place"]]
    elif moved is not None:
        yield record, moved


def _closed(trace: Trace, record: Record, i: int, change: np.ndarray, moved: Any) -> Say | None:
    """The sentence where this op lets nothing (or not all of it) through."""
    if isinstance(moved, tuple):
        return None
    op, name = record.op, trace.name(record)
    if op.family is Family.ELEMENTWISE and moved is not None:
        came = np.broadcast_to(change, moved.shape) != 0
        shut = came & (moved == 0)
        return _shut(trace, record, i, shut, int(came.sum())) if shut.any() else None
    if moved is not None and np.any(moved):
        return None
    if moved is None and op.family is Family.OPAQUE:
        return Say("rules.why.unseen", {"place": trace.name(record), "ops": f"`{op.name}`"})
    if op.name == "embedding" and i == 1:
        row = int(np.flatnonzero(change.any(axis=1))[0])
        return Say("rules.closed.never_drawn", {"row": str(row), "layer": _layer(trace, record)})
    if op.name in BILINEAR and i < 2:
        if i == 1:
            return Say("rules.closed.input_zero", {"name": name, "input": _came(trace, record)})
        return Say("rules.closed.weights_zero", {"name": name})
    if op.family is Family.LOSS:
        return Say("rules.closed.loss", {"name": name})
    if op.family is Family.GATHER and op.name not in _SAID:
        return Say("rules.closed.not_picked", {"name": name, "op": op.name})
    return Say(f"rules.closed.{_SAID.get(op.name, 'op')}", {"name": name, "op": op.name})


def _shut(trace: Trace, record: Record, i: int, shut: np.ndarray, came: int) -> Say:
    """An op number by number whose slope is zero at these places."""
    op, name = record.op, trace.name(record)
    z = np.broadcast_to(arrays_of(trace.tape, record)[i], shut.shape)
    where = tuple(int(k) for k in np.argwhere(shut)[0])
    at = trace.at(Place(record, where))
    if op.name in STEEPEST:
        far = float(np.abs(z[shut]).min())
        most = small(STEEPEST[op.name], 2)
        return Say("rules.closed.saturated_flat", {"at": at, "far": small(far), "most": most})
    if op.name not in RELUS:
        key = _SAID.get(op.name, "op")
        return Say(f"rules.closed.{key}", {"name": at, "op": op.name})
    count, highest = int(shut.sum()), float(z[shut].max())
    whole = _unit_everywhere(trace, record, i, where)
    if whole is not None and whole[0] == whole[1]:
        every, top = Count(whole[1]), small(whole[2])
        return Say("rules.closed.dead_batch", {"at": at, "count": every, "z": top})
    if count == 1 and came == 1:
        open_for = {} if whole is None else {"open": Count(whole[1] - whole[0])}
        key = "rules.closed.dead_one" if whole is None else "rules.closed.dead_example"
        counted = {} if whole is None else {"count": Count(whole[1])}
        return Say(key, {"at": at, "z": small(highest), **open_for, **counted})
    places = {"shut": Count(count), "came": Count(came), "z": small(highest)}
    return Say("rules.closed.dead_places", {"name": name, **places})


def _unit_everywhere(
    trace: Trace, record: Record, i: int, where: tuple[int, ...]
) -> tuple[int, int, float] | None:
    """Of the same unit (a channel of a map, at all its places): for how many of the batch's
    numbers it is shut, how many there are, its largest input. None without a batch."""
    value = record.value
    if value.ndim < 2 or value.shape[0] < 2:
        return None
    unit: Any = (slice(None), where[1]) if value.ndim > 3 else (slice(None), *where[1:])
    slopes = push(trace.tape, record, i, np.ones_like(arrays_of(trace.tape, record)[i]))
    z = np.broadcast_to(arrays_of(trace.tape, record)[i], value.shape)[unit]
    return int((slopes[unit] == 0).sum()), int(z.size), float(z.max())


def _layer(trace: Trace, record: Record) -> str:
    return trace.run.layer(record) or record.op.name


def _came(trace: Trace, record: Record) -> str:
    x = inputs_of(record)[0]
    node = x if x._record is None else x._record
    return trace.name(node)


def saturated(trace: Trace, record: Record, place: Place, slope: float) -> Say | None:
    """A remark where the road leads through a unit that hardly reacts any more."""
    most = STEEPEST.get(record.op.name)
    if most is None or abs(slope) >= FLAT * most:
        return None
    z = float(np.broadcast_to(arrays_of(trace.tape, record)[0], record.value.shape)[place.index])
    values = {"at": trace.at(place), "z": small(z), "slope": small(slope, 2)}
    return Say("rules.closed.saturated", {**values, "most": small(most, 2)})


# -- no gradient at all ----


def _cut(trace: Trace, node: Node) -> Say:
    """Why backward never came to this tensor."""
    name = trace.name(node)
    if isinstance(node, Tensor) and not node.requires_grad:
        kind = "frozen" if trace.is_parameter(node) else "given"
        return Say(f"rules.closed.{kind}", {"name": name})
        # keys: rules.closed.frozen, rules.closed.given
    if node not in trace.users:
        kind = "unused" if isinstance(node, Tensor) else "not_for_loss"
        return Say(f"rules.closed.{kind}", {"name": name})
    seen: set[Node] = {node}
    todo = [node]
    ends: list[Node] = []
    while todo:
        here = todo.pop()
        users = trace.users.get(here, [])
        if isinstance(here, Record) and (end := _ended(trace, here)) is not None:
            return end
        if not users:
            ends.append(here)
        for record, _ in users:
            if record not in seen and trace.gradient(record) is None:
                seen.add(record)
                todo.append(record)
    last = trace.name(ends[-1]) if ends else name
    return Say("rules.closed.not_for_loss", {"name": last})


def _ended(trace: Trace, record: Record) -> Say | None:
    """Whether the history ends with this result: detached, or computed under no_grad."""
    name = trace.name(record)
    for other in trace.tape.records:
        for x in inputs_of(other):
            if isinstance(x, Tensor) and x._record is None and _same_memory(x, record):
                return Say("rules.closed.detached", {"name": name})
    reached = any(isinstance(x, Tensor) and x.requires_grad for x in inputs_of(record))
    used = [inputs_of(u)[i] for u, i in trace.users.get(record, ())]
    if reached and used and not any(x.requires_grad for x in used):
        return Say("rules.closed.no_grad", {"name": name, "op": record.op.name})
    return None


def _same_memory(x: Tensor, record: Record) -> bool:
    own = record.value
    if isinstance(x, Remembered) or isinstance(own, tuple):
        return False
    return own.size > 0 and np.may_share_memory(x.array, own)
