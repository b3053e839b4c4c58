"""A reading laid out as a page, first half: what there is, forward, loss.

This is the order and the completeness of a good teacher at the board: the formula for all, one
element with nothing skipped, the others in a table. backward.py, update.py, after.py go on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.arrays import Transposed
from gobhir.derivation.expression import (
    Expr,
    Function,
    Index,
    Name,
    Num,
    Power,
    Product,
    Sym,
    named_at,
)
from gobhir.derivation.places import Rearranged, Reshaped, Scattered, Spread
from gobhir.derivation.rounding import decimals, each, significant
from gobhir.derivation.step import Count, Line, Piece, Say, Section, Step, Table
from gobhir.engine import Tensor
from gobhir.engine.op import Family
from gobhir.explain.pages import attention, board, recurrent
from gobhir.explain.pages import ctc as ctc_page
from gobhir.explain.pages import matrices as matrices_page
from gobhir.explain.pages.lines import WIDEST, distance, dots, element_line, inline
from gobhir.explain.pages.maps import deep, maps
from gobhir.explain.pages.schedule import rate
from gobhir.explain.quantity import Quantity, size
from gobhir.explain.reading import Reading
from gobhir.explain.rules import ctc, matrices
from gobhir.explain.rules.classes import shown as shown_class
from gobhir.explain.rules.losses import told, weights_told
from gobhir.lang import catalogue

GIVEN = 6
"""Significant digits with which the givens are shown in exact mode."""
ACTIVATIONS = {"sigmoid", "tanh", "relu", "leaky_relu"}


def shapes_of(q: Quantity) -> dict[str, tuple[int, ...]]:
    """The operands' names and shapes, as a step states them."""
    named = [] if q.expr is None else [n for n in q.expr.walk() if isinstance(n, Sym)]
    return {f"{n.name.base}{n.name.layer or ''}": n.shape for n in named}


def largest(q: Quantity) -> Index:
    """Where the largest number stands: the element that the page shows in full."""
    values = np.abs(np.asarray(q.exact, float))
    return tuple(int(i) for i in np.unravel_index(int(values.argmax()), values.shape))


# -- 0. what there is ----


def start(r: Reading) -> Section:
    """The givens: input, parameters, target, the optimizer's numbers."""
    order = {"input": 0, "constant": 1, "parameter": 2, "target": 3}
    given = sorted((q for q in r.quantities.values() if q.given), key=lambda q: order[q.given])
    pieces: list[Piece] = []
    for q in given:
        whole = Line(q.sym, (Num(_shown(q, r.mode)),), _rounding_distance(q, r.mode), q.exact)
        pieces += maps(r, q) if deep(q) else [whole]
    if r.run.optimizer is not None and r.run.tape.updates:
        lr = r.run.tape.updates[0].hyper.get("lr")
        if lr is not None:  # Rprop needs it for its first step only
            pieces.append(Line(Name("eta"), (Num(rate(r.run.tape.updates[0], r.mode)),)))
    pieces += _names(r)
    layers = (q for q in given if q.name.base == "W" and len(q.shape) == 2)
    first = next((q for q in layers if min(q.shape) > 1), None)
    if first is not None:
        key, index = "rules.start.weights", ("j", "i")
        if r.turned(first):
            key, index = "rules.start.weights_columns", ("i", "j")
        pieces.append(Say(key, {"w": Name("w", index=index), "W": first.sym}))
    if any(q.name.base == "X" and len(q.shape) == 2 for q in given):
        steps = (
            (r.run.layers or r.run.blocks) and r.run.x is not None and r.run.x.ndim == 3
        )  # one example: its rows are steps in time
        pieces.append(Say("rules.start.sequence" if steps else "rules.start.batch"))
    if r.mode == "hand" and any(_rounding_distance(q, r.mode) for q in given):
        pieces.append(Say("rules.start.rounded"))
    return Section("start", (Step("start", "start", "start", "", "", {}, tuple(pieces)),))


def _names(r: Reading) -> list[Piece]:
    """Which letter is which parameter, where the model has names of its own for its layers."""
    parameters = r.run.parameters
    if not any(c.isalpha() for t in parameters for c in r.run.layer_of(t)):
        return []
    rows = [
        (f"`{parameters[t]}`", q.sym.name, " × ".join(map(str, t.shape)))
        for t, q in r.quantities.items()
        if isinstance(t, Tensor) and t in parameters
    ]
    return [Say("rules.start.names"), Table(("", "", ""), tuple(rows))]


def _shown(q: Quantity, mode: str) -> Any:
    if mode == "hand":
        return q.sym.value
    if size(q.shape) > 4096:
        return q.exact
    return each(lambda v: significant(v, GIVEN), decimals(q.exact))


def _rounding_distance(q: Quantity, mode: str) -> float | None:
    off = distance(q.sym.value, q.exact) if mode == "hand" and size(q.shape) <= 4096 else 0.0
    return off if off > 0 else None


# -- 1. forward ----


def forward(r: Reading) -> Section:
    """The model's own ops, in the order in which they ran."""
    inside = [q for q in r.computed if q.record is not None and q.record.order <= r.run.boundary]
    told = recurrent.forward(r, inside) | attention.forward(r, inside)
    plain = [q for q in inside if q.record not in told]
    steps: list[Step] = []
    for q in inside:
        own = told.get(q.record)
        if own is None:
            steps.append(_forward_step(r, plain, plain.index(q)))
        elif own not in steps:
            steps.append(own)
    return Section("forward", tuple(steps))


def _forward_step(r: Reading, inside: list[Quantity], k: int) -> Step:
    q = inside[k]
    assert q.record is not None
    op = q.record.op
    after = inside[k + 1] if k + 1 < len(inside) else None
    before = inside[k - 1] if k else None
    pieces: list[Piece]
    own = None if q.expr is None else board.shown(r, q)
    if op.name in matrices.OPS:
        rule, pieces = "linear", matrices_page.forward(r, q)
    elif q.expr is None:
        rule, pieces = "opaque", opaque(q)
    elif own is not None:
        rule, pieces = op.family.value, own
    elif op.family is Family.LINEAR:
        rule, pieces = "linear", _linear(r, q, after, first=before is None)
    elif op.name in ACTIVATIONS and _stands_alone(q):
        rule, pieces = "activation", _activation(r, q, before)
    else:
        rule, pieces = op.family.value, _plain(r, q)
    return Step(
        f"forward.{k}", f"{rule}.forward", "forward", op.name, q.layer, shapes_of(q), tuple(pieces)
    )


def _follows(after: Quantity | None, q: Quantity) -> bool:
    """Whether `after` is the activation of exactly this weighted sum."""
    if after is None or after.expr is None or after.record is None or deep(q):
        return False
    return after.record.op.name in ACTIVATIONS and any(n is q.sym for n in after.expr.walk())


def _linear(r: Reading, q: Quantity, after: Quantity | None, first: bool) -> list[Piece]:
    squashed = _follows(after, q)
    assert q.expr is not None
    if first:
        pieces: list[Piece] = [Say("rules.linear.two_things" if squashed else "rules.linear.sum")]
    else:
        pieces = [Say("rules.linear.next", {"inputs": Count(_fan_in(q))})]
    pieces.append(Line(q.sym, (q.expr,)))
    if squashed:
        assert after is not None
        pieces.append(Line(after.sym, (_by_name(after),)))
    pieces.append(_one_neuron(q, len(q.shape) >= 2))
    index = (0,) * len(q.shape)
    pieces.append(element_line(q, index, r.mode))
    if r.mode == "exact":
        pieces += dots(q.expr, index, q.shape)
    if not squashed and size(q.shape) > 1:
        pieces += [Say(_rest(r, q)), *table([q], r)]
    return pieces


def _rest(r: Reading, q: Quantity) -> str:
    """Of which weights each of the others is made."""
    use = r.use(q)
    turned = use is not None and len(use.operands) > 1 and isinstance(use.operands[1], Transposed)
    return "rules.linear.rest_columns" if turned else "rules.linear.rest"


def _fan_in(q: Quantity) -> int:
    assert q.record is not None
    W = q.record.inputs[1]
    return W.shape[-1] if q.record.op.name == "linear" else W.shape[0]


def _one_neuron(q: Quantity, batch: bool) -> Say:
    if size(q.shape) == 1:
        return Say("rules.linear.only_neuron")
    if batch:
        neuron = "rules.linear.one_of_batch" if q.shape[-1] > 1 else "rules.linear.example_of_batch"
        if q.record is not None and q.record.value.ndim > 2:  # one example: its rows are places
            neuron = "rules.linear.one_of_places"
        return Say(neuron, {"n": Count(1), "j": Count(1)})
    return Say("rules.linear.one_neuron", {"j": Count(1)})


def _by_name(q: Quantity) -> Expr:
    assert q.record is not None and q.expr is not None
    inner = next(n for n in q.expr.walk() if isinstance(n, Sym))
    return Function(q.record.op.name, (inner,))


def _stands_alone(q: Quantity) -> bool:
    """Whether the operand has a name, so that the function can be written of it."""
    assert q.expr is not None
    return all(n.shape == q.shape for n in q.expr.walk() if isinstance(n, Sym))


def _activation(r: Reading, q: Quantity, before: Quantity | None) -> list[Piece]:
    pieces: list[Piece] = []
    index = largest(q) if deep(q) else (0,) * len(q.shape)
    assert q.expr is not None
    # tanh is its own formula; the others are first shown by name.
    by_name = () if isinstance(q.expr, Function) else (_by_name(q).at(index),)
    paired = before is not None and _follows(q, before)
    if not paired:
        pieces += [Say("rules.activation.alone"), Line(q.sym, (_by_name(q),))]
    pieces.append(element_line(q, index, r.mode, first=by_name))
    if size(q.shape) > 1:
        assert before is not None or not paired
        rows = [before, q] if paired and before is not None else [q]
        weighted = paired and before is not None and before.expr is not None
        pieces += [Say(_rest(r, rows[0]) if weighted else "rules.family.rest"), *table(rows, r)]
    return pieces


def _plain(r: Reading, q: Quantity) -> list[Piece]:
    """Any other op with a rule: its formula, one element, all results."""
    assert q.record is not None and q.expr is not None
    keys = {"op": q.record.op.name, "shape": str(q.shape)}
    pieces: list[Piece] = _own(q) or [Say(f"rules.family.{q.record.op.family.value}", keys)]
    # keys: rules.family.*
    if size(q.shape) == 1:
        return [*pieces, element_line(q, (0,) * len(q.shape), r.mode)]
    pieces.append(Line(q.sym, (q.expr,)))
    pieces.append(element_line(q, (0,) * len(q.shape), r.mode))
    return [*pieces, Say("rules.family.rest"), *table([q], r)]


def _own(q: Quantity) -> list[Piece]:
    """The op's own sentence, where a teacher has one."""
    assert q.record is not None
    moved = q.expr
    while isinstance(moved, (Reshaped, Spread)):  # nobody sees these
        moved = moved.body
    key = f"rules.op.{q.record.op.name}"
    if q.record.op.name == "prelu" and not q.record.inputs[1].requires_grad:
        key = "rules.activation.drawn"
    if isinstance(moved, (Rearranged, Scattered)) and f"rules.op.{moved.label}" in catalogue("en"):
        key = f"rules.op.{moved.label}"
    return [Say(key)] if key in catalogue("en") else []


def opaque(q: Quantity) -> list[Piece]:
    """No rule: what it does, its name, shapes, values."""
    assert q.record is not None
    shapes = ", ".join(str(tuple(getattr(x, "shape", ()))) for x in q.record.inputs)
    return [
        *_own(q),
        Say("rules.opaque.shown", {"op": q.record.op.name, "shapes": shapes, "out": str(q.shape)}),
        Line(q.sym, (Num(q.sym.value),)),
    ]


def table(rows: list[Quantity], r: Reading) -> list[Piece]:
    """Neurons across; for each example, each quantity a row. Of large ones a part, and says so;
    what has more dimensions comes as maps."""
    q = rows[0]
    if deep(q):
        return [piece for row in rows for piece in maps(r, row)]
    batch = len(q.shape) >= 2
    width = q.shape[-1] if q.shape else 1
    columns = list(range(width)) if width <= WIDEST else [*range(WIDEST - 2), width - 1]
    examples = range(min(q.shape[0], WIDEST)) if batch else [None]
    across = "answer" if _is_of_each(r, q) else "neuron"
    head: list[Any] = [None, *(Say(f"rules.table.{across}", {"j": Count(j + 1)}) for j in columns)]
    out = []
    for n in examples:
        for row in rows:
            cells = np.reshape(row.sym.value, (-1, width))[n or 0]
            label = _row_name(row.name, n)
            places = [(j,) if n is None else (n, j) for j in columns]
            named = [
                named_at(row.name, place[len(place) - len(row.shape) :], row.shape)
                for place in places
            ]
            cells = [inline(cells[j], of=of) for j, of in zip(columns, named, strict=True)]
            out.append((label, *cells))
    worst = max(distance(row.sym.value, row.truth) for row in rows)
    whole: list[Piece] = [Table(tuple(head), tuple(out), worst)]
    if len(columns) < width or (batch and len(examples) < q.shape[0]):
        total = Count(q.shape[0]) if batch else Count(1)
        shown = {"examples": Count(len(examples)), "total": total}
        neurons = {"neurons": Count(len(columns)), "width": Count(width)}
        part = "part" if batch else "part_of_answers" if across == "answer" else "part_of_one"
        whole.append(Say(f"rules.table.{part}", shown | neurons))
    return whole


# keys: rules.table.*


def _is_of_each(r: Reading, q: Quantity) -> bool:
    """Whether it is one number (a loss) for each answer of the model's."""
    out = r.quantities.get(r.run.output)
    after = q.record is not None and q.record.order > r.run.boundary
    return after and out is not None and len(out.shape) > 1 and q.shape == (size(out.shape[:-1]),)


def _row_name(name: Name, n: int | None) -> Name:
    index: tuple[int | str, ...] = ("j",) if n is None else (n + 1, "j")
    return Name(name.element or name.base, name.layer, index, None, name.partial)


# -- 2. loss ----


def loss_section(r: Reading) -> Section:
    """Everything after the model, up to the one number."""
    outside = [q for q in r.computed if q.record is not None and q.record.order > r.run.boundary]
    steps = []
    for k, q in enumerate(outside):
        pieces: list[Piece] = []
        if k == 0 and (asked := _wanted(r)) is not None:
            pieces.append(asked)
        assert q.record is not None
        helpers = r.helpers.get(q.record, [])
        if q.record.op.name == ctc.OP:
            pieces += ctc_page.forward(r, q)
            helpers = []
        if helpers:
            pieces += _probabilities(r, helpers[0])
        if q.record.op.family is Family.LOSS:
            pieces += told(q.record)
        elif q.record.op.family is Family.REDUCTION:
            pieces += weights_told(q.record)
        for h in helpers[1:]:
            assert h.expr is not None and helpers[0].record is not None
            at = shown_class(helpers[0].record, h.shape)
            pieces += [Say("rules.classes.asked"), Line(h.sym, (h.expr,))]
            pieces += [element_line(h, at, r.mode), *table([h], r)]
        known = q.record.op.name in matrices.OPS
        if known:
            pieces += matrices_page.forward(r, q)
        elif q.expr is None:
            pieces += opaque(q)
        else:
            pieces.append(element_line(q, (0,) * len(q.shape), r.mode))
        if q.expr is not None and not known and size(q.shape) > 1:
            pieces += table([q], r)
        if q.record is r.run.loss:
            pieces += _remarks(r, q)
        steps.append(
            Step(
                f"loss.{k}",
                f"{q.record.op.family.value}.forward",
                "loss",
                q.record.op.name,
                q.layer,
                shapes_of(q),
                tuple(pieces),
            )
        )
    return Section("loss", tuple(steps))


def _probabilities(r: Reading, p: Quantity) -> list[Piece]:
    """Softmax, for the class whose probability counts most."""
    assert p.expr is not None and p.record is not None
    return [
        Say("rules.loss.softmax"),
        Line(p.sym, (p.expr,)),
        element_line(p, shown_class(p.record, p.shape), r.mode),
        Say("rules.loss.probabilities"),
        *table([p], r),
    ]


def _wanted(r: Reading) -> Say | None:
    output = r.quantities.get(r.run.output)
    target = None if r.run.y is None else r.quantities.get(r.run.y)
    if output is None or target is None:
        return None
    if size(output.shape) == 1 and size(target.shape) == 1 and not r.run.loss_takes_logits:
        got = inline(output.sym.value, of=output.name)
        wanted = inline(target.sym.value, of=target.name)
        return Say("rules.loss.wanted", {"y": target.sym, "wanted": wanted, "got": got})
    return Say("rules.loss.compare", {"output": output.sym, "target": target.sym})


def _remarks(r: Reading, q: Quantity) -> list[Piece]:
    if q.expr is None or q.record is None or q.record.op.family is Family.LOSS:
        return []
    half = isinstance(q.expr, Product) and any(
        isinstance(t, Num) and t.constant and str(t.value) == "0.5" for t in q.expr.terms
    )
    squared = any(isinstance(n, Power) and _is_two(n.right) for n in q.expr.walk())
    return [Say("rules.loss.half")] if half and squared else []


def _is_two(e: Expr) -> bool:
    return isinstance(e, Num) and e.constant and e.value == 2
