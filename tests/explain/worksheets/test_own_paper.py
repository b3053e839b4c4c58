"""The worksheet of a step that is open."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gobhir
from gobhir import examples
from gobhir.derivation.step import Line
from gobhir.explain.worksheets.own_paper import paper_of
from gobhir.explain.worksheets.paper import print_page
from gobhir.explain.worksheets.worksheet import BLANK


@pytest.mark.parametrize("lang", ("bn", "en"))
@pytest.mark.parametrize(
    ("sizes", "loss", "optimizer", "batch"),
    [
        ("4-4-1", "half", "sgd", 1),
        ("2-2", "cross_entropy", "sgd", 1),
        ("2-2-1", "mse", "adam", 2),
        ("1-1-1", "half", "adam", 1),
    ],
)
def test_each_number_has_its_blank_and_the_key_is_all_right(
    sizes: str, loss: str, optimizer: str, batch: int, lang: str
) -> None:
    e = examples.network(sizes, None, loss, optimizer, batch=batch, seed=3)
    first = e.loss(e.model(e.x), e.y)
    first.backward()
    e.optimizer.step()
    page = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    paper = paper_of(page)
    assert len(set(paper.names())) == len(paper.names())
    html = print_page([paper], lang)
    assert html.count('class="box"') == len(paper.names()) > 0
    assert BLANK not in html and "gobhir check" not in html
    key = dict(row.split(",") for row in paper.to_csv(key=True).splitlines()[2:])
    report = paper.check(key)
    assert 'class="network"' in html
    assert report.right and report.points == report.out_of == len(key)
    assert not re.search(r'class="number"', html)  # it has no number that would bring it back


def test_the_paper_gives_what_the_optimizer_remembers() -> None:
    e = examples.network("1-1-1", None, "half", "momentum", seed=3)
    e.loss(e.model(e.x), e.y).backward()
    e.optimizer.step()
    page = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, reference="differences")
    kept = [e.optimizer.state[p]["momentum_buffer"].item() for p in e.model.parameters()]
    lines = [p for p in paper_of(page).givens if isinstance(p, Line)][-4:]
    shown = [float(np.ravel(line.result)[0]) for line in lines]
    assert shown == pytest.approx(kept, rel=1e-3)


def test_a_paper_of_a_page_with_all_digits_is_by_hand() -> None:
    page = gobhir.explain("4-4-1", mode="exact", reference="differences")
    assert paper_of(page).explanation.mode == "hand"


def test_what_no_paper_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="too many for a worksheet"):
        paper_of(gobhir.explain("12-12-2", reference="differences"))


def test_a_network_that_is_no_chain_has_a_paper_without_a_picture() -> None:
    from gobhir import nn

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x: gobhir.Tensor) -> gobhir.Tensor:
            return self.a(x) + self.b(x)

    gobhir.manual_seed(0)
    page = gobhir.explain(
        Sum(), [0.5, 0.25], [1.0, 0.0], examples.half_squared_error, reference="differences"
    )
    html = print_page([paper_of(page)], "en")
    assert "network" not in html.split("<article")[1] and 'class="box"' in html
