"""Drawn networks, worked out on a page, and every printed line of the page redone by calculator."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import pytest

import gobhir
from gobhir.derivation.step import Derivation
from gobhir.examples import ACTIVATIONS, LOSSES, OPTIMIZERS, Example, network
from tests.calculator import Notes, four_digits, problems, redone

FEW, MANY = 12, 160


@dataclass(frozen=True)
class Drawn:
    """What to explain, in words that a failing test can print."""

    sizes: str
    activation: str
    loss: str
    optimizer: str
    batch: int
    seed: int
    wild: bool

    def example(self) -> Example:
        made = network(
            self.sizes, self.activation, self.loss, self.optimizer, None, self.batch, self.seed
        )
        if self.wild:  # numbers with all their digits, some of them large or small
            rng = np.random.default_rng(self.seed)
            for p in made.model.parameters():
                p.array[...] = rng.normal(0, 1, p.shape) * 10 ** rng.uniform(-2, 0.5)
            made.x.array[...] = rng.normal(0, 1, made.x.shape)
        return made

    def explain(self, mode: str) -> Derivation:
        e = self.example()
        return gobhir.explain(
            e.model, e.x, e.y, e.loss, e.optimizer, mode=mode, reference="differences"
        )


def drawn(count: int, seed: int) -> list[Drawn]:
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        sizes = [int(n) for n in rng.integers(1, 5, rng.integers(2, 5))]
        loss = str(rng.choice(list(LOSSES)))
        if loss == "cross_entropy":
            sizes[-1] = max(sizes[-1], 2)
        out.append(
            Drawn(
                "-".join(map(str, sizes)),
                str(rng.choice(list(ACTIVATIONS))),
                loss,
                str(rng.choice(list(OPTIMIZERS))),
                int(rng.choice([1, 1, 2, 3])),
                int(rng.integers(10_000)),
                bool(rng.random() < 0.3),
            )
        )
    return out


def judge(cases: list[Drawn], mode: str) -> int:
    """How many equalities were redone; fails with the first page on which one is wrong."""
    count = 0
    for case in cases:
        page = case.explain(mode).to_markdown("en")
        assert problems(page, mode) == [], case
        assert (found := redone(page)) > 5, case
        count += found
    return count


@pytest.mark.parametrize("mode", ["hand", "exact"])
def test_the_house_network(mode: str) -> None:
    page = gobhir.explain("4-4-1", mode=mode, reference="differences").to_markdown("en")
    assert problems(page, mode) == []
    assert redone(page) >= 20
    if mode == "hand":
        notes = Notes()
        notes.read(page)
        assert notes.compared >= 45


@pytest.mark.parametrize("mode", ["hand", "exact"])
def test_a_few_networks(mode: str) -> None:
    assert judge(drawn(FEW, seed=1), mode) > 20 * FEW


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_hundreds_of_networks(part: int) -> None:
    for mode in ("hand", "exact"):
        assert judge(drawn(MANY // 4, seed=100 + part), mode) > 20 * MANY // 4


@pytest.mark.parametrize("path", ["0.weight[0, 0]", "2.weight[0, 1]", "0.bias[1]"])
@pytest.mark.slow
def test_answers_to_why(path: str) -> None:
    for case in drawn(6, seed=7):
        case = Drawn("2-2-2", *[getattr(case, f) for f in list(case.__dataclass_fields__)[1:]])
        for mode in ("hand", "exact"):
            why = case.explain(mode).why(path)  # type: ignore[attr-defined]  # an Explanation
            assert problems(why.to_markdown("en"), mode) == [], (case, mode)


# What the tables show of the other neurons has no line to redo: it is worked out here.


def by_hand(case: Drawn) -> dict[str, list[Decimal]]:
    """Sums and activations of every layer, as a person with a four-digit pad gets them."""
    e = case.example()
    layers = [m for m in e.model if hasattr(m, "weight")]
    a = [four_digits(Decimal(repr(float(v)))) for v in np.ravel(e.x.array)]
    out: dict[str, list[Decimal]] = {}
    for k, layer in enumerate(layers, 1):
        z = []
        for row, b in zip(layer.weight.array, layer.bias.array, strict=True):
            weights = [four_digits(Decimal(repr(float(w)))) for w in row]
            products = [four_digits(w * v) for w, v in zip(weights, a, strict=True)]
            z.append(four_digits(sum(products) + four_digits(Decimal(repr(float(b))))))
        with localcontext(prec=40):
            powers = [four_digits((-v).exp()) for v in z]
            a = [four_digits(1 / (1 + p)) for p in powers]
        out[f"z^({k})"], out[f"a^({k})"] = z, a
    return out


@pytest.mark.parametrize("seed", range(8))
def test_tables_hold_what_a_person_gets(seed: int) -> None:
    case = Drawn("3-4-3-2", "sigmoid", "half", "sgd", 1, seed, wild=seed % 2 == 1)
    notes = Notes()
    notes.read(case.explain("hand").to_markdown("en"))
    expected = by_hand(case)
    expected[r"\haty"] = expected.pop("a^(3)")
    compared = 0
    for name, values in expected.items():
        for j, v in enumerate(values, 1):
            assert notes.known[f"{name}_{j}"] == v, (name, j)
            compared += 1
    assert compared == 18


def test_halves_are_rounded_away_from_zero() -> None:
    """The one convention that page and calculator share is stated once more, on its own."""
    half = Decimal("0.12345").quantize(Decimal("0.0001"), ROUND_HALF_UP)
    assert four_digits(Decimal("0.12345")) == half == Decimal("0.1235")
    assert four_digits(Decimal("-0.12345")) == -half
