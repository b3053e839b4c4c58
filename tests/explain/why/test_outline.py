"""The folded page of a big step: its layers as an outline."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.step import Fold, Say, Table
from gobhir.engine import Op, apply
from gobhir.explain.explanation import Explanation, explained
from gobhir.explain.recording import LARGE
from gobhir.explain.why.figures import Figures, figures
from gobhir.lift.sparing import PIECE
from tests.explain.networks import NETWORKS, recorded, resnet


def page_of(name: str) -> Explanation:
    return explained(recorded(name), folded=True)


def folds(page: Any) -> Iterator[Fold]:
    """Every fold of the page, from outside in."""

    def inside(pieces: Any) -> Iterator[Fold]:
        for piece in pieces:
            if isinstance(piece, Fold):
                yield piece
                yield from inside(piece.pieces)

    for step in page.steps:
        yield from inside(step.pieces)


def path(fold: Fold) -> str:
    return str(fold.heading.values["path"])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_that_ran_is_there_nested_as_in_the_model(name: str) -> None:
    page = page_of(name)
    found = [path(f) for f in folds(page)]
    ran = {page.run.layer(r) for r in page.run.tape.records if r.order <= page.run.boundary}
    assert {layer for layer in ran if layer} <= set(found)
    for outer in folds(page):
        for inner in outer.folds:
            assert path(inner).startswith(path(outer))
    order = [p for p in found if p in ran]
    first: dict[str, int] = {}
    for r in page.run.tape.records:
        first.setdefault(page.run.layer(r), r.order)
    leaves = [p for p in order if not any(q.startswith(f"{p}.") for q in order)]
    assert [first[p] for p in leaves] == sorted(first[p] for p in leaves)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("lang", ["bn", "en"])
def test_it_is_written_in_both_languages(name: str, lang: str) -> None:
    page = page_of(name)
    html = page.to_html(lang)
    assert html.count("<details>") == html.count("</details>") == len(list(folds(page)))
    text = page.to_text(lang)
    for fold in folds(page):
        assert f"{path(fold)} · " in " ".join(text.split())
    assert page.to_markdown(lang).count("\n- ") >= len(page.sections[1].steps[0].pieces) - 3
    bangla = any("\u0980" <= c <= "\u09ff" for c in text)
    assert bangla == (lang == "bn")


def test_the_parameters_are_counted_layer_by_layer() -> None:
    page = page_of("residual")
    counts: dict[str, str] = {}
    for f in folds(page):  # the block before the op that its result comes from
        counts.setdefault(path(f), f.heading.values["count"])
    for name, module in page.run.model.named_modules():
        own = sum(p.numel() for p in module.parameters())
        if name in counts and own:
            assert counts[name] == f"{own:,}"
    told = " ".join(page.to_text("en").split())
    every = sum(p.numel() for p in page.run.model.parameters())
    assert f"{every:,} parameters" in told


def test_statistics_are_numpys() -> None:
    array = np.random.default_rng(0).standard_normal((3, PIECE // 2 + 7)).astype(np.float32)
    array[array < -1] = 0
    for what in (array, array.T, array[:0]):
        found = figures(what)
        if not what.size:
            assert found == Figures(0.0, 0.0, 0.0, 0.0, 0.0)
            continue
        assert found.mean == pytest.approx(what.mean(dtype=float), rel=1e-5)
        assert found.spread == pytest.approx(what.std(dtype=float), rel=1e-5)
        assert found.zeros == (what == 0).mean()
        assert found.largest == pytest.approx(np.abs(what).max())
        assert found.length == pytest.approx(np.linalg.norm(what.astype(float)))


def test_a_layers_table_has_its_numbers() -> None:
    page = page_of("plain")
    fold = next(f for f in folds(page) if path(f) == "0")
    table = next(p for p in fold.pieces if isinstance(p, Table))
    rows = {row[0].strip("`"): row[1:] for row in table.rows}
    update = page.trace.updates[page.run.model[0].weight]
    expected = {
        "0": page.trace.value(page.trace.of_name["0"]),
        "∂L/∂0.weight": update.grad,
        "Δ0.weight": update.after["w"] - update.before["w"],
    }
    for name, array in expected.items():
        assert float(rows[name][0].value) == pytest.approx(array.mean(), rel=6e-3, abs=1e-12)
        assert float(rows[name][3].value) == pytest.approx(np.abs(array).max(), rel=6e-3)


def test_a_layer_is_opened_by_its_path_and_a_number_of_it_is_in_full() -> None:
    page = page_of("residual")
    told = " ".join(page.why("layer1.0.conv1").to_text("en").split())
    assert told.startswith("layer1.0.conv1 · Conv2d · (2, 2, 8, 8) · 36 parameters")
    weight = page.run.model.get_parameter("layer1.0.conv1.weight")
    gradient = page.trace.gradient(weight)
    assert gradient is not None
    at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    assert f"The gradient of layer1.0.conv1.weight[{', '.join(map(str, at))}] is" in told
    assert "m ← β₁m" in told  # and its update
    assert [path(f) for f in folds(page.why("layer1"))][0] == "layer1.0"


def test_an_op_without_a_rule_is_listed() -> None:
    class Odd(Op):
        """x cubed, without a formula."""

        def forward(x):
            return x**3

        def vjp(d, out, x):
            return d * 3 * x * x

    class Layer(nn.Module):
        def forward(self, z: Any) -> Any:
            return apply(Odd, z)

    model = nn.Sequential(nn.Linear(2, 2), Layer(), nn.Linear(2, 1))
    page = gobhir.explain(model, gobhir.randn(3, 2), gobhir.randn(3, 1), nn.MSELoss(), folded=True)
    said = [p for s in page.steps for p in s.pieces if isinstance(p, Say)]
    (listed,) = (s for s in said if s.key == "rules.outline.unruled")
    assert listed.values["ops"] == "`odd`"
    assert "rules.outline.unruled" not in {
        p.key for s in page_of("plain").steps for p in s.pieces if isinstance(p, Say)
    }


def test_the_size_of_the_step_decides_and_an_argument_overrules() -> None:
    small = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    given = gobhir.randn(2, 4), gobhir.randn(2, 1), nn.MSELoss()
    assert not list(folds(gobhir.explain(small, *given)))
    assert list(folds(gobhir.explain(small, *given, folded=True)))
    large = nn.Sequential(nn.Linear(4, LARGE // 5), nn.ReLU(), nn.Linear(LARGE // 5, 1))
    assert list(folds(gobhir.explain(large, *given)))
    assert gobhir.explain(large, *given, folded=False).reading is not None


def test_the_numbers_of_loss_and_change_are_told() -> None:
    page = page_of("plain")
    after = next(s for s in page.sections if s.phase == "after")
    said = {p.key: p.values for p in after.steps[0].pieces if isinstance(p, Say)}
    assert page.run.after is not None
    old, new = float(page.run.loss.value), float(page.run.after[1])
    assert float(said["rules.after.loss"]["old"].value) == pytest.approx(old, rel=1e-3)
    assert float(said["rules.after.loss"]["new"].value) == pytest.approx(new, rel=1e-3)
    predicted = sum(
        float((u.grad * (u.after["w"] - u.before["w"])).sum()) for u in page.run.tape.updates
    )
    assert float(said["rules.check.size"]["predicted"].value) == pytest.approx(predicted, rel=1e-3)


@pytest.mark.slow
def test_resnet18_has_all_its_layers() -> None:
    gobhir.manual_seed(0)
    model = resnet()
    given = gobhir.randn(2, 3, 32, 32), gobhir.tensor([3, 7]), nn.CrossEntropyLoss()
    page = gobhir.explain(model, *given, gobhir.optim.SGD(model.parameters(), lr=0.1))
    found = {path(f) for f in folds(page)}
    assert {f"layer{k}.{b}.conv{c}" for k in (1, 2, 3, 4) for b in (0, 1) for c in (1, 2)} <= found
    convolutions = [f for f in folds(page) if f.heading.values["kind"] == "Conv2d"]
    assert len(convolutions) == 20


class Words(HTMLParser):
    """The text of a page's headings that open."""

    def __init__(self) -> None:
        super().__init__()
        self.summaries: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "summary":
            self.inside = True
            self.summaries.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "summary"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.summaries[-1] += data


def test_the_headings_say_path_kind_shape_and_parameters() -> None:
    words = Words()
    words.feed(page_of("lenet").to_html("en"))
    assert words.summaries[0] == "0 · Conv2d · (2, 3, 6, 6) · 30 parameters"
    assert all(re.match(r"\S+ · \w+ · \(.*\)", s) for s in words.summaries)


def test_a_notebook_gets_the_outline_alone() -> None:
    page = page_of("residual")
    shown = page._repr_mimebundle_()["text/markdown"]
    assert "`layer1.0.conv1` · Conv2d" in shown
    assert len(shown) < len(page.to_markdown()) / 4


def test_a_large_model_is_explained_without_many_copies_of_it() -> None:
    model = nn.Sequential(nn.Linear(1000, 2000), nn.ReLU(), nn.Linear(2000, 5))
    given = gobhir.randn(2, 1000), gobhir.randn(2, 5), nn.MSELoss()
    optimizer = gobhir.optim.SGD(model.parameters(), lr=0.1)
    size = sum(p.array.nbytes for p in model.parameters())
    tracemalloc.start()
    page = gobhir.explain(model, *given, optimizer)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(folds(page))
    # The value, its gradient, the value afterwards, the optimizer's scratch memory; a few more
    # meanwhile.
    assert kept < 4.5 * size and peak < 7 * size + 4 * 8 * PIECE
