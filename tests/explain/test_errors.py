"""Bad input to explain: one clear message, in both languages, and nothing changed."""

import pytest

import gobhir
from gobhir import nn
from gobhir.examples import network


def message(trouble, lang):
    return trouble.value.args[0].text(lang)


def model():
    return nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1))


X, Y = gobhir.tensor([0.5, 0.1]), gobhir.tensor([1.0])


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (lambda: gobhir.explain(model(), X, Y), TypeError, "loss"),
        (lambda: gobhir.explain(model(), X, Y, "mse"), TypeError, "MSELoss()"),
        (lambda: gobhir.explain(model(), X, Y, nn.MSELoss(), mode="guess"), ValueError, "guess"),
        (lambda: gobhir.explain(nn.Sigmoid(), X, Y, nn.MSELoss()), ValueError, ""),
        (
            lambda: gobhir.explain(model(), gobhir.tensor([float("nan"), 1.0]), Y, nn.MSELoss()),
            ValueError,
            "NaN",
        ),
        (
            lambda: gobhir.explain(model(), X, Y, lambda p, y: (p * 0).log()),
            ValueError,
            "log",
        ),
        (
            lambda: gobhir.explain(model(), X, Y, lambda p, y: gobhir.tensor([1.0, 2.0]) * p),
            ValueError,
            "(2,)",
        ),
        (lambda: gobhir.explain(model(), X, Y, lambda p, y: 3.0), ValueError, "float"),
        (
            lambda: gobhir.explain(model(), X, Y, lambda p, y: (p.detach() - y) ** 2),
            ValueError,
            "detach",
        ),
        (lambda: network("4-x-1"), ValueError, "4-x-1"),
        (lambda: network("4-9999-1"), ValueError, "512"),
        (lambda: network("4-4-1", activation="swish"), ValueError, "swish"),
        (lambda: network("4-4-1", x=[1, 2]), ValueError, "4"),
        (lambda: network("4-4-1", x=[1, 2, 3, float("inf")]), ValueError, "x"),
        (lambda: network("2-3", loss="cross_entropy", y=[7]), ValueError, "2"),
    ],
)
def test_bad_input_says_what_was_wrong(act, kind, words):
    with pytest.raises(kind) as trouble:
        act()
    assert words in message(trouble, "en")
    assert words in message(trouble, "bn")
    assert any("\u0980" <= c <= "\u09ff" for c in message(trouble, "bn"))


@pytest.mark.parametrize(
    "name", ["nowhere[0]", "0.weight[9, 9]", "0.weight[1]", "0.weight[a]", "["]
)
def test_why_names_what_there_is(name):
    with pytest.raises((KeyError, IndexError)) as trouble:
        gobhir.explain("4-4-1").why(name)
    assert "0.weight" in message(trouble, "en") or "(4, 4)" in message(trouble, "en")


def test_a_large_network_is_not_worked_by_hand():
    e = network("200-200-10")
    with pytest.raises(ValueError, match="exact"):
        gobhir.explain(e.model, e.x, e.y, e.loss, mode="hand")
    d = gobhir.explain(e.model, e.x, e.y, e.loss, reference="differences")
    assert d.mode == "exact"
