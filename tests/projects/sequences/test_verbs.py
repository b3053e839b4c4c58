"""Train, evaluate, run, on a series of our own that a network can learn and the naive cannot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gobhir import datasets
from gobhir.projects import Project
from gobhir.projects.results import Results
from gobhir.projects.sequences.data import task
from gobhir.projects.sequences.network import forecaster

QUICK = {"window": 12, "ahead": 3, "hidden": 12, "epochs": 12, "lr": 0.01, "season": 12}


@pytest.fixture
def tides(tmp_path):
    """400 days of a tide: two waves and a little noise."""
    draw = np.random.default_rng(1)
    day = np.arange(400)
    level = np.sin(day / 2) + 0.5 * np.sin(day / 3.7) + draw.normal(0, 0.05, 400)
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=400), "level": level})
    path = tmp_path / "tides.csv"
    frame.to_csv(path, index=False)
    return path


def wishes(tides, **others):
    return {"data": str(tides), "date": "day", "target": "level", **QUICK, **others}


@pytest.mark.parametrize(("engine", "cell"), [("gobhir", "gru"), ("torch", "all")])
def test_a_network_learns_what_the_naive_forecast_cannot(tides, tmp_path, engine, cell) -> None:
    project, folder = Project("sequences"), tmp_path / "out"
    project.train(project.settings(**wishes(tides, engine=engine, cell=cell)), folder)
    found = project.evaluate(folder)
    assert Results.load(folder).models == found.models
    assert len(found.models) == (3 if cell == "all" else 1)
    naive, own = found.baselines[0].numbers["mae"], found.models[0].numbers["mae"]
    assert own.value < naive.value / 3
    assert found.gains[0].low is not None and found.gains[0].low > 0
    last = pd.read_csv(tides)["level"].iloc[-1]
    table = project.run([], folder)
    assert len(table) == 3 and table["level"].notna().all()
    assert str(table.iloc[0, 0].date()) == "2025-02-04"
    assert abs(table["level"].iloc[0] - last) < 1.5
    with pytest.raises(ValueError, match="2 files"):
        project.run([str(tides)] * 2, folder)
    other = tmp_path / "other.csv"
    other.write_text("hour,level\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="day, level; here are: hour, level"):
        project.run([str(other)], folder)


def test_a_series_of_ones_own_goes_on_as_a_shipped_one_does(tmp_path) -> None:
    project = Project("sequences")
    small = {"window": 5, "ahead": 2, "hidden": 2, "epochs": 1, "cell": "rnn", "batch_size": 512}
    project.train(project.settings(data="seattle_weather", **small), tmp_path / "out")
    frame = datasets.load("seattle_weather").frame[:40]
    frame.to_csv(tmp_path / "mine.csv", index=False)
    assert len(project.run([str(tmp_path / "mine.csv")], tmp_path / "out")) == 2


def test_the_parts_do_not_overlap(tides) -> None:
    project = Project("sequences")
    todo = task(project.settings(**wishes(tides)))
    ahead = QUICK["ahead"]
    assert todo.train[-1] + ahead < todo.validation[0]
    assert todo.validation[-1] + ahead < todo.test[0]
    assert todo.test[-1] + ahead == len(todo.series) - 1
    assert todo.train[0] == QUICK["window"] - 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"data": "weather"}, "seattle_weather"),
        ({"date": None}, "--date"),
        ({"target": "height"}, "--target"),
        ({"window": 390}, "too few"),
        ({"season": 399}, "--season 399"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_changes_nothing(tides, tmp_path, wrong, told) -> None:
    project = Project("sequences")
    with pytest.raises(ValueError, match=told):
        project.train(project.settings(**wishes(tides, **wrong)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_both_frameworks_forecast_alike(cell: str) -> None:
    import torch

    import gobhir

    ours = forecaster(gobhir.nn, cell, 3, 5, 2, 4)
    theirs = forecaster(torch.nn, cell, 3, 5, 2, 4)
    gobhir.nn.init.normal_(ours.head.weight)
    state = {name: torch.from_numpy(v.numpy().copy()) for name, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    x = np.random.default_rng(0).normal(size=(6, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(
        ours(gobhir.from_numpy(x)).detach().numpy(),
        theirs(torch.from_numpy(x)).detach().numpy(),
        rtol=1e-4,
        atol=1e-5,
    )
    fresh = forecaster(torch.nn, cell, 3, 5, 1, 4)
    assert not fresh(torch.from_numpy(x)).any()  # the naive forecast
