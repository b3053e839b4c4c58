"""The rule of CTC loss: of all ways to read the labels out of the steps, the probabilities added.

One sequence of the batch is worked out: its labels with blanks around them are a row of states, and
`alpha` (`beta`) tells of each step and state how probable all ways are that come to it from the
beginning (go on from it to the end). Of the other sequences the probability is a given number.
Source: Graves et al., Connectionist temporal classification (2006), equations 6 to 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.arrays import SumOver
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Index,
    Leaf,
    Name,
    Negative,
    Num,
    Product,
    Sum,
    number,
    total,
)
from gobhir.derivation.formula import product, tidy
from gobhir.derivation.places import Each, Rearranged, Reshaped, shaped
from gobhir.derivation.rounding import decimal, decimals
from gobhir.engine.ops import ctc
from gobhir.engine.tape import Record
from gobhir.explain.rules.use import Use

OP = "ctc_loss"
MOST = 2000
"""Numbers of alpha from which on nobody writes them down."""


@dataclass(frozen=True)
class Sequence:
    """The one sequence that is worked out. which: its place in the batch; steps: how many of them
    count; states: the labels with a blank before, between and after; skips: of each state whether
    one may come to it from the last but one."""

    which: int
    steps: int
    states: np.ndarray
    skips: np.ndarray

    @property
    def ends(self) -> list[int]:
        """The states at which a reading may end: the last blank, the last label."""
        return [s for s in (len(self.states) - 1, len(self.states) - 2) if s >= 0]

    def before(self, s: int) -> list[int]:
        """The states from which one comes to s in a step."""
        return [k for k in (s, s - 1, *[s - 2] * bool(self.skips[s])) if k >= 0]

    def after(self, s: int) -> list[int]:
        """The states to which one goes on from s."""
        return [k for k in range(s, min(s + 3, len(self.states))) if s in self.before(k)]


def shown(record: Record) -> Sequence | None:
    """The first sequence that can be read at all; None where none can, or where it is too long."""
    given = [np.asarray(getattr(x, "array", x)) for x in record.inputs]
    s, y, steps, lengths = given
    for n, p in enumerate(_probabilities(given, record.settings["blank"])):
        count = 2 * int(lengths[n]) + 1
        if p > 0 and steps[n] > 0:
            states = ctc._labels(y, record.settings["blank"])[n, :count]
            skips = np.isfinite(ctc._table(s, y, record.settings["blank"])[1][n, :count])
            fits = int(steps[n]) * count <= MOST
            return Sequence(n, int(steps[n]), states, skips) if fits else None
    return None


def _probabilities(given: Iterable[Any], blank: int) -> np.ndarray:
    s, y, steps, lengths = given
    return np.exp(-ctc._nll(ctc._alpha(*ctc._table(s, y, blank)), steps, lengths))


def aside(use: Use) -> Iterator[tuple[str, Name, Expr, np.ndarray]]:
    """What has a line of its own on the way to the loss: key, name, expression over what came
    before (which is then in `use.helpers`), value."""
    seq = shown(use.record)
    if seq is None:
        return
    s, y, steps, lengths = use.arrays
    blank, n = use.record.settings["blank"], seq.which
    yield "P", Name("P", element="p"), Function("exp", (use.whole(0),)), np.exp(s)
    scores, skip = ctc._table(s, y, blank)
    alpha, beta = ctc._alpha(scores, skip), ctc._beta(scores, skip, steps, lengths)
    p, count = _probabilities(use.arrays, blank), len(seq.states)
    tables = {"alpha": np.exp(alpha[:, n, :count]), "beta": np.exp(beta[:, n, :count])}
    for key, times in (("alpha", range(seq.steps)), ("beta", reversed(range(seq.steps)))):
        for t in times:
            yield f"{key}{t}", Name(key, index=(t + 1,)), _row(use, seq, key, t), tables[key][t]
        if key == "alpha":
            yield "p", Name("q"), Each(p.shape, lambda i: _whole(use, seq, p, i)), p
    labels = ctc._labels(y, blank)
    with np.errstate(all="ignore"):
        there = np.exp(alpha + beta - scores) / p[:, None]
    there = np.where(np.isfinite(there), there, 0)
    hot = (labels[:, :, None] == np.arange(s.shape[2])).astype(s.dtype)
    share = np.matmul(there.transpose(1, 0, 2), hot).transpose(1, 0, 2)
    share = share * (np.arange(len(s))[:, None] < steps)[:, :, None]
    tree = Each(share.shape, lambda i: _share(use, seq, share, i))
    yield "share", Name("G", element="g"), tree, share


def _row(use: Use, seq: Sequence, key: str, t: int) -> Expr:
    """One step of alpha (of beta): what comes from the step before (after), times the probability
    of the state's own label."""
    first = t == (0 if key == "alpha" else seq.steps - 1)
    beside = t - 1 if key == "alpha" else t + 1
    starts = [0, 1] if key == "alpha" else seq.ends

    def tree(index: Index) -> Expr:
        (s,) = index
        own = _probability(use, seq, t, s)
        if first:
            return own if s in starts else number(0)
        near = seq.before(s) if key == "alpha" else seq.after(s)
        row = use.helpers[f"{key}{beside}"]
        reached = [row.at((k,)) for k in near if _value(row.at((k,)))]
        return Product((total(reached), own)) if reached else number(0)

    return Each((len(seq.states),), tree)


def _value(e: Expr) -> Decimal:
    return decimal(e.value) if isinstance(e, Leaf) else Decimal(0)


def _probability(use: Use, seq: Sequence, t: int, s: int) -> Expr:
    return use.helpers["P"].at((t, seq.which, int(seq.states[s])))


def _whole(use: Use, seq: Sequence, p: np.ndarray, index: Index) -> Expr:
    """The probability of a sequence's labels: the ends of alpha."""
    if index != (seq.which,):
        return Num(decimal(float(p[index])))
    last = use.helpers[f"alpha{seq.steps - 1}"]
    return total(last.at((s,)) for s in reversed(seq.ends))


def _share(use: Use, seq: Sequence, share: np.ndarray, index: Index) -> Expr:
    """How probable it is, given the labels, that a class stands at a step."""
    t, n, k = index
    if n != seq.which:
        return Num(decimal(float(share[index])))
    if t >= seq.steps:
        return number(0)
    a, b = use.helpers[f"alpha{t}"], use.helpers[f"beta{t}"]
    pairs = ((a.at((int(s),)), b.at((int(s),))) for s in np.flatnonzero(seq.states == k))
    ways = [Product(pair) for pair in pairs if all(map(_value, pair))]
    if not ways:
        return number(0)
    own = use.helpers["P"].at(index)
    return Fraction(total(ways), Product((use.helpers["p"].at((n,)), own)))


def loss(use: Use) -> Expr | None:
    """Minus the logarithm of each probability; the mean divides by each length first."""
    if "p" not in use.helpers:
        return None
    settings, p = use.record.settings, use.helpers["p"]
    lengths = use.arrays[3]
    exact = _probabilities(use.arrays, settings["blank"])
    if not exact.all() and not settings["zero_infinity"]:
        return None
    read = np.flatnonzero(exact)
    mean = settings["reduction"] == "mean"
    if settings["reduction"] == "none":
        if len(read) < len(exact):
            return None
        return shaped(Negative(Function("log", (p,))), use.result.shape)
    logs: Expr = Negative(Function("log", (Rearranged(p, "", read),)))
    if mean:
        logs = Fraction(logs, Num(decimals(np.maximum(lengths[read], 1))))
    out: Expr = SumOver(logs, (0,))
    return tidy(Fraction(out, number(len(exact)))) if mean else out


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What the log-probabilities receive: how probable each class was held, less how probable it
    is given the labels."""
    if i != 0 or "share" not in use.helpers:
        return None
    steps, lengths = use.arrays[2:]
    T, N = use.arrays[0].shape[:2]
    P, share = use.helpers["P"], use.helpers["share"]
    out: Expr = Sum((P, Negative(share)))
    counts = np.arange(T)[:, None, None] < steps[:, None]
    counts = np.broadcast_to(counts, use.arrays[0].shape)
    counts = counts & (_probabilities(use.arrays, use.record.settings["blank"]) > 0)[:, None]
    if not counts.all():
        places = np.arange(counts.size).reshape(counts.shape)
        out = Rearranged(out, "", np.where(counts, places, -1))
    if use.record.settings["reduction"] == "mean":
        many = np.maximum(lengths, 1) * N
        same = (many == many[0]).all()
        below = number(int(many[0])) if same else Num(decimals(many.reshape(1, N, 1)))
        out = Fraction(out, below)
    if c.shape:
        c = Reshaped(c, (1, N, 1))
    return shaped(tidy(product((c, out))), use.operands[0].shape)
