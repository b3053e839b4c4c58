"""Why is this number this number? Of a network of any size: its sum, the largest terms, the signed
rest, the share covered; then the same question for the greatest term, down to the loss (for a
gradient) or to what came in (for a value)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Index, Name, Num, Sum, Sym
from gobhir.derivation.formula import read, tidy
from gobhir.derivation.rounding import decimals, result
from gobhir.derivation.step import Count, Derivation, Line, Piece, Say, Section, Step, Table
from gobhir.engine import Record, Tensor
from gobhir.engine.op import Family
from gobhir.explain.pages.lines import scalar_line
from gobhir.explain.pages.update import SYMBOLS, as_a_whole, called, is_last
from gobhir.explain.why.closed import reasons, saturated, small
from gobhir.explain.why.influence import arrays_of, inputs_of
from gobhir.explain.why.terms import Term, Terms, of_gradient, of_influence, of_value
from gobhir.explain.why.trace import Node, Place, Trace, home, op_name
from gobhir.lang import say

CANCELLED = 1e-6
"""A sum this small beside the sizes of its terms is what rounding left of nothing."""
PHASES = {"grad": "backward", "value": "forward", "change": "update"}
_GRADIENT_HEAD = (
    "",
    r"$\partial u/\partial x$",
    r"$\partial L/\partial u$",
    r"$\partial u/\partial x \cdot \partial L/\partial u$",
)
_VALUE_HEAD = ("", "$w$", "$u$", "$wu$")


def answer(trace: Trace, asked: str, layers: int | None = None) -> Derivation:
    """The page that answers why("fc1.weight[1, 2]"), why("fc1[0, 3]"), why("loss"), ... layers:
    how many of them it goes down; None for all."""
    found = trace.find(asked)
    kind, index = found.kind, found.index
    place = Place(found.node, trace.representative(found.node) if index is None else index)
    steps = {"grad": gradient, "value": value, "change": change}[kind]
    key = "rules.why.title_change" if kind == "change" else "rules.why.title_of"
    name = trace.at(place) if kind != "grad" else f"∂L/∂{trace.at(place)}"
    told = _numbered(islice(steps(trace, place), layers))
    section = Section(PHASES[kind], tuple(told))
    return Derivation(Say(key, {"name": name}), (), (section,), "exact")


def _numbered(steps: Iterator[Step]) -> Iterator[Step]:
    for k, s in enumerate(steps):
        yield Step(f"why.{k}", s.rule, s.phase, s.op, s.layer, s.operands, s.pieces)


def _step(trace: Trace, node: Node, phase: str, pieces: list[Piece]) -> Step:
    op, layer = "", ""
    if isinstance(node, Record):
        op, layer = node.op.name, trace.run.layer(node)
    else:
        layer = trace.run.layer_of(node)
    operands = {trace.name(node): trace.shape(node)}
    return Step("why", "why", phase, op, layer, operands, tuple(pieces))


# -- a gradient ----


def gradient(trace: Trace, place: Place) -> Iterator[Step]:
    """dL/d(number), one layer after the other until the loss."""
    here: Place | None = place
    while here is not None:
        g = trace.gradient(here.node)
        worth = 0.0 if g is None else float(g[here.index])
        pieces: list[Piece] = [_gradient_is(trace, here, g is None, worth)]
        if g is None or worth == 0:
            yield _step(trace, here.node, "backward", [*pieces, *reasons(trace, here)])
            return
        if here.node is trace.run.loss:
            yield _step(trace, here.node, "backward", [Say("rules.why.at_loss")])
            return
        terms = of_gradient(trace, here)
        start, road = here, []
        while terms.count == 1 and terms.top[0].place.node is not trace.run.loss:
            road.append(terms.top[0])
            here = terms.top[0].place
            terms = of_gradient(trace, here)
        if road:
            pieces += _one_road(trace, start, road)
        pieces += _gradient_sum(trace, here, terms) or [_unseen(trace, here)]
        yield _step(trace, start.node, "backward", pieces)
        here = terms.top[0].place if terms.top else None


def _gradient_is(trace: Trace, place: Place, missing: bool, worth: float) -> Say:
    key = "rules.why.no_gradient" if missing else "rules.why.gradient"
    return Say(key, {"place": trace.at(place), "value": small(worth)})


def _one_road(trace: Trace, start: Place, road: list[Term]) -> list[Piece]:
    """Where a number goes into one other number only, again and again."""
    rows = tuple(_row(trace, term) for term in road)
    pieces: list[Piece] = [Say("rules.why.one_road", {"place": trace.at(start)})]
    pieces.append(Table(_GRADIENT_HEAD, rows))
    for term in road:
        assert isinstance(term.place.node, Record)
        flat = saturated(trace, term.place.node, term.place, term.slope)
        pieces += [] if flat is None else [flat]
    return pieces


def _gradient_sum(trace: Trace, place: Place, terms: Terms) -> list[Piece]:
    if not terms.top:
        return []
    to_loss = terms.top[0].place.node is trace.run.loss
    key = "rules.why.into_loss" if to_loss else "rules.why.gradient_sum"
    said = Say(key, {"place": trace.at(place), "count": Count(terms.count)})
    return [said, *_listed(trace, terms, _GRADIENT_HEAD)]


def _unseen(trace: Trace, place: Place) -> Say:
    """Where the road leads into an op that cannot be looked into."""
    ops = ", ".join(dict.fromkeys(f"`{r.op.name}`" for r, _ in trace.users.get(place.node, ())))
    return Say("rules.why.unseen", {"place": trace.at(place), "ops": ops})


def _listed(trace: Trace, terms: Terms, head: tuple[str, ...]) -> list[Piece]:
    """The table of the largest terms, and the sum of all."""
    rows = [_row(trace, term) for term in terms.top]
    numbers = [Num(decimals(t.product)) for t in terms.top]
    if terms.extra is not None:
        number = Num(decimals(terms.extra.value))
        rows.append((f"`{trace.at(terms.extra.place)}`", None, small(terms.extra.value), None))
        numbers.append(number)
    pieces: list[Piece] = [Table(head, tuple(rows))]
    left = terms.count - len(terms.top)
    if left > 0:
        numbers.append(Num(decimals(terms.rest)))
        share = f"{terms.share:.0%}"
        values = {"count": Count(left), "rest": small(terms.rest), "share": share}
        pieces.append(Say("rules.why.rest", values))
    if len(numbers) > 1:
        pieces.append(scalar_line(None, Sum(tuple(numbers)), "exact", terms.total))
    if terms.count > 1 and abs(terms.total) < CANCELLED * terms.size:
        pieces.append(Say("rules.why.cancelled"))
    return pieces


def _row(trace: Trace, term: Term) -> tuple[Any, ...]:
    numbers = (small(term.slope), small(term.value), small(term.product))
    return (f"`{trace.at(term.place)}`", *numbers)


# -- a value ----


def value(trace: Trace, place: Place) -> Iterator[Step]:
    """What made this number, one op after the other back to what came in."""
    here: Place | None = place
    while here is not None:
        worth = float(trace.value(here.node)[here.index])
        if isinstance(here.node, Tensor):
            kind = "parameter" if trace.is_parameter(here.node) else "input"
            said = Say(f"rules.why.{kind}", {"place": trace.at(here), "value": small(worth)})
            # keys: rules.why.parameter, rules.why.input
            yield _step(trace, here.node, "forward", [said, *onward(trace, here)])
            return
        pieces: list[Piece] = [
            Say("rules.why.value", {"place": trace.at(here), "value": small(worth)})
        ]
        start, rows = here, []
        while (before := _only_source(trace, here)) is not None:
            assert isinstance(here.node, Record)
            made = small(float(trace.value(here.node)[here.index]))
            came = small(float(trace.value(before.node)[before.index]))
            rows.append((f"`{trace.at(here)}`", f"`{op_name(here.node)}`", came, made))
            here = before
        if rows:
            pieces += [Say("rules.why.made_from_one"), Table(_MADE_HEAD, tuple(rows))]
        next_place, more = _made(trace, here)
        yield _step(trace, start.node, "forward", [*pieces, *more])
        here = next_place


def onward(trace: Trace, place: Place) -> list[Piece]:
    """What else can be asked about a parameter whose value was asked."""
    said: list[Piece] = []
    if trace.is_parameter(place.node):
        kind = "no_gradient" if trace.gradient(place.node) is None else "gradient"
        said.append(Say(f"rules.why.parameter_{kind}", {"place": trace.at(place)}))
        # keys: rules.why.parameter_gradient, rules.why.parameter_no_gradient
    if place.node in trace.updates:
        name, where = trace.name(place.node), trace.at(place)
        changed = f"{name}.change{where.removeprefix(name)}"
        said.append(Say("rules.why.parameter_change", {"place": changed}))
    return said


_MADE_HEAD = ("", "", "$u$", "$f(u)$")


def _only_source(trace: Trace, place: Place) -> Place | None:
    """The one number that this was made from, where there is just one."""
    record = place.node
    if not isinstance(record, Record):
        return None
    if record.op.family is Family.ELEMENTWISE:
        moving = [x for x in inputs_of(record) if _is_moving(x)]
        return _aligned(home(moving[0]), place.index, trace) if len(moving) == 1 else None
    terms = of_value(trace, place)
    if terms is None or terms.count != 1 or terms.extra is not None:
        return None
    return terms.top[0].place


def _is_moving(x: Any) -> bool:
    return isinstance(x, Tensor) and (x._record is not None or x.requires_grad)


def _aligned(node: Node, index: Index, trace: Trace) -> Place:
    """The position in an operand that was broadcast to the result's shape."""
    shape = trace.shape(node)
    own = index[len(index) - len(shape) :]
    return Place(node, tuple(0 if n == 1 else i for i, n in zip(own, shape, strict=True)))


def _made(trace: Trace, place: Place) -> tuple[Place | None, list[Piece]]:
    """How an op made this number from several, and the one to go on with."""
    record = place.node
    if not isinstance(record, Record):
        return place, []
    if record.op.family is Family.LOSS and record.value.size == 1:
        return _loss(trace, record)
    terms = of_value(trace, place)
    key = "rules.why.value_sum"
    if terms is None:
        terms, key = of_influence(trace, place), "rules.why.influence"
    if not terms.top:
        return None, [Say("rules.why.from_nothing", {"op": op_name(record)})]
    values = {"place": trace.at(place), "count": Count(terms.count), "op": op_name(record)}
    pieces: list[Piece] = [Say(key, values)]
    if key == "rules.why.influence":
        pieces.append(Table(_VALUE_HEAD, tuple(_row(trace, t) for t in terms.top)))
    else:
        pieces += _listed(trace, terms, _VALUE_HEAD)
    onward = (t.place for t in terms.top if t.place.node not in trace.run.parameters)
    return next(onward, None), pieces


def _loss(trace: Trace, record: Record) -> tuple[Place | None, list[Piece]]:
    """Which examples made the loss what it is."""
    arrays, op = arrays_of(trace.tape, record), record.op
    x = inputs_of(record)[0]
    pieces: list[Piece] = []
    example: tuple[int, ...] = ()
    if record.settings.get("reduction", "none") != "none":
        each = np.asarray(op.forward(*arrays, **{**record.settings, "reduction": "none"}), float)
        whole = float(record.value.reshape(()))
        if each.ndim and each.shape[0] > 1 and each.sum():
            shares = each.reshape(each.shape[0], -1).sum(axis=1) * (whole / each.sum())
            order = np.argsort(-np.abs(shares))[:4]
            example = (int(order[0]),)
            rows = tuple((f"`{k}`", small(shares[k])) for k in order)
            values = {"op": op.name, "count": Count(len(shares)), "example": str(example[0])}
            pieces += [Say("rules.why.examples_share", values), Table(("$n$", "$L_n$"), rows)]
            listed = float(shares[order].sum())
            if len(shares) > len(rows):
                share = f"{listed / whole:.0%}" if whole else "100%"
                rest = {"count": Count(len(shares) - len(rows)), "rest": small(whole - listed)}
                pieces.append(Say("rules.why.rest", {**rest, "share": share}))
    node = home(x)
    slopes = trace.gradient(node)
    slopes = np.abs(trace.value(node) if slopes is None else slopes)[example]
    at = np.unravel_index(int(slopes.argmax()), slopes.shape)
    place = Place(node, (*example, *(int(i) for i in at)))
    pieces.append(Say("rules.why.loss_reacts", {"place": trace.at(place)}))
    return place, pieces


# -- an optimizer's change ----


def change(trace: Trace, place: Place) -> Iterator[Step]:
    """What the optimizer did to this parameter, then why its gradient is what it is."""
    parameter = place.node
    update = trace.updates.get(parameter) if isinstance(parameter, Tensor) else None
    if update is None:
        raise ValueError(say("errors.why.no_change", name=trace.name(parameter)))
    pieces: list[Piece] = [changed(trace, place), *one_update(update, place.index)]
    yield _step(trace, parameter, "update", pieces)
    yield from gradient(trace, place)


def changed(trace: Trace, place: Place) -> Say:
    """From what to what a parameter's number was moved, and by whom."""
    update = trace.updates[place.node].at(place.index)  # type: ignore[index]  # a parameter
    before, after = (float(v["w"][0]) for v in (update.before, update.after))
    values = {"place": trace.at(place), "before": small(before), "after": small(after)}
    optimizer = called(update)
    return Say("rules.why.change", {**values, "by": small(after - before), "optimizer": optimizer})


def one_update(update: Any, index: Index) -> list[Piece]:
    """The optimizer's rule for one number, line by line."""
    if not update.rule:
        return [as_a_whole(update)]
    own = update.at(index)
    names: dict[str, Expr] = {"g": Sym(Name("w").d(), decimals(own.grad[0]))}
    names |= {k: Sym(SYMBOLS.get(k) or Name(k), decimals(v)) for k, v in own.hyper.items()}
    names |= {k: Sym(Name(k), decimals(v[0])) for k, v in own.before.items()}
    lines: list[Piece] = [Line(names["g"], (small(own.grad[0], 6),))]
    for k, (target, formula) in enumerate(update.rule):
        expr = tidy(read(formula, names))
        kept = own.after.get(target) if is_last(update, k) else None
        exact = None if kept is None else float(kept[0])
        sym = Sym(Name(target), result(expr, lambda x: x))
        lines.append(scalar_line(sym, expr, "exact", exact, arrow=target in own.before))
        names[target] = sym
    return lines
