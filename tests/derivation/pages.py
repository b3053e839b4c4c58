"""A small derivation with every kind of piece, for the renderers' tests."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from gobhir.derivation.arrays import MatMul, Transposed
from gobhir.derivation.expression import (
    Labelled,
    Name,
    Negative,
    Num,
    Product,
    Sum,
    Sym,
)
from gobhir.derivation.rounding import decimals, significant, stages
from gobhir.derivation.step import Count, Derivation, Line, Piece, Say, Section, Step, Table

W = Sym(Name("W", 1, element="w"), decimals([[0.2, -0.4], [0.7, 0.3]]))
X = Sym(Name("x"), decimals([0.5, 0.1]))
B = Sym(Name("b", 1), decimals([0.1, -0.2]))
DELTA = Sym(Name("delta", 2), Decimal("-0.08400"))
NEURONS = [Say("rules.table.neuron", {"j": Count(j)}) for j in (1, 2)]


def num(text: str) -> Num:
    return Num(Decimal(text))


def first_neuron() -> Line:
    z = MatMul(W, X).at((0,))
    assert isinstance(z, Sum)
    whole = stages(Sum((*z.terms, B.at((0,)))), significant)
    return Line(Name("z", 1, (1,)), whole, error=3e-5, exact=0.159970)


def small(mode: str = "hand") -> Derivation:
    givens: list[Piece] = [Line(s, (Num(s.value),)) for s in (X, W, B)]
    slope = Sym(Name("yhat", by=Name("z", 2)), Decimal(0))
    blame = Product((Labelled(num("-0.3632"), Sym(Name("L", by=Name("yhat")), Decimal(0))),
                     Labelled(num("0.2313"), slope)))  # fmt: skip
    weights = Name("W", 2, element="w").d()
    row = Num(decimals([[0.5, 0.1]]))
    w = Sym(Name("w", 1, (2, 1)), Decimal("0.7"))
    forward: list[Piece] = [
        Say("rules.start.weights", {"w": Name("w", index=("j", "i")), "W": W}),
        Line(Name("z", 1), (Sum((MatMul(W, X), B)),)),
        first_neuron(),
        Table(
            (None, *NEURONS),
            ((Sym(Name("z", 1, ("j",)), Decimal(0)), num("0.16"), num("0.18")),),
            error=2e-5,
        ),
    ]
    backward: list[Piece] = [
        Say("rules.backward.define"),
        Line(DELTA, (blame, num("-0.08401"))),
        Line(
            weights,
            (
                Product((DELTA, Transposed(X))),
                Product((num("-0.08401"), row)),
                Num(decimals([[-0.04201, -0.008401]])),
            ),
            error=1e-6,
            exact=np.array([[-0.042, -0.0084]]),
        ),
    ]
    update: list[Piece] = [
        Line(
            w,
            (Sum((w, Negative(Product((Sym(Name("eta"), Decimal("0.5")), num("0.5")))))),
             Sum((num("0.7"), Negative(Product((num("0.5"), num("0.5")))))), num("0.45")),
            arrow=True,
            marked=mode == "exact",
        ),
    ]  # fmt: skip
    phases = {"start": givens, "forward": forward, "backward": backward, "update": update}
    sections = tuple(
        Section(phase, (Step(f"{phase}.0", phase, phase, "", "", {}, tuple(pieces)),))
        for phase, pieces in phases.items()
    )
    kind = Say("rules.activation_name.sigmoid")
    title = Say("rules.title.network_of", {"sizes": "2-2-1", "kind": kind})
    return Derivation(title, (Say("rules.intro.hand"),), sections, mode)
