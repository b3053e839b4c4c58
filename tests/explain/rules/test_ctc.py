"""CTC loss on a page: the states, the tables, the probability, against PyTorch in float64 and
against all readings, counted out one by one."""

from __future__ import annotations

from itertools import groupby, product
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gobhir
from gobhir.derivation.step import Say
from gobhir.explain.rules import ctc
from tests.explain.agreement import check_exactly

BATCHES = {
    "twice the same": (5, [[1, 1], [2, 1]], [5, 4], [2, 1], {}),
    "another blank": (4, [[0, 1], [1, 0]], [4, 4], [2, 2], {"blank": 2}),
    "added up": (4, [[1, 2], [2, 1]], [4, 3], [1, 2], {"reduction": "sum"}),
    "each alone": (4, [[1, 2], [2, 1]], [4, 4], [2, 2], {"reduction": "none"}),
    "one too short": (4, [[1, 1], [2, 1]], [2, 4], [2, 2], {"zero_infinity": True}),
    "no labels": (3, [[1], [1]], [3, 3], [0, 1], {}),
    "one step": (1, [[1], [2]], [1, 1], [1, 1], {}),
}


class Scores(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.inner = nn.Linear(2, classes)

    def forward(self, x: Any) -> Any:
        return self.inner(x).log_softmax(-1)


def page(name: str, mode: str) -> Any:
    torch.manual_seed(2)
    steps, labels, lengths, many, options = BATCHES[name]
    given = [torch.tensor(v) for v in (labels, lengths, many)]
    f = nn.CTCLoss(**options)
    x = torch.randn(steps, len(labels), 2)
    return gobhir.explain(Scores(), x, None, lambda s: f(s, *given).sum(), mode=mode, folded=False)


@pytest.mark.parametrize("name", BATCHES)
def test_every_number_is_pytorchs(name: str) -> None:
    exact = page(name, "exact")
    assert not exact.reading.unruled and exact.reading.by_pytorch
    assert check_exactly(exact.reading, most=16) > 10
    assert max(s.error or 0 for s in exact.steps) < 1e-12
    hand = page(name, "hand")
    assert max(s.error or 0 for s in hand.steps) < 5e-3
    for lang in ("bn", "en"):
        assert hand.to_markdown(lang) and hand.to_json(lang) and hand.to_latex(lang)


def test_the_probability_is_that_of_all_readings() -> None:
    r = page("twice the same", "exact").reading
    (record,) = (k for k in r.helpers if k.op.name == "ctc_loss")
    made = dict(zip(r.expressions[record].helpers, r.helpers[record], strict=True))
    P = np.asarray(made["P"].exact)[:, 0]
    total, there = 0.0, np.zeros_like(P)
    for way in product(range(3), repeat=5):
        if [k for k, _ in groupby(way) if k != 0] == [1, 1]:
            p = np.prod(P[np.arange(5), way])
            total += p
            there[np.arange(5), way] += p
    assert np.asarray(made["p"].exact)[0] == pytest.approx(total, rel=1e-12)
    assert np.asarray(made["share"].exact)[:, 0] == pytest.approx(there / total, rel=1e-12)
    assert np.asarray(made["alpha4"].exact)[-2:].sum() == pytest.approx(total, rel=1e-12)
    assert np.asarray(made["beta0"].exact)[:2].sum() == pytest.approx(total, rel=1e-12)


def test_a_teacher_finds_all_on_the_board() -> None:
    whole = page("twice the same", "hand")
    said = [p.key for s in whole.steps for p in s.pieces if isinstance(p, Say)]
    wanted = ["states", "probabilities", "alpha", "one", "whole", "others", "mean"]
    wanted += ["beta", "share", "gradient"]
    assert [k.removeprefix("rules.ctc.") for k in said if k.startswith("rules.ctc.")] == wanted


def test_what_is_too_long_or_cannot_be_read_is_shown_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctc, "MOST", 10)
    long = page("twice the same", "exact")
    assert set(long.reading.unruled) == {"ctc_loss"}
    assert "`ctc_loss`" in long.to_markdown("en")
