"""Networks with more than weighted sums and activations: the page is whole, and every op has its
rule."""

from __future__ import annotations

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.explain.explanation import explained
from tests.explain.networks import NETWORKS, recorded


@pytest.mark.parametrize("name", NETWORKS)
def test_the_page_is_whole(name: str) -> None:
    page = explained(recorded(name), folded=False)
    assert {step.phase for step in page.steps} >= {
        "start", "forward", "loss", "backward", "update", "after"
    }  # fmt: skip
    assert not page.reading.unruled
    assert len(page.to_html("bn")) > 10_000
    first, path = next((t, p) for t, p in page.run.parameters.items() if t.numel() > 1)
    assert page.why(f"{path}[{', '.join('0' for _ in first.shape)}]").to_text("bn")


def test_the_page_of_one_image_speaks_of_what_there_is() -> None:
    gobhir.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3)
    )
    page = gobhir.explain(
        model, gobhir.randn(1, 1, 4, 4), gobhir.tensor([1]), loss=nn.CrossEntropyLoss()
    )
    told = " ".join(page.to_text("en").split())
    assert told.startswith("One training step, worked by hand")  # no "2-3": there is more to it
    assert "16 numbers go in. We push one example" in told
    assert "A small kernel slides over the image" in told and "Each row of X" not in told
    forward = told[told.index("A small kernel") : told.index("Neuron 1, with nothing skipped")]
    assert "row of weights" not in forward  # a ReLU after a convolution has none of its own


def test_a_table_whose_rows_are_cut_as_they_are_looked_up() -> None:
    model = nn.Sequential(nn.Embedding(5, 3, max_norm=0.5), nn.Flatten(), nn.Linear(6, 2))
    model.double()
    before = {name: p.numpy().copy() for name, p in model.state_dict().items()}
    x, y = gobhir.tensor([[1, 2], [3, 1]]), gobhir.tensor([0, 1])
    page = gobhir.explain(model, x, y, nn.CrossEntropyLoss(), mode="exact")
    assert all(np.array_equal(before[k], p.numpy()) for k, p in model.state_dict().items())
    table = page.reading.run.tape.value(model[0].weight)
    model(x)  # which cuts the rows itself
    assert np.array_equal(table, model[0].weight.detach().numpy())
    assert max(s.error or 0 for s in page.steps) < 1e-12
    assert "`max_norm`" in page.to_markdown("bn")
