"""Train, evaluate, run, as the command line does: on a table of our own and on a shipped one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gobhir.projects import Project
from gobhir.projects.results import Results
from gobhir.projects.tables.data import Batches
from gobhir.projects.tables.settings import Settings
from gobhir.projects.tables.train import train

QUICK = {"epochs": 25, "hidden": 8, "layers": 1, "lr": 0.02}


@pytest.fixture
def houses(tmp_path):
    """300 houses whose price follows from area and district, but for a little."""
    draw = np.random.default_rng(0)
    area = draw.uniform(40, 200, 300).round(1)
    district = draw.choice(["Dhaka", "Sylhet", "Khulna"], 300)
    extra = pd.Series(district).map({"Dhaka": 40, "Sylhet": 10, "Khulna": 0})
    price = area * 0.5 + extra + draw.normal(0, 2, 300)
    frame = pd.DataFrame({"area": area, "district": district, "price": price.round(2)})
    path = tmp_path / "houses.csv"
    frame.to_csv(path, index=False)
    return path


def test_prices_of_houses_from_ones_own_table(houses, tmp_path, capsys) -> None:
    project, folder = Project("tables"), tmp_path / "out"
    settings = project.settings(data=str(houses), target="price", **QUICK)
    project.train(settings, folder)
    found = project.evaluate(folder)
    assert Results.load(folder).models == found.models
    own = found.models[0].numbers["r2"]
    assert own.value > 0.97 and own.low is not None and own.low > 0.9
    names = [str(model.name) for model in found.baselines]
    assert len(names) == 3 and found.baselines[0].numbers["r2"].value < 0.05
    assert found.data is not None and found.data.parts == {
        "train": 180,
        "validation": 60,
        "test": 60,
    }
    for file in ("results.bn.html", "results.en.html", "card.bn.md", "card.en.md"):
        assert (folder / file).stat().st_size > 500
    new = tmp_path / "new.csv"
    new.write_text("district,area\nDhaka,100\nRajshahi,100\n", encoding="utf-8")
    capsys.readouterr()
    to = tmp_path / "answers.csv"
    table = project.run([str(new)], folder, to=str(to))
    assert table.iloc[0, -1] == pytest.approx(90, abs=4)
    assert len(pd.read_csv(to)) == 2
    again = project.run([], folder)
    assert len(again) == 60 and "20" in capsys.readouterr().out


def test_classes_of_wine_by_a_framework_and_another(tmp_path) -> None:
    """The weights are those of PyTorch; Gobhir's engine works the answers out."""
    project = Project("tables")
    found = {}
    for engine in ("torch", "gobhir"):
        folder = tmp_path / engine
        project.train(project.settings(data="wine", engine=engine, **QUICK), folder)
        found[engine] = project.evaluate(folder)
    one, other = (found[engine].models[0].numbers for engine in found)
    assert one["accuracy"].value == other["accuracy"].value > 0.85
    assert one["log_loss"].value == pytest.approx(other["log_loss"].value, rel=1e-3)
    assert [c["bn"] for c in found["torch"].classes] == ["আঙুর ১", "আঙুর ২", "আঙুর ৩"]
    assert sum(map(sum, found["torch"].confusion)) == found["torch"].data.parts["test"]


def test_the_same_seed_gives_the_same_numbers(houses, tmp_path) -> None:
    project = Project("tables")
    texts = []
    for k in range(2):
        settings = project.settings(data=str(houses), target="price", **QUICK)
        project.train(settings, tmp_path / str(k))
        texts.append((tmp_path / str(k) / "model-gobhir.safetensors").read_bytes())
    assert texts[0] == texts[1]


def test_a_wish_that_cannot_be_fulfilled_changes_nothing(houses, tmp_path) -> None:
    project, folder = Project("tables"), tmp_path / "out"
    project.train(project.settings(data=str(houses), target="price", **QUICK), folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for wrong in ({"data": "houses"}, {"data": str(houses)}, {"data": str(tmp_path / "no.csv")}):
        with pytest.raises((ValueError, OSError)):
            project.train(project.settings(**wrong, **QUICK), folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_short_table_is_refused(houses, tmp_path) -> None:
    short = tmp_path / "short.csv"
    short.write_text("\n".join(houses.read_text().splitlines()[:21]) + "\n")
    project = Project("tables")
    with pytest.raises(ValueError, match="20 rows"):
        project.train(project.settings(data=str(short), target="price"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_every_framework_sees_the_same_batches() -> None:
    x = np.arange(10, dtype=np.float32)[:, None]
    first, second = (list(Batches(x, x, 4, seed=5)) for _ in range(2))
    assert [len(a) for a, _ in first] == [4, 4, 2]
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))
    epochs = Batches(x, x, 4, seed=5)
    orders = []
    for epoch in (1, 2):
        epochs.set_epoch(epoch)
        orders.append(np.concatenate([a for a, _ in epochs])[:, 0].tolist())
    assert orders[0] != orders[1] and sorted(orders[1]) == list(range(10))


def test_settings_stand_beside_the_model(houses, tmp_path) -> None:
    project = Project("tables")
    project.train(project.settings(data=str(houses), target="price", **QUICK), tmp_path / "out")
    kept = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert kept["hidden"] == 8 and kept["target"] == "price"


@pytest.mark.parametrize(
    ("value", "task", "told"),
    [
        ("inf", "auto", "Line 5: 'inf'"),
        ("cheap", "auto", "Line 5: 'cheap'"),
        ("cheap", "regression", "Line 5: 'cheap'"),
    ],
)
def test_a_slip_among_the_numbers_is_named(houses, tmp_path, value, task, told) -> None:
    lines = houses.read_text().splitlines()
    lines[4] = lines[4].rsplit(",", 1)[0] + f",{value}"
    houses.write_text("\n".join(lines) + "\n")
    project = Project("tables")
    with pytest.raises(ValueError, match=told):
        project.train(project.settings(data=str(houses), target="price", task=task), tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_class_that_training_never_shows_is_refused(houses, tmp_path) -> None:
    frame = pd.read_csv(houses)
    frame["price"] = [f"Tk {price}" for price in frame["price"]]
    frame.to_csv(houses, index=False)
    project = Project("tables")
    with pytest.raises(ValueError, match="classes in 300 rows"):
        project.train(project.settings(data=str(houses), target="price"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_of_all_frameworks_those_that_are_there(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)  # as where it is not installed
    asked = Settings(data="wine", engine="all", epochs=1, hidden=2)
    assert list(train(asked, tmp_path)) == ["gobhir", "torch"]
    assert "keras" in capsys.readouterr().out
    with pytest.raises(ImportError, match="keras"):
        train(Settings(data="wine", engine="keras", epochs=1, hidden=2), tmp_path)
