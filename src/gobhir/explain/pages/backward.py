"""Every gradient, in the order in which backward finds them: the formula, one element with
nothing skipped, all at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from gobhir.derivation.arrays import Along
from gobhir.derivation.expression import Expr, Index, Num, Sym
from gobhir.derivation.places import Scattered, Taken
from gobhir.derivation.step import Count, Line, Piece, Say, Section, Step
from gobhir.explain.naming import WEIGHTED
from gobhir.explain.pages import attention, ctc, matrices, recurrent
from gobhir.explain.pages.board import greatest_terms
from gobhir.explain.pages.forward import largest, shapes_of
from gobhir.explain.pages.lettered import kernel_line
from gobhir.explain.pages.lines import chain_of_names, dots, element_line, inline, matrix_line
from gobhir.explain.pages.maps import deep, maps, place
from gobhir.explain.quantity import Pulled, element, size
from gobhir.explain.reading import Reading
from gobhir.explain.rules import standard


def backward(r: Reading, road: Step | None) -> Section:
    """Every gradient, in the order in which backward finds them; then one of them all the way."""
    steps: list[Step] = []
    deltas = weights = 0
    told = recurrent.backward(r) | attention.backward(r)
    for k, p in enumerate(r.pulled):
        own = told.get(recurrent.key(r, p))
        if own is not None:
            if own not in steps:
                steps.append(own)
            continue
        pieces: list[Piece]
        if p.record is not None and p.record.op.name in WEIGHTED:
            rule, pieces = "delta", _delta(r, p, deltas)
            deltas += 1
        elif p.of is not None and p.of.given == "parameter":
            rule, pieces = "parameter", _parameter(r, p, weights)
            weights += p.of.name.base == "W"
        else:
            rule, pieces = "gradient", _other(r, p)
        if k == 0:
            pieces.insert(0, Say("rules.backward.define"))
        op = "" if p.record is None else p.record.op.name
        operands = shapes_of(p)
        steps.append(Step(f"backward.{k}", rule, "backward", op, p.layer, operands, tuple(pieces)))
    if road is not None:
        steps.append(road)
    return Section("backward", tuple(steps))


def _delta(r: Reading, p: Pulled, seen: int) -> list[Piece]:
    pieces: list[Piece] = []
    assert p.of is not None and p.expr is not None
    batch = len(p.shape) >= 2
    last = seen == 0
    if p.paths > 1:
        pieces.append(Say("rules.backward.paths_meet", {"count": Count(p.paths), "to": p.of.sym}))
    if last:
        key = "output" if size(p.shape) == 1 else "outputs"
        pieces.append(Say(f"rules.delta.{key}", {"delta": p.sym, "z": p.of.sym}))
        # keys: rules.delta.output, rules.delta.outputs
    elif any(isinstance(n, Taken) and n.label == "kernel" for n in p.expr.walk()):
        pieces.append(Say("rules.kernel.back"))
    else:
        pieces.append(Say("rules.delta.hidden" if seen == 1 else "rules.delta.hidden_again"))
    index = largest(p)
    pieces += _through_norm(r, p)
    where = place(r, p, index) if deep(p) else None
    if where is not None:
        pieces.append(Say("rules.delta.place", {"place": where}))
    elif size(p.shape) > 1:
        counted = {"j": Count(index[-1] + 1), "n": Count(index[0] + 1)}
        key = "rules.delta.one_of_batch" if batch else "rules.delta.one"
        if p.record is not None and p.record.value.ndim > 2 and batch:
            key = "rules.delta.one_of_places"
        pieces.append(Say(key, counted))
    chain = chain_of_names(p, p.expr, index) if last else None
    pieces.append(element_line(p, index, r.mode, first=() if chain is None else (chain,)))
    pieces += dots(p.expr, index, p.shape) if r.mode == "exact" else []
    pieces += _sign(r, p, index, last)
    pieces += _ways_back(p)
    return pieces + _all_of(r, p)


def _all_of(r: Reading, p: Pulled) -> list[Piece]:
    """Every number of it."""
    if size(p.shape) == 1:
        return []
    if deep(p) or _is_long(p):
        return [Say("rules.maps.all"), *maps(r, p)]
    return [Say("rules.delta.all"), matrix_line(p, r.mode)]


def _through_norm(r: Reading, p: Pulled) -> list[Piece]:
    """Where the mean and the variance of a batch lie between this and the loss."""
    return [Say("rules.standard.passed")] if _feeds(r, p, standard.OPS - {"rms_norm"}) else []


def _feeds(r: Reading, p: Pulled, ops: set[str]) -> bool:
    """Whether such an op works on what this is the gradient of."""
    sym = None if p.of is None else p.of.sym
    return any(u.record.op.name in ops and u.operands[0] is sym for u in r.uses())


def _ways_back(p: Pulled) -> list[Piece]:
    """What the blame passed on its way: a pooling that let it through to the winner alone."""
    assert p.expr is not None
    labels = {n.label for n in p.expr.walk() if isinstance(n, Scattered)}
    return [Say("rules.slides.only_winner")] if "unpool" in labels else []


def _sign(r: Reading, p: Pulled, index: Index, last: bool) -> list[Piece]:
    value = float(np.asarray(p.exact)[index])
    assert p.of is not None
    z = p.of.sym.at(index)
    if value == 0:
        return [Say("rules.delta.zero", {"z": z})]
    key = "rules.delta.negative" if value < 0 else "rules.delta.positive"
    pieces: list[Piece] = [Say(key, {"z": z})]
    pieces += _turned(p, index, value)
    wanted = _too_low(r) if last and size(p.shape) == 1 else None
    if wanted is not None and wanted == (value < 0):
        pieces.append(Say("rules.delta.too_low" if wanted else "rules.delta.too_high"))
    return pieces


def _turned(p: Pulled, index: Index, value: float) -> list[Piece]:
    """A remark where the blame came along one wire, whose negative weight turned its sign."""
    assert p.expr is not None
    e = element(p.expr, index, p.shape)
    found = list(islice(_named(e), 3))
    deltas = [n for n in found if n.name.base == "delta"]
    wires = [n for n in found if n.name.base == "w"]
    if len(deltas) != 1 or len(wires) != 1:
        return []
    if float(wires[0].value) >= 0 or value * float(deltas[0].value) >= 0:
        return []
    return [Say("rules.delta.turned", {"w": wires[0], "value": inline(wires[0].value)})]


def _named(e: Expr) -> Iterator[Sym]:
    """The deltas and wires in it, one by one: of a long sum not all are looked at."""
    return (n for n in e.walk() if isinstance(n, Sym) and n.name.base in ("delta", "w"))


def _too_low(r: Reading) -> bool | None:
    """Whether the one answer was below its target; None when that is not the question."""
    output, y = r.quantities.get(r.run.output), r.run.y
    target = None if y is None else r.quantities.get(y)
    if output is None or target is None or r.run.loss_takes_logits:
        return None
    if size(output.shape) != 1 or size(target.shape) != 1:
        return None
    got, wanted = float(np.asarray(output.exact)), float(np.asarray(target.exact))
    return None if got == wanted else got < wanted


# keys: rules.weight.first_batch, rules.weight.again_batch, rules.weight.first_many_batch


def _parameter(r: Reading, p: Pulled, seen: int) -> list[Piece]:
    assert p.of is not None and p.expr is not None
    q = p.of
    batch = any(len(n.shape) >= 2 and n.name.base in ("Delta", "X", "A") for n in _syms(p.expr))
    pieces: list[Piece] = []
    if p.paths > 1:
        pieces.append(Say("rules.backward.paths_meet", {"count": Count(p.paths), "to": q.sym}))
    if q.name.base == "W" and _is_kernel(r, p):
        return pieces + _kernel(r, p)
    if q.name.base == "W":
        key = "rules.weight.first" if seen == 0 else "rules.weight.again"
        if seen == 0 and q.shape and q.shape[-1 if r.turned(q) else 0] > 1:
            key = "rules.weight.first_many"
        pieces.append(Say(key + ("_batch" if batch else ""), {"count": Count(size(q.shape))}))
        if batch and size(p.shape) > 1:
            pieces.append(element_line(p, largest(p), r.mode))
    elif q.name.base == "b" and _is_kernel(r, p):
        pieces.append(Say("rules.bias.maps"))
    elif q.name.base == "b":
        pieces.append(Say("rules.bias.batch" if batch else "rules.bias.one"))
    elif q.name.base in ("gamma", "beta"):
        pieces.append(Say(f"rules.standard.{q.name.base}"))
    else:
        pieces.append(Say("rules.weight.own", {"name": q.sym}))
    if size(p.shape) == 1 or _is_long(p):
        index = largest(p)
        pieces += [element_line(p, index, r.mode), *dots(p.expr, index, p.shape)]
        return pieces + _all_of(r, p) + _idle(r, p)
    return [*pieces, matrix_line(p, r.mode)]


def _idle(r: Reading, p: Pulled) -> list[Piece]:
    """A bias that a normalisation takes away again."""
    uses = (u for u in r.uses() if u.operands[-1] is (None if p.of is None else p.of.sym))
    made = {id(u.result) for u in uses}
    norms = (u for u in r.uses() if u.record.op.name in ("batch_norm", "instance_norm"))
    return [Say("rules.bias.idle")] if any(id(u.operands[0]) in made for u in norms) else []


# keys: rules.standard.gamma, rules.standard.beta


def _is_long(p: Pulled) -> bool:
    """Whether its sums go over more than a page's rows and columns."""
    assert p.expr is not None
    return any(isinstance(n, Along) and len(n.body.shape) > 2 for n in p.expr.walk())


def _is_kernel(r: Reading, p: Pulled) -> bool:
    """Whether it belongs to a convolution."""
    assert p.of is not None
    return any(
        u.record.op.name in ("conv", "conv_transpose")
        and any(n is p.of.sym for e in u.operands[1:] if e is not None for n in e.walk())
        for u in r.uses()
    )


def _kernel(r: Reading, p: Pulled) -> list[Piece]:
    """One cell of a kernel: the sum over all the places where it was used."""
    assert p.of is not None and p.expr is not None
    index = largest(p)
    general = kernel_line(r, p)
    pieces: list[Piece] = [Say("rules.kernel.first", {"w": p.of.sym})]
    if general is not None:
        pieces.append(general)
    pieces.append(element_line(p, index, r.mode))
    if r.mode == "exact":
        pieces += dots(p.expr, index, p.shape)
        pieces += greatest_terms(r, p, index)
    return pieces + _all_of(r, p)


def _syms(e: Expr) -> list[Sym]:
    return [n for n in e.walk() if isinstance(n, Sym)]


def _other(r: Reading, p: Pulled) -> list[Piece]:
    assert p.of is not None
    pieces: list[Piece] = []
    if p.paths > 1:
        pieces.append(Say("rules.backward.paths_meet", {"count": Count(p.paths), "to": p.of.sym}))
    else:
        pieces.append(Say("rules.backward.through", {"to": p.of.sym}))
    if p.expr is None:
        return [*pieces, Line(p.sym, (Num(p.sym.value),))]
    through = ctc.backward(r, p)
    index = largest(p) if through is None else through[1]
    where = place(r, p, index) if deep(p) else None
    if through is not None:
        pieces += through[0]
    elif where is not None:
        pieces.append(Say("rules.delta.place", {"place": where}))
    pieces += _through_norm(r, p)
    if matrices.is_long(p, index):
        # By hand nobody would come through so many products at once without a slip.
        whole = matrix_line(p, r.mode, numbers=r.mode == "exact")
        return [*pieces, Say("rules.delta.all"), whole]
    pieces.append(element_line(p, index, r.mode))
    pieces += dots(p.expr, index, p.shape) if r.mode == "exact" else []
    return pieces + _ways_back(p) + _all_of(r, p)
