"""CTC loss on the board: the labels with their blanks, the table of alpha, the probability; then,
backward, the table of beta and one class at one step."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import Any

import numpy as np

from gobhir.derivation.expression import Index, Name
from gobhir.derivation.step import Count, Piece, Say, Table
from gobhir.explain.pages.lines import WIDEST, distance, element_line, inline
from gobhir.explain.quantity import Pulled, Quantity
from gobhir.explain.reading import Reading
from gobhir.explain.rules import ctc
from gobhir.explain.rules.use import Use

Pieces = list[Piece]


def forward(r: Reading, q: Quantity) -> Pieces:
    """From the labels to the probability of all their readings."""
    assert q.record is not None
    made, use = _made(r, q.record), r.use(q)
    seq = ctc.shown(q.record)
    if not made or seq is None or use is None:
        return []
    blank = use.record.settings["blank"]
    states = [str(s + 1) for s in range(len(seq.states))]
    out: Pieces = [
        Say("rules.ctc.states", {"n": Count(seq.which + 1), "blank": str(blank)}),
        *_table(
            "rules.ctc.state", states, [(Say("rules.ctc.class"), [str(k) for k in seq.states])]
        ),
        Say("rules.ctc.probabilities", {"steps": Count(seq.steps)}),
        *_of_steps(made["P"], seq.which, seq.steps),
        Say("rules.ctc.alpha"),
    ]
    t = min(1, seq.steps - 1)
    rows = [made[f"alpha{k}"] for k in range(seq.steps)]
    if seq.steps > 1:
        reached = [len(seq.before(s)) for s in range(len(seq.states))]
        live = np.asarray(rows[t].exact, float).reshape(-1) > 0
        s = int(np.argmax(np.where(live, reached, 0)))
        out += [Say("rules.ctc.one", {"t": Count(t + 1), "s": Count(s + 1)})]
        out += [element_line(rows[t], _index(rows[t], s), r.mode)]
    out += _of_states(rows, range(1, seq.steps + 1))
    p = made["p"]
    out += [Say("rules.ctc.whole"), element_line(p, _index(p, seq.which), r.mode)]
    count = len(use.arrays[3])
    if count > 1:
        out.append(Say("rules.ctc.others"))
        out += _table("rules.ctc.sequence", [str(n + 1) for n in range(count)], [(p.name, p)])
    reduction = use.record.settings["reduction"]
    key = {"mean": "rules.ctc.mean", "sum": "rules.ctc.sum"}.get(reduction, "rules.ctc.none")
    return [*out, Say(key, {"count": Count(count)})]


# keys: rules.ctc.mean, rules.ctc.sum, rules.ctc.none


def backward(r: Reading, p: Pulled) -> tuple[Pieces, Index] | None:
    """Of the gradient of the log-probabilities: the way to it, and which number to show; None for
    any other gradient."""
    use = next((u for u in r.uses() if _reads(u, p)), None)
    seq = None if use is None else ctc.shown(use.record)
    if use is None or seq is None or not (made := _made(r, use.record)):
        return None
    rows = [made[f"beta{k}"] for k in range(seq.steps)]
    share = made["share"]
    own = np.abs(np.asarray(share.exact, float).reshape(use.arrays[0].shape))[:, seq.which]
    sizes = np.abs(np.asarray(p.exact, float).reshape(use.arrays[0].shape))[:, seq.which]
    t, k = (int(i) for i in np.unravel_index(int(np.where(own > 0, sizes, -1).argmax()), own.shape))
    flat = int(np.ravel_multi_index((t, seq.which, k), use.arrays[0].shape))
    at, index = (
        tuple(int(i) for i in np.unravel_index(flat, shape)) for shape in (share.shape, p.shape)
    )
    out: Pieces = [
        Say("rules.ctc.beta"),
        *_of_states(rows, range(1, seq.steps + 1)),
        Say("rules.ctc.share", {"t": Count(t + 1), "k": str(k)}),
        element_line(share, at, r.mode),
        Say("rules.ctc.gradient"),
    ]
    return out, index


def _reads(use: Use, p: Pulled) -> bool:
    q = p.of
    return use.record.op.name == ctc.OP and q is not None and q.sym in use.operands[0].walk()


def _made(r: Reading, record: Any) -> dict[str, Quantity]:
    """What was worked out on the way, by what the rule calls it."""
    use = r.expressions.get(record)
    helpers = r.helpers.get(record, [])
    return {} if use is None else dict(zip(use.helpers, helpers, strict=True))


def _index(q: Quantity, k: int) -> Index:
    return (k,) if q.shape else ()


# -- tables ----


def _table(head: str, columns: Several[str], rows: list[tuple[Any, Any]]) -> Pieces:
    """columns: of many, the first ones and a remark."""
    count = len(columns)
    some = list(range(count)) if count <= WIDEST else [*range(WIDEST - 1), count - 1]
    told, worst = [], 0.0
    for label, row in rows:
        if isinstance(row, Quantity):
            values = np.reshape(np.asarray(row.sym.value, object), -1)
            worst = max(worst, distance(row.sym.value, row.exact))
            names = [row.name.at((k,)) for k in range(count)]
            cells = [inline(v, of=n) for v, n in zip(values, names, strict=True)]
        else:
            cells = list(row)
        told.append((label, *(cells[k] for k in some)))
    first = Say(head)  # keys: rules.ctc.state, rules.ctc.sequence
    out: Pieces = [Table((first, *(columns[k] for k in some)), tuple(told), worst)]
    if len(some) < count:
        out.append(Say("rules.ctc.part", {"shown": Count(len(some)), "count": Count(count)}))
    return out


def _of_states(rows: list[Quantity], steps: Several[int]) -> Pieces:
    """A row for each step, a column for each state."""
    few = _few(len(rows))
    states = [str(s + 1) for s in range(max(np.size(rows[0].exact), 1))]
    named = [(Name(rows[k].name.base, index=(steps[k], "s")), rows[k]) for k in few]
    out = _table("rules.ctc.state", states, named)
    return out + _left_out(few, len(rows))


def _of_steps(P: Quantity, which: int, steps: int) -> Pieces:
    """The probabilities of one sequence: a row for each step, a column for each class."""
    exact, values = (np.asarray(a) for a in (P.exact, P.sym.value))
    if exact.ndim == 2:  # one step alone
        exact, values = exact[None], values[None]
    few = _few(steps)
    rows = [(Name("p", index=(t + 1, "k")), [inline(v) for v in values[t, which]]) for t in few]
    classes = [str(k) for k in range(exact.shape[2])]
    return _table("rules.ctc.class", classes, rows) + _left_out(few, steps)


# keys: rules.ctc.class


def _few(count: int) -> list[int]:
    return list(range(count)) if count <= WIDEST else [*range(WIDEST - 1), count - 1]


def _left_out(few: list[int], count: int) -> Pieces:
    if len(few) == count:
        return []
    return [Say("rules.ctc.part_steps", {"shown": Count(len(few)), "count": Count(count)})]
