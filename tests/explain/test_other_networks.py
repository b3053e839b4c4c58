"""Networks for which the rule book is not complete: the page is whole, what has no rule is shown
by name, shapes and values."""

from __future__ import annotations

from typing import Any

import pytest

import gobhir
from gobhir import nn


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(x)[0][:, -1])


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.out = nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        h = self.embed(x)
        return self.out(self.norm(h + self.attend(h, h, h, need_weights=False)[0])[:, -1])


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3)
    )


def normalised() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.GELU(), nn.Linear(3, 1))


def dropping() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.SiLU(), nn.Linear(3, 1))


CASES: dict[str, Any] = {
    "convolution": (convolutional, (1, 1, 4, 4), [1], nn.CrossEntropyLoss, set()),
    "batch norm": (normalised, (4, 2), (4, 1), nn.MSELoss, set()),
    "dropout": (dropping, (4, 2), (4, 1), nn.MSELoss, set()),
    "lstm": (LastStep, (1, 3, 2), (1, 1), nn.MSELoss, set()),
    "attention": (Attending, [[1, 2, 0]], [2], nn.CrossEntropyLoss, set()),
}


def numbers(what: Any) -> gobhir.Tensor:
    return gobhir.tensor(what) if isinstance(what, list) else gobhir.randn(*what)


@pytest.mark.parametrize("name", CASES)
def test_the_page_is_whole(name: str) -> None:
    network, x, y, loss, without_rule = CASES[name]
    gobhir.manual_seed(0)
    model = network()
    optimizer = gobhir.optim.Adam(model.parameters(), lr=0.1)
    page = gobhir.explain(model, numbers(x), numbers(y), loss=loss(), optimizer=optimizer)
    told = " ".join(page.to_text("en").split())
    missing = {op for op in without_rule if f"no worked rule for {op} yet" not in told}
    assert not missing
    assert len(page.to_html("bn")) > 10_000
    phases = {step.phase for step in page.steps}
    assert {"start", "forward", "loss", "backward", "update", "after"} <= phases
    first = next(name for name, p in model.named_parameters() if p.numel() > 1)
    index = ", ".join("0" for _ in model.get_parameter(first).shape)
    assert page.why(f"{first}[{index}]").to_text("bn")


def test_the_page_of_one_image_speaks_of_what_there_is() -> None:
    gobhir.manual_seed(0)
    model = convolutional()
    page = gobhir.explain(
        model, gobhir.randn(1, 1, 4, 4), gobhir.tensor([1]), loss=nn.CrossEntropyLoss()
    )
    told = " ".join(page.to_text("en").split())
    assert told.startswith("One training step, worked by hand")  # no "2-3": there is more to it
    assert "16 numbers go in. We push one example" in told
    assert "A small kernel slides over the image" in told and "Each row of X" not in told
    forward = told[told.index("A small kernel") : told.index("Neuron 1, with nothing skipped")]
    assert "row of weights" not in forward  # a ReLU after a convolution has none of its own
