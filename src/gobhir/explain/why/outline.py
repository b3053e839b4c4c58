"""A big step as an outline: its layers, one inside the other, each closed until it is opened.

In a layer: what it does, shapes, statistics of what came out, of the gradients and the parameters,
one number of it in full (the one with the greatest gradient), its update.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir.derivation.step import (
    Count,
    Derivation,
    Fold,
    Piece,
    Say,
    Section,
    Step,
    Table,
)
from gobhir.engine import Record, Tensor
from gobhir.engine.apply import Part
from gobhir.engine.op import Family
from gobhir.explain.pages.after import loss_after
from gobhir.explain.why.closed import small
from gobhir.explain.why.figures import Figures, figures
from gobhir.explain.why.influence import inputs_of
from gobhir.explain.why.trace import Place, Trace
from gobhir.explain.why.why import gradient, one_update, value
from gobhir.lang import catalogue

HEAD = ("", r"$\mu$", r"$\sigma$", "$= 0$", r"$\max$")


@dataclass(eq=False)
class Layer:
    """A module (or a single op outside of any): the ops that ran in it, the layers inside."""

    path: str
    kind: str
    records: list[Record] = field(default_factory=list)
    inside: dict[str, Layer] = field(default_factory=dict)

    def walk(self) -> Iterator[Layer]:
        """This layer and all inside it."""
        yield self
        for layer in self.inside.values():
            yield from layer.walk()

    @property
    def last(self) -> Record | None:
        """The op whose result is the layer's own."""
        latest = [r for layer in self.walk() for r in layer.records]
        return max(latest, key=lambda r: r.order, default=None)


def layers(trace: Trace) -> Layer:
    """The model's layers in the order in which they ran, as a tree."""
    run = trace.run
    root = Layer("", type(run.model).__name__ if run.model is not None else "")
    for record in run.tape.records:
        if record.order > run.boundary or isinstance(record.value, tuple):
            continue
        if record.op is Part and trace.name(record) not in run.paths.values():
            continue  # what an op keeps for its own way back
        here = root
        for module in record.scope:
            path = run.paths.get(id(module), "")
            if path:
                layer = Layer(path, type(module).__name__)
                here = here.inside.setdefault(path, layer)
        here.records.append(record)
    for layer in list(root.walk()):
        if layer.inside or layer is root:  # its own ops stand between the layers inside it
            for record in layer.records:
                name = trace.name(record)
                layer.inside[name + " "] = Layer(name, record.op.name, [record])
            layer.records = []
            ordered = sorted(layer.inside.items(), key=lambda item: _started(item[1]))
            layer.inside = dict(ordered)
    return root


def _started(layer: Layer) -> int:
    return min(r.order for one in layer.walk() for r in one.records)


def outline(trace: Trace) -> tuple[Section, ...]:
    """The sections of a folded page."""
    run, root = trace.run, layers(trace)
    parts: list[Piece] = [_fold(trace, layer) for layer in root.inside.values()]
    parts.append(_total(trace, root))
    unruled = sorted({r.op.name for r in run.tape.records if not _has_rule(r)})
    if unruled:
        parts.append(Say("rules.outline.unruled", {"ops": ", ".join(f"`{n}`" for n in unruled)}))
    sections = [
        _section("start", _given(trace)),
        _section("layers", [Say("rules.outline.how"), *parts]),
        _section("loss", _first(value(trace, Place(run.loss, _zeros(run.loss.value))))),
    ]
    if run.tape.updates:
        sections.append(_section("update", _updated(trace)))
    if run.after is not None:
        sections.append(_section("after", loss_after(trace)))
    return tuple(sections)


def opened(trace: Trace, path: str) -> Derivation | None:
    """One layer of the outline by its path, with all that it holds; None where there is none."""
    for layer in layers(trace).walk():
        if layer.path == path and path:
            held = _pieces(trace, layer)
            step = Step("layer", "outline", "layers", "", path, {}, tuple(held))
            return Derivation(_heading(trace, layer), (), (Section("layers", (step,)),), "exact")
    return None


def _section(phase: str, pieces: Sequence[Piece]) -> Section:
    return Section(phase, (Step(phase, "outline", phase, "", "", {}, tuple(pieces)),))


def _zeros(array: np.ndarray) -> tuple[int, ...]:
    return (0,) * array.ndim


def _first(steps: Iterator[Step]) -> tuple[Piece, ...]:
    return next(steps).pieces


def _has_rule(record: Record) -> bool:
    return record.op.family is not Family.OPAQUE and bool(record.op.formula)


# -- a layer ----


def _fold(trace: Trace, layer: Layer) -> Fold:
    return Fold(_heading(trace, layer), tuple(_pieces(trace, layer)))


def _heading(trace: Trace, layer: Layer) -> Say:
    last = layer.last
    shape = "" if last is None else str(tuple(last.value.shape))
    own = _parameters(trace, layer)
    count = sum(math.prod(t.shape) for t in own)
    key = "rules.outline.layer" if count else "rules.outline.plain"
    values = {"path": layer.path, "kind": layer.kind, "shape": shape, "count": f"{count:,}"}
    return Say(key, values)


def _parameters(trace: Trace, layer: Layer) -> list[Tensor]:
    used = (x for one in layer.walk() for r in one.records for x in _inputs(r))
    mine = trace.run.parameters
    return list(dict.fromkeys(x for x in used if isinstance(x, Tensor) and x in mine))


def _inputs(record: Record) -> tuple[Any, ...]:
    if record.op is Part:
        return inputs_of(inputs_of(record)[0]._record)
    return inputs_of(record)


def _pieces(trace: Trace, layer: Layer) -> list[Piece]:
    pieces: list[Piece] = [_fold(trace, inner) for inner in layer.inside.values()]
    last = layer.last
    if layer.inside or last is None:
        return pieces
    own = _parameters(trace, layer)
    pieces += [_does(record) for record in layer.records[:1]]
    pieces += [Say("rules.outline.figures"), _statistics(trace, last, own)]
    pieces += _in_full(trace, last, own)
    return pieces


def _does(record: Record) -> Say:
    op = record.op
    if op is Part:
        op = inputs_of(record)[0]._record.op
    key = f"rules.op.{op.name}"
    return Say(key if key in catalogue("en") else f"rules.kind.{op.family.value}")
    # keys: rules.kind.*


def _in_full(trace: Trace, last: Record, own: list[Tensor]) -> list[Piece]:
    """One number that the layer gives out and one of its parameters: both where the gradient is
    greatest."""
    pieces: list[Piece] = [Say("rules.outline.one")]
    pieces += _first(value(trace, Place(last, trace.representative(last))))
    if not own:
        pieces += _first(gradient(trace, Place(last, trace.representative(last))))
        return pieces
    place = Place(own[0], trace.representative(own[0]))
    pieces += _first(gradient(trace, place))
    update = trace.updates.get(own[0])
    if update is not None:
        pieces += one_update(update, place.index)
    return pieces


# -- statistics ----


def _statistics(trace: Trace, last: Record, own: list[Tensor]) -> Table:
    rows: list[tuple[Any, ...]] = []
    nodes: list[Record | Tensor] = [last, *own]
    for node in reversed(nodes):  # the weight last: of it there is more to come
        name = trace.name(node)
        said = {"value": name, "grad": f"∂L/∂{name}", "change": f"Δ{name}"}
        found = {kind: trace.figures(node, kind) for kind in said}
        rows[:0] = [_row(said[kind], f) for kind, f in found.items() if f is not None]
    return Table(HEAD, tuple(rows))


def _row(name: str, f: Figures) -> tuple[Any, ...]:
    return (
        f"`{name}`",
        small(f.mean, 3),
        small(f.spread, 3),
        f"{f.zeros:.0%}",
        small(f.largest, 3),
    )


# -- around the layers ----


def _given(trace: Trace) -> list[Piece]:
    run = trace.run
    count = sum(math.prod(t.shape) for t in run.parameters)
    pieces: list[Piece] = []
    if run.x is not None:
        shape = str(tuple(run.x.shape))
        pieces.append(Say("rules.outline.given", {"shape": shape, "count": f"{count:,}"}))
    rows = [
        _row(trace.name(t), figures(t.array))
        for t in (run.x, run.y)
        if t is not None and t.array.dtype.kind == "f"
    ]
    if rows:
        pieces += [Say("rules.outline.figures"), Table(HEAD, tuple(rows))]
    return pieces


def _total(trace: Trace, root: Layer) -> Say:
    leaves = [layer for layer in root.walk() if not layer.inside]
    values = {
        "layers": Count(len(leaves)),
        "parameters": f"{sum(math.prod(t.shape) for t in trace.run.parameters):,}",
        "numbers": f"{sum(r.value.size for one in leaves for r in one.records):,}",
    }
    return Say("rules.outline.total", values)


def _updated(trace: Trace) -> list[Piece]:
    """How far each parameter moved, beside its own size."""
    updates = [u for u in trace.tape.updates if u.parameter in trace.names]
    moved = []
    for u in updates:
        value, change = trace.figures(u.parameter), trace.figures(u.parameter, "change")
        assert value is not None and change is not None
        size, by = value.length, change.length
        moved.append((by / size if size else 0.0, u, by, size))
    moved.sort(key=lambda m: -m[0])
    smallest = min(updates, key=lambda u: math.prod(u.parameter.shape), default=None)
    name = "" if smallest is None else type(smallest.optimizer).__name__
    pieces: list[Piece] = [
        Say("rules.outline.moved", {"optimizer": name, "count": Count(len(updates))})
    ]
    rows = tuple(
        (f"`{trace.name(u.parameter)}`", small(by, 3), small(size, 3), f"{ratio:.2%}")
        for ratio, u, by, size in moved[:8]
    )
    head = ("", r"$\lVert\Delta w\rVert$", r"$\lVert w\rVert$", "%")
    return [*pieces, Table(head, rows)]
