"""Where a recording attends: queries, keys, values, scores and shares, found by how they hang
together, whatever module or function made them: softmax(Q K^T / sqrt(d) + mask) V."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gobhir.engine import Record, Tensor
from gobhir.explain.opening import Called, opened
from gobhir.explain.recording import Recording


@dataclass(frozen=True, eq=False)
class Block:
    """One place where something attends. given: Q, K and V; inputs: the records of those that have
    their name from here; masked: whether some places are closed."""

    number: int
    scores: Record
    shares: Record
    out: Record
    given: tuple[Tensor, ...]
    inputs: tuple[Record, ...]
    masked: bool

    @property
    def owned(self) -> set[Record]:
        """All that the page tells together."""
        return {self.scores, self.shares, self.out, *self.inputs}


def looked_into(run: Recording) -> Recording:
    """The same recording with every fused step opened, and names for what attends in it."""
    return attending(opened(run))


def attending(run: Recording) -> Recording:
    """The same recording with names for what attends in it."""
    users: dict[Record, list[Record]] = {}
    for r in run.tape.records:
        for x in r.inputs:
            if isinstance(x, Tensor) and x._record is not None:
                users.setdefault(x._record, []).append(r)
    found = [f for r in run.tape.records if (f := _found(r, users)) is not None]
    if not found:
        return run
    called, inside, blocks = dict(run.called), set(run.inside), []
    for k, (score, shares, product, out) in enumerate(found, 1):
        over = str(k) if len(found) > 1 else None
        named = {"s": score, "a": shares, "o": out}
        q, scaled = _before(product.inputs[0], "mul")
        key, turned = _before(product.inputs[1], "permute")
        given = (q, key, out.inputs[1])
        inside |= {r for r in (scaled, turned) if r is not None}
        inside |= {product} - {score}
        made = {w: t._record for w, t in zip("qkv", given, strict=True)}
        inputs = {w: r for w, r in made.items() if r is not None and r in run.inside}
        for word, r in (named | inputs).items():
            called.setdefault(r, Called(word, (), over))
        masked = bool(np.isneginf(score.value).any())
        blocks.append(Block(k, score, shares, out, given, tuple(inputs.values()), masked))
        called |= {mask: Called("m", (), over) for mask in _masks(score)}
    return replace(run, called=called, inside=inside, blocks=blocks)


def _found(r: Record, users: dict[Record, list[Record]]) -> tuple[Record, ...] | None:
    """(scores, shares, their product, out) where r is the softmax of attention."""
    scores = r.inputs[0]._record if r.op.name == "softmax" else None
    if scores is None or r.settings["dim"] not in (-1, r.value.ndim - 1):
        return None
    product = scores
    while product is not None and product.op.name in ("add", "where"):
        made = [x._record for x in product.inputs if isinstance(x, Tensor) and x._record]
        made = [m for m in made if m.op.name in ("add", "where", "mat_mul")]
        product = made[0] if made else None
    user = r
    while True:
        after = users.get(user, [])
        out = next((u for u in after if u.op.name == "mat_mul"), None)
        thinned = next((u for u in after if u.op.name in ("dropout", "mul")), None)
        if out is not None or thinned is None:
            break
        user = thinned
    if product is None or product.op.name != "mat_mul" or out is None:
        return None
    return (scores, r, product, out) if out.inputs[0]._record is user else None


def _before(x: Tensor, name: str) -> tuple[Tensor, Record | None]:
    """What x was made from by the op of this name, and that op's record; x itself and None where
    it was not."""
    made = x._record
    if made is None or made.op.name != name:
        return x, None
    return next(t for t in made.inputs if isinstance(t, Tensor)), made


def _masks(scores: Record) -> list[Tensor]:
    """The leaves with -inf that were added to the scores."""
    found, todo = [], [scores]
    while todo:
        for x in todo.pop().inputs:
            if isinstance(x, Tensor) and x._record is None and x.dtype.kind == "f":
                found += [x] if np.isneginf(x.array).any() else []
            elif isinstance(x, Tensor) and x._record is not None and x._record.op.name != "mat_mul":
                todo.append(x._record)
    return found
