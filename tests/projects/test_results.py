"""Results: what they refuse, what they keep, and that nothing is lost on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gobhir.evaluation import Estimate, baselines, wilson
from gobhir.lang import say
from gobhir.projects import Project
from gobhir.projects.results import Card, Data, Mistake, Model, Picture, Results, Table
from gobhir.training import History

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(300, 4))
Y = (X @ DRAW.normal(size=(4, 3)) + DRAW.gumbel(size=(300, 3))).argmax(1)
Z = X[200:] @ DRAW.normal(size=(4, 3)) + 2 * np.eye(3)[Y[200:]]
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cc`\0\0\0\2\0\1"
    b"H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82"
)
CLASSES: list[Any] = [{"bn": "ক", "en": "a"}, {"bn": "খ", "en": "b"}, {"bn": "গ<", "en": "c<"}]


def of_classes(**others: Any) -> Results:
    found = Results.of_classes(
        "digits",
        {"bn": "অঙ্ক <চেনা>", "en": "Reading <digits>"},
        {"net": Z},
        baselines.for_classes(X[:200], Y[:200], X[200:]),
        Y[200:],
        CLASSES,
        temperature=1.5,
        mistakes=[
            Mistake(CLASSES[0], CLASSES[2], 0.9, picture=PNG),
            Mistake("good", "bad", text="<script>alert(1)</script> মন্দ নয়"),
            Mistake("3.5", "7.1", row={"age|": "48"}),
        ],
        tables=[Table("harder", ["", "n"], [["thin", wilson(7, 9)], ["thick", 3]], "", "accuracy")],
        pictures=[Picture("filters", PNG)],
        data=Data(
            "made here", "https://example.org/a_b", "", "Nobody", {"train": 200, "test": 100}
        ),
        card=Card(
            "to learn", [say("projects.command.run")], ["it | *is* small"], ["gobhir project"]
        ),
        **others,
    )
    rows = [{"epoch": 1, "loss": 2.0, "val_loss": 2.1}, {"epoch": 2, "loss": 1.0, "val_loss": 1.5}]
    return found.trained(history=History(rows), seconds=12.5)


def of_numbers() -> Results:
    y = X @ [1.0, 2.0, 0.0, 0.0] + DRAW.normal(size=300)
    guesses = baselines.for_numbers(X[:200], y[:200], X[200:])
    return Results.of_numbers("tables", "t", {"net": y[200:] + 0.1}, guesses, y[200:])


def test_what_is_saved_is_read_back_whole(tmp_path: Path) -> None:
    made = of_classes()
    page = made.save(tmp_path / "new")
    assert sorted(f.name for f in page.parent.iterdir()) == [
        "card.bn.md",
        "card.en.md",
        "results.bn.html",
        "results.en.html",
        "results.json",
    ]
    read = Results.load(page.parent)
    assert read.models == made.models and read.per_class == made.per_class
    assert read.calibration == made.calibration and read.gains == made.gains
    assert read.tables[0].rows[0][1] == wilson(7, 9)
    assert read.mistakes[0].picture == PNG
    assert read.card is not None and read.card.not_for == [
        {lang: say("projects.command.run").text(lang) for lang in ("bn", "en")}
    ]
    again = read.save(tmp_path / "again").parent
    for file in page.parent.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()


def test_a_cameras_password_goes_to_no_results(tmp_path: Path) -> None:
    settings = Project("anomaly").settings(data="rtsp://me:secret@10.0.0.2/yard", rate=2.0)
    found = of_numbers().trained(settings)
    assert (found.settings["data"], found.settings["rate"]) == ("rtsp://me:***@10.0.0.2/yard", 2.0)
    found.save(tmp_path)
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_layout_of_the_file_stays(tmp_path: Path) -> None:
    """Others read it: who changes this raises SCHEMA."""
    content = json.loads((of_numbers().save(tmp_path).parent / "results.json").read_text("utf-8"))
    assert content["schema"] == 1
    assert " ".join(content) == (
        "project title models baselines main about gains classes per_class confusion history "
        "calibration pairs mistakes tables charts pictures unit data card settings seed seconds "
        "machine version commit date schema"
    )
    numbers = content["models"][0]["numbers"]
    assert list(numbers) == ["mae", "rmse", "r2"]
    assert list(numbers["mae"]) == ["value", "low", "high", "n", "level", "method", "groups"]
    assert [one["name"]["en"] for one in content["baselines"]][0] == "always the mean"


def test_the_first_model_is_compared_with_each_baseline() -> None:
    numbers, classes = of_numbers(), of_classes()
    assert [gain.low > 0 for gain in numbers.gains] == [True] * 3
    assert numbers.best_baseline == 2
    best = classes.baselines[classes.best_baseline].numbers["accuracy"]
    assert best.value == max(one.numbers["accuracy"].value for one in classes.baselines)
    gain = classes.gains[classes.best_baseline]
    assert gain.value == pytest.approx(classes.models[0].numbers["accuracy"].value - best.value)


ONE = Model("m", {"accuracy": wilson(7, 9)})


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("baseline", lambda: Results("p", "t", [ONE], [], "accuracy")),
        ("f1", lambda: Results("p", "t", [ONE], [ONE], "f1")),
        ("0.9", lambda: Results("p", "t", [Model("m", {"accuracy": 0.9})], [ONE], "accuracy")),  # type: ignore[dict-item]
        ("3", lambda: replace(of_classes(), confusion=[[1, 2], [3, 4]])),
        ("PNG", lambda: replace(of_classes(), pictures=[Picture("x", b"GIF89a")])),
    ],
)
def test_dishonest_or_broken_results_are_refused(said: str, wrong: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        wrong()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"schema": 99}',
        '{"schema": 1}',
        '{"schema": 1, "project": "p", "title": "t", "models": 3, "baselines": [], "main": "a"}',
        '{"schema": 1, "project": 7, "title": "t", "models": [], "baselines": [], "main": "a"}',
        '{"schema": 1, "surprise": 1}',
    ],
)
def test_a_file_that_is_no_results_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "results.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="results.json|baseline"):
        Results.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="evaluate"):
        Results.load(tmp_path / "nowhere")


def test_what_has_no_value_is_null_and_stays_so(tmp_path: Path) -> None:
    nothing = Model("m", {"accuracy": wilson(7, 9), "f1": Estimate(float("nan"))})
    folder = Results("p", "t", [nothing], [ONE], "accuracy").save(tmp_path).parent
    assert "NaN" not in (folder / "results.json").read_text("utf-8")
    assert np.isnan(Results.load(folder).models[0].numbers["f1"].value)
