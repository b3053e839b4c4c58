"""Worksheets: friendly numbers, forty different papers, what they look like in print."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir.derivation.expression import indices
from gobhir.derivation.terminal import plain_page
from gobhir.explain.worksheets.paper import print_page
from gobhir.explain.worksheets.worksheet import Worksheet, blanks, copied, save, steps_of
from gobhir.lang import LANGUAGES


@st.composite
def papers(draw: st.DrawFn) -> Worksheet:
    sizes = draw(st.sampled_from(["2-2-1", "3-2-1", "2-3-2", "2-2-2-1"]))
    activation = draw(st.sampled_from(["sigmoid", "tanh", "relu"]))
    loss = draw(st.sampled_from(["half", "mse", "bce"] + ["cross_entropy"] * sizes.endswith("2")))
    return Worksheet(sizes, draw(st.integers(0, 500)), activation, loss)


@given(papers())
@settings(max_examples=15)
def test_numbers_are_friendly(paper: Worksheet) -> None:
    for entry in paper.sheet.entries:
        values = np.ravel(np.array(entry.sym.value, object)).astype(float)
        if entry.given in ("input", "parameter"):
            assert np.allclose(values * 10, np.round(values * 10)) and (abs(values) < 1).all()
        if entry.name.base == "z":
            assert (abs(values) <= 2).all()
    named = {e.name.base: e for e in paper.asked}
    out = np.ravel(np.array(named["L"].sym.value, object)).astype(float)
    assert (out > 1e-3).all()


@given(papers())
@settings(max_examples=10)
def test_the_key_is_what_pytorch_computes(paper: Worksheet) -> None:
    """Hand mode's digits are near the exact values, and those are PyTorch's."""
    run = paper.explanation.run
    layers: list[torch.nn.Module] = []
    for part in run.model:
        kind = getattr(torch.nn, type(part).__name__)
        if kind is torch.nn.Linear:
            made = kind(*reversed(part.weight.shape)).double()
            with torch.no_grad():
                made.weight.copy_(torch.tensor(part.weight.detach().numpy()))
                made.bias.copy_(torch.tensor(part.bias.detach().numpy()))
        else:
            made = kind()
        layers.append(made)
    model = torch.nn.Sequential(*layers)
    p, y = model(torch.tensor(run.x.numpy())), torch.tensor(run.y.numpy())
    losses = {
        "half": lambda: 0.5 * ((p - y) ** 2).sum(),
        "mse": lambda: torch.nn.functional.mse_loss(p, y),
        "bce": lambda: torch.nn.functional.binary_cross_entropy(p, y),
        "cross_entropy": lambda: torch.nn.functional.cross_entropy(p, y),
    }
    loss = losses[paper.loss]()
    loss.backward()
    grads = [w.grad.numpy() for w in model.parameters() if w.grad is not None]
    mine = {
        (e.of.name.base, e.of.name.layer): e
        for e in paper.asked
        if e.of and e.phase == "backward" and e.of.given
    }
    for k, g in enumerate(grads):
        entry = mine["Wb"[k % 2], k // 2 + 1]
        values = np.array(entry.sym.value, object).astype(float)
        assert np.allclose(np.ravel(values), np.ravel(g), rtol=0.02, atol=2e-4)


def test_the_number_alone_brings_back_the_paper() -> None:
    for id in (
        "2-2-1/sigmoid/half/7",
        "3-2-2/tanh/cross_entropy/12",
        "2-2-1/relu/mse/3/forward+loss",
    ):
        paper = Worksheet.of(id)
        assert str(paper) == id
        assert Worksheet.of(id).to_csv(key=True) == paper.to_csv(key=True)
    assert Worksheet.of("২-২-১/sigmoid/half/৭") == Worksheet.of("2-2-1/sigmoid/half/7")


MORE = ("2-2-1/tanh/half/3/momentum/steps2", "2-1/sigmoid/half/5/adam/steps3",
        "2-2/sigmoid/cross_entropy/4/batch2", "2-1/relu/mse/8/rmsprop/batch2/steps2",
        "2-1/tanh/half/8/adamw", "2-2-1/sigmoid/bce/2/adagrad/forward+loss")  # fmt: skip


@pytest.mark.parametrize("id", MORE)
def test_other_optimizers_several_examples_and_steps(id: str) -> None:
    paper = Worksheet.of(id)
    assert str(paper) == id
    rows = [line.split(",") for line in paper.to_csv(key=True).splitlines()[2:]]
    assert [name for name, _ in rows] == paper.names() and len(set(paper.names())) == len(rows)
    report = gobhir.check({"" + name: value for name, value in rows}, id)
    assert report.right and report.points == report.out_of == len(rows) == blanks(paper)
    for lang in LANGUAGES:
        for key in (False, True):
            assert plain_page(paper.page(key), lang, 80)
        assert print_page([paper], lang).count('class="box"') == len(rows)


@pytest.mark.parametrize(
    "id", ["2-2-1/tanh/half/3/momentum/steps3", "2-1/sigmoid/half/5/adam/steps3"]
)
def test_several_steps_are_those_of_pytorch(id: str) -> None:
    """The last weights of the key beside PyTorch's after as many steps from the same start."""
    paper = Worksheet.of(id)
    e = paper.example()
    layers: list[torch.nn.Module] = []
    for part in e.model:
        made = getattr(torch.nn, type(part).__name__)
        if made is torch.nn.Linear:
            layer = made(*reversed(part.weight.shape)).double()
            with torch.no_grad():
                layer.weight.copy_(torch.tensor(part.weight.detach().numpy()))
                layer.bias.copy_(torch.tensor(part.bias.detach().numpy()))
            layers.append(layer)
        else:
            layers.append(made())
    model = torch.nn.Sequential(*layers)
    kinds = {"momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
             "adam": lambda p: torch.optim.Adam(p, lr=0.1)}  # fmt: skip
    optimizer = kinds[paper.optimizer](model.parameters())
    x, y = torch.tensor(e.x.numpy()), torch.tensor(e.y.numpy())
    for _ in range(3):
        optimizer.zero_grad()
        (0.5 * (model(x) - y) ** 2).sum().backward()
        optimizer.step()
    last = paper.papers[-1]
    new = {(n.name.base, n.name.layer): n for n in last.asked if n.new}
    for k, p in enumerate(model.parameters()):
        values = np.array(new["Wb"[k % 2], k // 2 + 1].sym.value, object).astype(float)
        assert np.allclose(np.ravel(values), p.detach().numpy().ravel(), rtol=0.01, atol=2e-3)


def test_a_mistake_in_the_first_step_is_forgiven_in_the_second() -> None:
    """Whoever goes on honestly from a wrong weight is right in the second step."""
    id = "2-1/tanh/mse/6/steps2"
    paper = Worksheet.of(id)
    key = dict(line.split(",") for line in paper.to_csv(key=True).splitlines()[2:])
    w = float(key["w1_1_new"]) + 0.2
    filled = {k: v for k, v in key.items() if not k.startswith("s2.")} | {"w1_1_new": f"{w:.4f}"}
    e = paper.example()
    x, others = e.x.numpy(), [float(key["w1_2_new"]), float(key["b1_new"])]
    filled["s2.yhat"] = f"{w * x[0] + others[0] * x[1] + others[1]:.4f}"
    report = gobhir.check(filled, id)
    assert [m.status for m in report.marks].count("wrong") == 1
    assert report.marks[-1].status == "right" and "Step 2" in report.to_text("en")
    wrong = gobhir.check({**key, "s2.yhat": "0.1234"}, id)
    assert [m.status for m in wrong.marks].count("wrong") == 1 and not wrong.right


@pytest.mark.slow
def test_forty_copies_are_forty_different_papers_that_check_knows() -> None:
    class_of_forty = copied(Worksheet("2-2-1", 100), 40)
    keys = {paper.to_csv(key=True).split("\n", 1)[1] for paper in class_of_forty}
    assert len(keys) == 40
    for paper in (class_of_forty[0], class_of_forty[39]):
        filled = dict(line.split(",") for line in paper.to_csv(key=True).splitlines()[2:])
        report = paper.check(filled)
        assert report.points == report.out_of == blanks(paper) == 28


def test_only_the_steps_that_are_asked() -> None:
    paper = Worksheet("2-2-1", 1, steps=steps_of("loss, forward")[0])
    assert paper.steps == ("forward", "loss") and blanks(paper) == 7
    assert {e.phase for e in paper.asked} == {"forward", "loss"}
    assert "delta" not in paper.to_csv()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_in_a_terminal_of_sixty_columns(lang: str) -> None:
    for key in (False, True):
        page = plain_page(Worksheet("2-2-1", 7).page(key), lang, 60)
        rows = [r for r in page.splitlines() if not re.search(r"[\u0980-\u09ff]", r)]
        assert max(map(len, rows)) <= 60
        assert ("………" in page) is not key
    assert page.count("=") > 60


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_printed_page_has_a_box_for_every_number_and_no_answers(lang: str) -> None:
    paper = Worksheet("2-2-1", 7)
    page = print_page([paper], lang, "without")
    assert page.count('class="box"') == 28
    assert page.count("<article") == 1 and 'class="key"' not in page
    assert "0.02739" not in page and "0.02739" in print_page([paper], lang, "only")
    both = print_page(copied(paper, 3), lang)
    assert re.findall(r'<article class="(\w+)"', both) == ["paper"] * 3 + ["key"] * 3


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("lang", LANGUAGES)
def test_pages_fit_paper_and_phone(lang: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    file = tmp_path / "paper.html"
    file.write_text(print_page([Worksheet("3-3-2", 4, "relu", "cross_entropy")], lang), "utf-8")
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 360, "height": 800})
        problems: list[str] = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.locator(".katex-error").count() == 0
        assert page.locator(".blank .katex").count() >= page.locator(".blank").count()
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 688, "height": 1000})  # A4 without its margins
        wide = page.evaluate(
            "[...document.querySelectorAll('.blank')]"
            ".filter(b => b.scrollWidth > b.clientWidth + 1).length"
        )
        browser.close()
    assert wide == 0 and not problems


def test_files(tmp_path: Path) -> None:
    paper = Worksheet("2-2-1", 7)
    for suffix in (".html", ".txt", ".md", ".csv", ".ipynb"):
        save([paper], tmp_path / f"a{suffix}", "bn")
        assert (tmp_path / f"a{suffix}").read_text(encoding="utf-8")
    names = json.loads((tmp_path / "a.ipynb").read_text(encoding="utf-8"))["cells"][1]["source"]
    assert all(f'"{name}"' in names for name in paper.names())
    text = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert text.index("………") < text.index("0.02739")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Worksheet.of("2-x-1/sigmoid/half/7").explanation, "2-x-1"),
        (lambda: Worksheet.of("2-2-1/soft/half/7").explanation, "soft"),
        (lambda: Worksheet.of("2-2-1/sigmoid/half"), "2-2-1/sigmoid/half"),
        (lambda: Worksheet("20-20-1", 1).explanation, "20-20-1"),
        (lambda: steps_of("forward,sideways"), "sideways"),
        (lambda: Worksheet("2-2-1", 1, rounds=9).explanation, "9"),
        (lambda: Worksheet("2-2-1", 1, steps=("loss",), rounds=2).explanation, ""),
        (lambda: Worksheet("2-2-1", 1, optimizer="sgdd").explanation, "sgdd"),
        (lambda: Worksheet("2-2-1", 1, batch=50).explanation, "2-2-1"),
        (lambda: copied(Worksheet("2-2-1", 1), 0), "0"),
        (lambda: copied(Worksheet("2-2-1", 1), 1000), "1000"),
        (lambda: save([Worksheet("2-2-1", 1)], "a.doc"), "a.doc"),
        (lambda: save(copied(Worksheet("2-2-1", 1), 2), "a.csv"), ".csv"),
        (lambda: save([Worksheet("2-2-1", 1)], "a.html", key="maybe"), "maybe"),
    ],
)
def test_errors_in_both_languages(make: object, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()  # type: ignore[operator]
    texts = [caught.value.args[0].text(lang) for lang in LANGUAGES]
    assert all(said in text for text in texts) and texts[0] != texts[1]


def test_blank_lines_stand_for_every_element() -> None:
    paper = Worksheet("2-3-2", 5)
    assert (
        len(paper.names()) == blanks(paper) == sum(len(list(indices(e.shape))) for e in paper.asked)
    )
    assert len(set(paper.names())) == blanks(paper)
