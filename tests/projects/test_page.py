"""The page of results and the model card: everything on them, in both languages, and nothing that
somebody's text could break."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from gobhir.evaluation import Estimate, wilson
from gobhir.evaluation.calibration import reliability
from gobhir.lang import LANGUAGES, counted, t
from gobhir.projects import figures, shown
from gobhir.projects.card import markdown
from gobhir.projects.page import html
from gobhir.projects.results import Card, Results, words
from tests.projects.test_results import of_classes, of_numbers

VOID = {"meta", "img", "br", "line", "circle", "polyline", "hr", "input", "link"}


class _Balanced(HTMLParser):
    """Fails where an element is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert not any(name == "style" for name, _ in attrs), "the policy forbids inline styles"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data + " "


def read(page: str) -> str:
    parser = _Balanced()
    parser.feed(page)
    parser.close()
    assert not parser.open
    return parser.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_has_everything_and_is_sound(lang: str) -> None:
    results = of_classes()
    page = html(results, lang)
    text = read(page)
    assert re.findall(r'<section id="(\w+)"', page) == [
        "numbers",
        "own",
        "per_class",
        "confusion",
        "curves",
        "calibration",
        "mistakes",
        "pictures",
        "card",
        "run",
    ]
    accuracy = results.models[0].numbers["accuracy"]
    assert (
        shown.value(accuracy, "accuracy") in text and shown.interval(accuracy, "accuracy") in text
    )
    for baseline in results.baselines:
        assert baseline.name.text(lang) in text
    assert {"bn": "গ<", "en": "c<"}[lang] in text and "<script>alert(1)</script> মন্দ নয়" in text
    assert "<script" not in page and "http-equiv" in page
    assert f'<html lang="{lang}">' in page and "Noto Sans Bengali" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert html(results, lang) == page


def test_of_many_classes_the_mistakes_come_first_and_the_rest_is_folded() -> None:
    count = 30
    y = np.tile(np.arange(count), 4)
    given = np.where(y == 7, 8, y)
    given[0] = 5
    names: Any = [f"class {i}" for i in range(count)]
    results = Results.of_classes("images", "t", {"m": given}, {"chance": y[::-1]}, y, names)
    page = html(results, "en")
    read(page)
    assert page.count("<details>") == 2 and page.count("<small>") > 2 * count
    (table,) = re.findall(r"<td>class 8</td><td>4</td>", page)
    assert table and page.index(table) < page.index("<td>class 5</td><td>1</td>")


def test_a_regression_has_its_page_too() -> None:
    page = html(of_numbers(), "en")
    read(page)
    assert re.findall(r'<section id="(\w+)"', page) == ["numbers", "pairs", "run"]
    assert "Better than the best baseline (linear model (ridge))" in page


@pytest.mark.parametrize(
    ("shift", "said"), [(0.0, "none"), (5.0, "better"), (-5.0, "worse"), (0.2, "same")]
)
def test_the_verdict_is_the_same_everywhere(shift: float, said: str) -> None:
    """The model's errors are smaller than the baseline's by `shift`, but for noise."""
    draw = np.random.default_rng(0)
    y = draw.normal(size=40)
    base = y + 9
    own = base - shift + (draw.normal(size=40) if shift else 0)
    results = Results.of_numbers("p", "t", {"m": own}, {"mean": base}, y)
    card = Card("x", [], [], ["x"])
    results.card = card
    for lang in LANGUAGES:
        told = {"name": words(results.baselines[0].name, lang), "change": "#"}
        start = t(f"projects.page.gain.{said}", lang, **told, measure="", interval="")
        start = start.split("#")[0]
        assert start in unescape(html(results, lang)) and start in markdown(results, lang)
        assert ('class="good"' in html(results, lang)) == (said == "better")
    assert "MAE" in str(results) and len(str(results).splitlines()) == 2


def test_two_classes_have_their_roc() -> None:
    p, y = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])
    others = {"chance": np.array([0, 1, 0, 1])}
    (chart,) = Results.of_classes("p", "t", {"m": p}, others, y, ["a", "b"]).charts
    assert [line.label for line in chart.lines] == ["m"]
    assert chart.lines[0].x[0] == chart.lines[0].y[0] == 0
    assert chart.lines[0].x[-1] == chart.lines[0].y[-1] == 1
    assert (0.0, 0.5) in zip(chart.lines[0].x, chart.lines[0].y, strict=True)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_card_is_markdown_that_says_what_was_said(lang: str) -> None:
    from markdown_it import MarkdownIt

    card = markdown(of_classes(), lang)
    shown_as = MarkdownIt("commonmark").enable("table").render(card)
    text = read(shown_as)
    assert "it | *is* small" in text and "https://example.org/a_b" in text
    assert "gobhir project" in text and "to learn" in text
    rows = re.findall(r"<tr>(.*?)</tr>", shown_as, re.S)
    assert len(rows) == 1 + 1 + 3 and len({row.count("<t") for row in rows}) == 1
    assert len(re.findall("<h2>", shown_as)) == 8


def test_numbers_have_as_many_digits_as_they_deserve() -> None:
    assert shown.value(wilson(993, 1000), "accuracy") == "99.30%"
    assert shown.interval(wilson(993, 1000), "accuracy") == "98.56–99.66%"
    assert shown.value(wilson(7, 9), "accuracy") == "78%"
    few = Estimate(-43.2178, -50.1, -36.0)
    assert (shown.value(few), shown.interval(few)) == ("−43.2", "−50.1 … −36.0")
    assert shown.value(Estimate(-0.00001, -0.1, 0.1)) == "0.00"
    assert shown.interval(Estimate(1.0)) == "" and shown.value(Estimate(float("nan"))) == "–"
    assert shown.points(Estimate(0.031, 0.02, 0.04), "accuracy", "en") == (
        "3.1 points",
        "2.0–4.0",
    )
    assert counted(1234567, "bn") == "১২,৩৪,৫৬৭" and counted(55267, "bn") == "৫৫,২৬৭"
    assert counted(1234567, "en") == "1,234,567"
    assert [shown.plain(one) for one in (3, 3.0, -0.25, 12345.6)] == [
        "3",
        "3.000",
        "−0.2500",
        "1.235e+04",
    ]


def test_drawings_stand_where_the_numbers_say() -> None:
    drawn = figures.curves([("a", [1, 2, 3], [0.0, float("nan"), 1.0])], "epoch", "alt")
    (points,) = re.findall(r'<polyline[^>]* points="([^"]*)"', drawn)
    (x0, y0), (x1, y1) = (map(float, spot.split(",")) for spot in points.split())
    assert x0 < x1 and y0 > y1  # y runs downward
    p = np.array([0.1, 0.9, 0.8, 0.7])
    square = figures.reliability([("x", reliability(p, [0, 1, 1, 0], 5))], "a", "b", "c")
    assert square.count('class="dot') == len(reliability(p, [0, 1, 1, 0], 5).count)
    rows = [("one", "own", Estimate(0.5, 0.4, 0.6), "0.5"), ("two", "model", Estimate(0.7), "")]
    beside = figures.beside(rows, "alt")
    spots = [float(x) for x in re.findall(r'<circle[^>]* cx="([\d.]+)"', beside)]
    ((low, high),) = re.findall(r'<line class="span own" x1="([\d.]+)" x2="([\d.]+)"', beside)
    assert float(low) < spots[0] < float(high) < spots[1]
    high = figures.curves([("a", [1, 2], [1e7, 3e7])], "epoch", "alt")
    assert "10·10⁶" in high and "30·10⁶" in high and ">0.000" not in high
    same = figures.beside([("one", "own", Estimate(0.5), "")], "alt")
    assert "nan" not in same
