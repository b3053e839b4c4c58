"""The page of attention: one query in full (scores, mask, softmax, what it takes of the values),
the others as a small map; backwards the blame of one share, one score, one number of a query."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.expression import Index, Name
from gobhir.derivation.step import Count, Line, Piece, Say, Step, Table
from gobhir.engine import Record
from gobhir.explain.attending import Block
from gobhir.explain.pages.lines import WIDEST, distance, dots, element_line, inline
from gobhir.explain.pages.maps import maps
from gobhir.explain.quantity import Quantity
from gobhir.explain.reading import Reading

# keys: rules.attention.*


def forward(r: Reading, inside: list[Quantity]) -> dict[Any, Step]:
    """For each record that belongs to attention, the step of the page that tells of it."""
    shown = {q.record for q in inside}
    out: dict[Any, Step] = {}
    for block in r.run.blocks:
        if {block.scores, block.shares, block.out} <= shown:
            out |= dict.fromkeys(block.owned & shown, _forward(r, block))
    return out


def backward(r: Reading) -> dict[Any, Step]:
    """The same for gradients."""
    out: dict[Any, Step] = {}
    for block in r.run.blocks:
        if all(x in r.pulled_of for x in (block.scores, block.shares, block.out)):
            out |= dict.fromkeys(block.owned, _backward(r, block))
    return out


def _forward(r: Reading, block: Block) -> Step:
    S, A, out = (r.quantities[x] for x in (block.scores, block.shares, block.out))
    at = _row(S)
    pieces: list[Piece] = [Say("rules.attention.idea")]
    heads = block.shares.value.shape[-3] if block.shares.value.ndim == 4 else 1
    if heads > 1:
        pieces.append(Say("rules.attention.heads", {"heads": Count(heads)}))
    pieces += [Line(q.sym, (q.expr,)) for q in (S, A, out) if q.expr is not None]
    inputs = [r.quantities[x] for x in block.inputs if x in r.quantities]
    if len(inputs) < 3:
        names = dict(zip("qkv", (r.operand(t) for t in block.given), strict=True))
        pieces.append(Say("rules.attention.given", names))
    if inputs:
        pieces.append(Say("rules.attention.inputs"))
        pieces += [piece for q in inputs for piece in maps(r, q)]
    if block.masked:
        pieces.append(Say("rules.attention.mask"))
        if _blind(S).any():
            pieces.append(Say("rules.attention.blind"))
    where = {"i": Count(at[-1] + 1), "head": Count(1)}
    pieces.append(
        Say("rules.attention.query_of_head" if heads > 1 else "rules.attention.query", where)
    )
    pieces += _one(r, S, (*at, 0))
    best = int(np.argmax(np.asarray(A.exact)[at]))
    pieces += [Say("rules.attention.shares", {"j": Count(best + 1)}), *_one(r, A, (*at, best))]
    pieces += [Say("rules.attention.all_keys"), _keys(at, [S, A])]
    pieces += [Say("rules.attention.takes"), *_one(r, out, (*at, 0))]
    pieces += [Say("rules.attention.map"), *maps(r, A), Say("rules.attention.out"), *maps(r, out)]
    return _step(r, block, "forward", pieces)


def _row(q: Quantity) -> Index:
    """The query that is shown: the last one, which a causal mask lets see all; but none that sees
    nothing."""
    first = (0,) * (len(q.shape) - 2)
    seeing = np.flatnonzero(~_blind(q)[first])
    return (*first, int(seeing[-1]) if len(seeing) else q.shape[-2] - 1)


def _blind(scores: Quantity) -> np.ndarray:
    """Which queries have the same score for every key."""
    exact = np.asarray(scores.exact, float)
    return (exact == exact[..., :1]).all(-1) & (exact.shape[-1] > 1)


def _one(r: Reading, q: Quantity, at: Index) -> list[Piece]:
    line = element_line(q, at, r.mode)
    return [line, *(dots(q.expr, at, q.shape) if r.mode == "exact" else ())]


def _keys(at: Index, rows: list[Quantity]) -> Table:
    """One query's numbers, a column for each key."""
    count = min(rows[0].shape[-1], WIDEST)
    head = (None, *(Say("rules.attention.key", {"j": Count(j + 1)}) for j in range(count)))
    body, worst = [], 0.0
    for q in rows:
        values = np.asarray(q.sym.value, object)[at][:count]
        n = q.sym.at((*at, 0)).name  # type: ignore[attr-defined]  # a Sym's element is a Sym
        name = Name(n.base, n.layer, (*n.index[:-1], "j") if n.index else ("j",))
        body.append((name, *(inline(v) for v in values)))
        worst = max(worst, distance(values, np.asarray(q.truth)[at][:count]))
    return Table(head, tuple(body), worst)


def _backward(r: Reading, block: Block) -> Step:
    S, A = (r.pulled_of[x] for x in (block.scores, block.shares))
    flat = int(np.abs(np.asarray(S.exact)).argmax())
    at = tuple(int(i) for i in np.unravel_index(flat, S.shape))
    where = {"i": Count(at[-2] + 1), "j": Count(at[-1] + 1)}
    pieces: list[Piece] = [Say("rules.attention.back")]
    pieces += [Say("rules.attention.back_share", where), *_one(r, A, at)]
    pieces += [Say("rules.attention.back_score", where), *_one(r, S, at)]
    told = ("rules.attention.back_query", "rules.attention.back_key", "rules.attention.back_value")
    for x, said in zip(block.inputs, told, strict=False) if len(block.inputs) == 3 else ():
        p = r.pulled_of.get(x)
        if p is not None:
            largest = int(np.abs(np.asarray(p.exact)).argmax())
            pieces.append(Say(said))
            pieces += _one(r, p, tuple(int(i) for i in np.unravel_index(largest, p.shape)))
    pieces += [Say("rules.attention.back_map"), *maps(r, S)]
    return _step(r, block, "backward", pieces)


def _step(r: Reading, block: Block, phase: str, pieces: list[Piece]) -> Step:
    known: dict[Record, Quantity] = r.quantities
    shapes = {known[x].name.base: known[x].shape for x in (block.scores, block.shares, block.out)}
    ident = f"{phase}.attention.{block.number}"
    path = r.run.layer(block.shares)
    return Step(ident, f"attention.{phase}", phase, "attention", path, shapes, tuple(pieces))
