"""A reader of a page of mathematics who redoes every line that is worked out."""

from __future__ import annotations

from decimal import Decimal

from gobhir.derivation.expression import Expr, Num, Sym
from gobhir.derivation.rounding import evaluate, significant
from gobhir.derivation.signs import Grid
from gobhir.derivation.step import Derivation, Fold, Line, Piece
from gobhir.mathematics.numbers import exact
from gobhir.mathematics.numbers import is_whole as whole


def lines(pieces: tuple[Piece, ...]) -> list[Line]:
    out: list[Line] = []
    for p in pieces:
        out += lines(p.pieces) if isinstance(p, Fold) else [p] if isinstance(p, Line) else []
    return out


def sound(page: Derivation) -> int:
    """Every worked line comes out: in fractions exactly, in decimals as rounded to four digits
    from stage to stage. How many lines were redone."""
    count = 0
    for step in page:
        for line in lines(step.pieces):
            stages = [s for s in line.stages if _numeric(s)]
            for a, b in zip(stages, stages[1:], strict=False):
                assert _follows(a, b), (page, line, a, b)
                count += 1
    for lang in ("bn", "en"):
        assert page.to_text(lang) and page.to_markdown(lang)
    return count


def _numeric(e: Expr) -> bool:
    return not any(isinstance(n, Sym) or n.shape or isinstance(n, Grid) for n in e.walk())


def _follows(a: Expr, b: Expr) -> bool:
    if whole(a) and whole(b) and exact(a) == exact(b):
        return True
    if isinstance(b, Num):
        return bool(significant(evaluate(a)) == b.value) or _close(a, b)
    return _close(a, b)


def _close(a: Expr, b: Expr) -> bool:
    """Stages in between: each part is rounded for itself."""
    x, y = Decimal(evaluate(a)), Decimal(evaluate(b))
    return abs(x - y) <= Decimal("0.002") * max(abs(x), abs(y), 1)
