"""Whole networks for images: no step without a rule, every line the engine's value, every gradient
PyTorch's, and a page that says what a teacher would."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.step import Derivation, Line
from gobhir.explain.pages.lines import element_line
from gobhir.explain.reading import Reading
from gobhir.explain.recording import Recording, record_step
from gobhir.lift.torch_replay import gradients
from gobhir.nn import functional as F
from tests.calculator import problems
from tests.effort import calls
from tests.explain.agreement import check_exactly


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(4, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3),
    )  # fmt: skip


class Block(nn.Module):
    """Two convolutions, and the way around them."""

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.one = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.two = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.around = nn.Conv2d(before, after, 1, stride=stride) if stride > 1 else nn.Identity()

    def forward(self, x: Any) -> Any:
        h = F.relu(self.norm1(self.one(x)))
        return F.relu(self.norm2(self.two(h)) + self.around(x))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.out = nn.Conv2d(1, 2, 3, padding=1), nn.Linear(3, 3)
        self.blocks = nn.Sequential(Block(2, 2, 1), Block(2, 3, 2))

    def forward(self, x: Any) -> Any:
        return self.out(self.blocks(F.relu(self.stem(x))).mean((2, 3)))


class UNet(nn.Module):
    """Down, up again, and across."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 3, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(3, 2, 2, stride=2), nn.Conv2d(4, 2, 1)

    def forward(self, x: Any) -> Any:
        a = F.relu(self.down(x))
        b = F.relu(self.deep(F.max_pool2d(a, 2)))
        return self.out(gobhir.cat([self.up(b), a], 1))


class Tokens(nn.Module):
    """A table of words, their mean, an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.norm = nn.Embedding(6, 4, padding_idx=0), nn.LayerNorm(4)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.out(gobhir.tanh(self.norm(self.table(x))).mean(1))


NETWORKS: dict[str, tuple[Any, Any, list[int] | tuple[int, ...]]] = {
    "lenet": (lenet, (2, 1, 10, 10), [1, 2]),
    "residual": (Residual, (2, 1, 6, 6), [0, 2]),
    "u-net": (UNet, (1, 1, 4, 4), (1, 4, 4)),
    "tokens": (Tokens, [[1, 2, 1, 0], [3, 1, 4, 4]], [0, 1]),
}


@cache
def recorded(name: str) -> Recording:
    gobhir.manual_seed(1)
    make, x, y = NETWORKS[name]
    model = make().double()
    rng = np.random.default_rng(1)
    for p in model.parameters():  # numbers that were never float32
        p.array[...] = p.array + rng.normal(0, 0.1, p.shape)
    optimizer = gobhir.optim.SGD(model.parameters(), lr=0.1)
    x = gobhir.randn(*x, dtype=gobhir.float64) if isinstance(x, tuple) else gobhir.tensor(x)
    target = gobhir.randint(0, 2, y) if isinstance(y, tuple) else gobhir.tensor(y)
    return record_step(model, x, target, nn.CrossEntropyLoss(), optimizer)


@cache
def page(name: str) -> Derivation:
    from gobhir.explain.explanation import explained

    return explained(recorded(name), "exact", "torch", folded=False)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_step_is_without_a_rule(name: str) -> None:
    reading = Reading(recorded(name), "exact")
    assert reading.unruled == []
    assert all(q.expr is not None for q in (*reading.computed, *reading.pulled))
    assert check_exactly(reading, most=12) > 100


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradients_are_pytorchs(name: str) -> None:
    run = recorded(name)
    ours = {t: p.exact for t, p in Reading(run, "exact").pulled_of.items() if t in run.parameters}
    theirs = gradients(run.tape, run.loss, list(ours))
    assert theirs is not None and len(ours) == len(run.parameters)
    for t, g in theirs.items():
        scale = max(float(np.abs(g).max()), 1e-3)
        assert np.ravel(ours[t]) == pytest.approx(np.ravel(g), rel=1e-9, abs=1e-9 * scale)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_calculator_gives_what_is_printed(name: str) -> None:
    assert problems(page(name).to_markdown("en"), "exact") == []


@pytest.mark.parametrize("name", NETWORKS)
def test_each_line_ends_at_the_engines_value(name: str) -> None:
    seen = 0
    for step in page(name).steps:
        for line in step.lines:
            if not isinstance(line, Line) or line.exact is None or np.ndim(line.exact):
                continue
            exact = float(line.exact)
            assert float(line.result) == pytest.approx(exact, rel=1e-3, abs=1e-12), step.id
            seen += 1
    assert seen > 15


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("lang", ["bn", "en"])
def test_the_page_is_whole_in_both_languages(name: str, lang: str) -> None:
    text = page(name).to_text(lang)
    assert "rules." not in text and "operatorname" not in text
    assert len(page(name).to_html(lang)) > 10_000


def said(name: str) -> str:
    return " ".join(page(name).to_text("en").split())


@pytest.mark.slow
def test_what_a_teacher_says_of_each() -> None:
    assert "of 12 numbers were switched off at random" in said("lenet")
    assert "Only the largest number of the window goes on" in said("lenet")
    assert "only the place that won its window receives the blame" in said("lenet")
    assert "this bias with it" in said("lenet")  # a convolution's bias before batch norm
    assert said("residual").count("Two paths meet here") == 2
    assert "Paths meet here" in said("residual")
    assert "come together as 1 × 4 × 4 × 4" in said("u-net")
    assert "Token 1 occurs 3 times here" in said("tokens")
    assert "Without a worked rule" not in said("tokens")


def test_what_has_no_rule_is_listed_at_the_end() -> None:
    class Rotated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(gobhir.tensor([[2.0, 1.0], [0.5, 3.0]]))

        def forward(self, x: Any) -> Any:
            return x @ gobhir.linalg.matrix_exp(self.w)

    told = gobhir.explain(
        Rotated(), gobhir.ones(2, 2), gobhir.zeros(2, 2), nn.MSELoss(), reference="differences"
    ).to_text("en")
    end = " ".join(told.split())
    assert end.endswith("shown only by name, shapes and values: matrix_exp.")


def test_a_large_step_is_read_at_once() -> None:
    """A million parameters, a million activations: no loop over the numbers."""
    gobhir.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128 * 8 * 8, 112), nn.ReLU(), nn.Linear(112, 10),
    )  # fmt: skip
    assert sum(p.numel() for p in model.parameters()) > 990_000
    x, y = gobhir.randn(8, 3, 32, 32), gobhir.randint(0, 10, (8,))
    run = record_step(model, x, y, nn.CrossEntropyLoss())
    found: list[Reading] = []
    assert calls(lambda: found.append(Reading(run, "exact"))) < 20_000
    deep = [p for p in found[0].pulled if len(p.shape) == 4]
    assert len(deep) >= 5
    for p in deep:
        middle = tuple(n // 2 for n in p.shape)
        assert calls(lambda p=p, at=middle: element_line(p, at, "exact")) < 100_000  # type: ignore[misc]
