"""Linear algebra on the board: the result, the equation that makes it right, one number of that."""

from __future__ import annotations

from itertools import islice

from gobhir.derivation.arrays import MatMul
from gobhir.derivation.expression import Expr, Index, Num
from gobhir.derivation.step import Count, Line, Piece, Say
from gobhir.explain.pages.lines import element_line, inline, off, page_values, scalar_line
from gobhir.explain.quantity import Quantity, element, size
from gobhir.explain.reading import Reading
from gobhir.explain.rules import matrices
from gobhir.explain.rules.use import Use

LONG = 80
"""Nodes of one number's tree from which on only the formula of matrices is written."""


def forward(r: Reading, q: Quantity) -> list[Piece]:
    """The result of one op; of one that has several, all of them where the first of them stands."""
    assert q.record is not None
    use, name = r.expressions[q.record], q.record.op.name
    made = dict(zip(use.helpers, r.helpers[q.record], strict=True))
    results = [h for k, h in made.items() if k.startswith("result")]
    first = next((c for c in r.computed if c.record is q.record), q)
    if first is not q:
        return [Say("rules.matrices.again"), _shown(q, None, r.mode)]
    out: list[Piece] = [Say(f"rules.op.{name}")]
    if q.expr is not None:
        out.append(Line(q.sym, (matrices.symbolic(use),)))
        out.append(element_line(q, (), r.mode))
    else:
        out += [_shown(h, None, r.mode) for h in results]
        out += [] if results else [_shown(q, matrices.symbolic(use), r.mode)]
        out += _right(r, use)
    if "beside" in made:
        K, of = made["beside"], matrices.beside(use)
        out.append(Say("rules.matrices.cofactors" if of is None else "rules.matrices.inverse"))
        out.append(_shown(K, of, r.mode))
    return out


# keys: rules.op.*


def _shown(q: Quantity, formula: Expr | None, mode: str) -> Line:
    values = Num(page_values(q.sym.value, mode))
    return Line(q.sym, (values,) if formula is None else (formula, values), off(q, mode), q.exact)


def _right(r: Reading, use: Use) -> list[Piece]:
    """The equations that hold, with one number of each."""
    out: list[Piece] = []
    for left, right in matrices.equations(use):
        row = 0 if isinstance(right, Num) else min(1, left.shape[-2] - 1)  # of ones, a one
        index = (0,) * (len(left.shape) - 2) + (row, 0)
        place = {"row": Count(index[-2] + 1), "column": Count(1)}
        wanted = scalar_line(None, element(right, index, left.shape), r.mode).stages[-1]
        out += [
            Say("rules.matrices.right"),
            Line(left, (right,)),
            Say("rules.matrices.one", {**place, "wanted": inline(wanted.value)}),  # type: ignore[attr-defined]  # a number, as at the end of any line
            scalar_line(None, left.at(index), r.mode),
        ]
    return out


def is_long(p: Quantity, index: Index) -> bool:
    """Whether one number of products of matrices is more than a line or two."""
    assert p.expr is not None
    chains = (n for n in p.expr.walk() if isinstance(n, MatMul))
    if not any(isinstance(c, MatMul) for n in chains for c in n.walk() if c is not n):
        return False
    if size(p.shape) == 1 or any(s > 8 for s in p.shape):
        return False
    return sum(1 for _ in islice(element(p.expr, index, p.shape).walk(), LONG + 1)) > LONG
