"""The moving pictures: each scene, run under Node, against the engine's on a hundred drawn states;
the drawing of the page against the still one; what can be set, and what is refused."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import traitlets

from gobhir.lang import LANGUAGES, catalogue
from gobhir.widgets import pictures, still
from gobhir.widgets.moving import Choice, Knob, Moving
from gobhir.widgets.still import draw, speaker
from tests.browser.glass_page import contrast
from tests.widgets.node import ask_picture

ALL = [getattr(pictures, name) for name in pictures.__all__]
every = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.NAME)
THOUSANDS_OF_UPDATES = (pictures.Batches, pictures.Race)
a_hundred = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.slow] if kind in THOUSANDS_OF_UPDATES else [])
        for kind in ALL
    ],
    ids=lambda kind: kind.NAME,
)


def drawn(picture: Moving, count: int, seed: int) -> list[dict[str, Any]]:
    """States from all over: the start, the ends of every knob, and whatever lies between."""
    rng = np.random.default_rng(seed)

    def one(knob: Knob | Choice) -> Any:
        if isinstance(knob, Choice):
            return str(rng.choice(knob.options))
        ends = [knob.low, knob.high, knob.value]
        if knob.kind == "steps":
            return int(rng.choice([*ends, *rng.integers(knob.low, knob.high + 1, 4)]))
        near = knob.low + knob.step * rng.integers(0, round((knob.high - knob.low) / knob.step) + 1)
        return float(rng.choice([*ends, *[round(float(near), 6)] * 5, rng.uniform(*ends[:2])]))

    knobs = picture.made_of()
    return [picture.state, *({k.name: one(k) for k in knobs} for _ in range(count - 1))]


def alike(got: Any, want: Any, where: str = "scene") -> None:
    """The same data: numbers as near as rounding of float64 allows, all else equal."""
    if isinstance(want, dict):
        assert got.keys() == want.keys(), where
        for key in want:
            alike(got[key], want[key], f"{where}.{key}")
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want), where
        if (
            want
            and all(isinstance(v, list) and len(v) == 2 for v in want)
            and where.endswith("points")
        ):
            np.testing.assert_allclose(
                np.array(got, float), np.array(want), rtol=1e-7, atol=1e-8, err_msg=where
            )
            return
        for k, (one, other) in enumerate(zip(got, want, strict=True)):
            alike(one, other, f"{where}[{k}]")
    elif isinstance(want, (float, np.floating)) or isinstance(got, float):
        np.testing.assert_allclose(float(got), want, rtol=1e-7, atol=1e-8, err_msg=where)
    else:
        assert got == want, where


@a_hundred
def test_a_hundred_drawn_states_agree_with_the_engine(kind: type[Moving]) -> None:
    picture = kind()
    states = drawn(picture, 100, seed=5)
    asked = [{"state": state, "given": picture.given} for state in states]
    for state, got in zip(states, ask_picture(kind.NAME, "scene", asked), strict=True):
        alike(got, picture.draw(state), f"{state}")


@every
def test_the_page_draws_what_the_still_picture_draws(kind: type[Moving]) -> None:
    picture = kind(lang="bn")
    strings = picture.page_state("bn")["strings"]["bn"]
    plots = [plot for state in drawn(picture, 6, seed=6) for plot in picture.draw(state)["plots"]]
    asked = [{"plot": plot, "width": 336, "strings": strings} for plot in plots]
    for plot, got in zip(plots, ask_picture(kind.NAME, "draw", asked), strict=True):
        want, _ = draw(plot, 336, speaker(kind.NAME, "bn"))
        number = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
        assert number.sub("#", got) == number.sub("#", want)
        numbers = [[float(n) for n in number.findall(svg)] for svg in (got, want)]
        np.testing.assert_allclose(*numbers, atol=0.11)


@every
def test_every_word_is_there_and_every_value_put_in(kind: type[Moving]) -> None:
    picture = kind()
    own = {key for key in catalogue("en") if key.startswith(f"pictures.{kind.NAME}.")}
    wanted = {f"knob.{knob.name}" for knob in picture.made_of() if not knob.label} | {"name"}
    for knob in picture.made_of():
        if isinstance(knob, Choice):
            wanted |= {f"{knob.name}.{option}" for option in knob.options}
    assert {f"pictures.{kind.NAME}.{key}" for key in wanted} <= own
    said = set()
    for state in drawn(picture, 16, seed=7):
        scene = picture.draw(state)
        for lang in LANGUAGES:
            svg = still.still(scene, kind.NAME, lang)
            label = ET.fromstring(svg).attrib["aria-label"]
            said.add(label)
            assert "{" not in re.sub("<style>.*</style>", "", svg, flags=re.DOTALL)
            assert (lang == "bn") == any("\u0980" <= c <= "\u09ff" for c in label)
            assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert len(said) > 10


@pytest.mark.parametrize("kind", [pictures.Descent, pictures.MatrixProduct])
def test_what_was_set_is_written_to_the_address_and_read_back(kind: type[Moving]) -> None:
    picture = kind()
    knobs = picture.page_state("en")["knobs"]
    states = drawn(picture, 30, seed=8)
    written = ask_picture(kind.NAME, "write", [{"knobs": knobs, "state": s} for s in states])
    assert written[0] is None and all(re.fullmatch(r"[\w:.~-]+", w) for w in written[1:] if w)
    back = ask_picture(kind.NAME, "read", [{"knobs": knobs, "address": w or ""} for w in written])
    assert back == states
    first = knobs[-1]["name"]
    hostile = [
        "~~~",
        f"{first}:1e999",
        f"{first}:0x1",
        "__proto__:1~constructor:2",
        "<b>:%",
        "a:1" * 5000,
    ]
    asked = [{"knobs": knobs, "address": text} for text in hostile]
    assert all(state == picture.state for state in ask_picture(kind.NAME, "read", asked))


@every
def test_the_page_gets_plain_json_in_both_languages(kind: type[Moving]) -> None:
    state = json.loads(json.dumps(kind().page_state("bn"), allow_nan=False))
    assert state["lang"] == "bn" and state["address"] == kind.NAME
    assert state["strings"]["bn"].keys() == state["strings"]["en"].keys()
    assert len(json.dumps(state)) < 24_000


def test_ones_own_numbers_and_what_goes_back() -> None:
    picture = pictures.Descent(lr=0.5, w=-3)
    assert (picture.state["lr"], picture.state["w"], picture.state["step"]) == (0.5, -3.0, 0)
    picture.state = {"step": 1}
    assert picture.state == {"on": "curve", "lr": 0.5, "w": -3.0, "v": 2, "step": 1}


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([[1, 2]], [[1, 2]], ["(1, 2)"]),
        ([[1, 2], [3]], [[1], [2]], ["[3]"]),
        ([[1] * 5], [[1]] * 5, ["(1, 5)", "4"]),
        ([1, 2], [3, 4], ["(2,)"]),
        ([[float("inf")]], [[1]], ["a11", "inf"]),
    ],
)
def test_matrices_that_do_not_meet_are_refused(a: Any, b: Any, words: list[str]) -> None:
    with pytest.raises(ValueError) as trouble:
        pictures.MatrixProduct(a, b)
    for lang in LANGUAGES:
        said = trouble.value.args[0].text(lang)
        assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"lr": 2}, ["lr", "1.2", "2"]),
        ({"lr": float("nan")}, ["lr", "nan"]),
        ({"step": 1.5}, ["step", "30", "1.5"]),
        ({"on": "hill"}, ["on", "bowl", "hill"]),
        ({"speed": 1}, ["speed", "lr"]),
    ],
)
def test_what_makes_no_sense_is_refused_in_both_languages(wrong: Any, words: list[str]) -> None:
    picture = pictures.Descent()
    with pytest.raises(ValueError) as made:
        pictures.Descent(**wrong)
    with pytest.raises(traitlets.TraitError) as put:
        picture.state = wrong
    for trouble in (made, put):
        for lang in LANGUAGES:
            said = trouble.value.args[0].text(lang)
            assert all(word in said for word in words), said


def test_dropout_is_the_average_over_all_that_can_be_dropped() -> None:
    """Every mask of three terms by its probability, kept terms scaled by 1 / (1 - p): at the
    picture's weights the average loss has no slope left."""
    from gobhir.widgets.pictures.overfitting import fit, points

    p, (train, _) = 0.3, points()
    weights = fit(train, 3, {"guard": "dropout", "p": p, "l2": 0.0})
    terms = np.polynomial.chebyshev.chebvander(train[:, 0], 3)
    slope = np.zeros(4)
    for kept in np.ndindex(2, 2, 2):
        mask = np.array([1.0, *(k / (1 - p) for k in kept)])
        chance = np.prod([1 - p if k else p for k in kept])
        slope += chance * 2 * (terms * mask).T @ ((terms * mask) @ weights - train[:, 1])
    np.testing.assert_allclose(slope, 0, atol=1e-10)
    assert np.abs(fit(train, 3, {"guard": "none", "p": p, "l2": 0.0}) - weights).max() > 0.05


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(theme: str) -> None:
    """WCAG AA, 4.5 to 1, for every colour that writes."""
    css = (Path(still.__file__).parent / "marks.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([a-z-]+): (#\w{6})", css.split("}")[theme == "dark"]))
    for ground in ("paper", "glass"):
        for name in colours.keys() - {"paper", "glass", "rule", "on-main"}:
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    assert contrast(colours["on-main"], colours["main"]) >= 4.5


def test_the_learning_rates_that_the_lesson_names() -> None:
    """On w² from 4: 0.1 leaves 0.8 of the way, 1.0 swings between 4 and -4, 1.1 runs away."""
    from gobhir.widgets.pictures.descent import descend

    of = {"on": "curve", "w": 4.0, "v": 0.0}
    slow, swing, away = ([w for w, _, _ in descend({**of, "lr": lr}, 30)] for lr in (0.1, 1.0, 1.1))
    assert slow[:3] == pytest.approx([4, 3.2, 2.56])
    assert swing[:4] == pytest.approx([4, -4, 4, -4])
    assert all(abs(b) > abs(a) for a, b in zip(away, away[1:], strict=False))
