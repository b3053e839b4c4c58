"""The networks of projects in Keras: the same numbers as in PyTorch and Gobhir, small trainings; on
whichever backend KERAS_BACKEND says.

tests/lift/test_keras.py runs this file once for each, in a process that has Keras already.
"""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import torch

import gobhir
from gobhir.projects import Project
from gobhir.projects.digits.data import digits
from gobhir.projects.digits.network import keras_network, network
from gobhir.projects.digits.settings import Settings as Digits
from gobhir.projects.digits.train import loss, new
from gobhir.projects.learning import kept, put_weights, weights
from gobhir.projects.sequences.network import forecaster, keras_forecaster
from gobhir.projects.tables.network import first_weights
from gobhir.projects.tables.network import network as table_network
from gobhir.training import predict
from gobhir.training.backends import keras_below
from gobhir.training.logs import read_log

BACKEND = os.environ["KERAS_BACKEND"]
trains = pytest.mark.skipif(
    BACKEND != "tensorflow", reason="slow without graphs, and no other code"
)
RNG = np.random.default_rng(0)


def some_weights(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """Numbers in the place of all weights, those that are 0 or 1 at first as well."""
    found = weights(model)
    for name, array in found.items():
        if array.dtype == np.float32:
            found[name] = array + RNG.uniform(0.05, 0.3, array.shape).astype(np.float32)
    put_weights(model, found)
    return found


def answers(model: object, x: np.ndarray) -> np.ndarray:
    return np.asarray(predict(model, x).numpy())


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_forecaster_says_the_same_on_all_frameworks(cell: str, layers: int) -> None:
    sizes = (cell, 3, 5, layers, 4)
    theirs, ours = forecaster(torch.nn, *sizes), forecaster(gobhir.nn, *sizes)
    model = keras_forecaster(keras, *sizes)
    x = RNG.normal(size=(6, 7, 3)).astype(np.float32)
    assert not answers(model, x).any()  # the naive forecast
    given = some_weights(theirs)
    for other in (ours, model):
        put_weights(other, given)
    said = answers(theirs, x)
    for other in (ours, model):
        np.testing.assert_allclose(answers(other, x), said, atol=1e-5)
    back = weights(model)  # Keras's one bias for the two
    assert {name: a.shape for name, a in back.items()} == {n: a.shape for n, a in given.items()}
    put_weights(ours, back)
    np.testing.assert_allclose(answers(ours, x), said, atol=1e-5)


def test_the_network_of_digits_says_the_same_on_all_frameworks() -> None:
    theirs, ours, model = network(torch, 4, 7), network(gobhir, 4, 7), keras_network(keras, 4, 7)
    given = some_weights(theirs)
    put_weights(model, given)
    back = weights(model)
    assert list(back) == list(given)
    assert all(np.array_equal(back[name], a) for name, a in given.items() if a.ndim)
    put_weights(ours, back)
    x = RNG.uniform(size=(5, 1, 28, 28)).astype(np.float32)
    said = answers(theirs, x)
    for other in (ours, model):
        np.testing.assert_allclose(answers(other, x), said, atol=1e-4 * np.abs(said).max())


def test_a_smoothed_target_costs_the_same() -> None:
    scores = RNG.normal(size=(6, 10)).astype(np.float32)
    target = np.arange(6)
    ours, theirs = (loss(Digits(engine=engine), 10) for engine in ("keras", "torch"))
    value = theirs(torch.from_numpy(scores), torch.from_numpy(target)).item()
    given = map(keras.ops.convert_to_tensor, (scores, target))
    assert float(keras.ops.convert_to_numpy(ours(*given))) == pytest.approx(value, rel=1e-5)


def test_keras_begins_with_what_gobhir_draws() -> None:
    one, other = (
        weights(new(Digits(data="sample", width=4, seed=3, engine=e), digits("sample")))
        for e in ("gobhir", "keras")
    )
    assert all(np.array_equal(one[name], a) for name, a in other.items())


def test_the_network_of_tables_says_the_same() -> None:
    given = first_weights([5, 8, 8, 3], seed=1)
    x = RNG.normal(size=(4, 5)).astype(np.float32)
    ours, model = (table_network(engine, given) for engine in ("gobhir", "keras"))
    np.testing.assert_allclose(answers(model, x), answers(ours, x), atol=1e-5)
    assert all(np.array_equal(weights(model)[name], a) for name, a in given.items())


@trains
def test_sequences_learn(tmp_path: Path) -> None:
    day = np.arange(200)
    level = np.sin(day / 2) + 0.5 * np.sin(day / 3.7)
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=200), "level": level})
    frame.to_csv(tmp_path / "tides.csv", index=False)
    project, folder = Project("sequences"), tmp_path / "out"
    wishes = {"data": str(tmp_path / "tides.csv"), "date": "day", "target": "level"}
    wishes |= {"season": 12, "window": 12, "ahead": 3, "hidden": 12, "cell": "gru"}
    wishes |= {"engine": "keras", "epochs": 8, "lr": 0.02, "batch_size": 32}
    project.train(project.settings(**wishes), folder)
    found = project.evaluate(folder)  # on Gobhir's engine
    naive, own = found.baselines[0].numbers["mae"], found.models[0].numbers["mae"]
    assert own.value < naive.value / 2
    assert project.run([], folder)["level"].notna().all()


@trains
def test_digits_learn_and_are_read_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where Keras has taken a GPU, the settings' "cpu" is no refusal.
    monkeypatch.setattr(keras_below, "device", lambda: "cuda")
    project, data = Project("digits"), digits("sample")
    wishes = {"data": "sample", "width": 4, "batch_size": 32, "lr": 0.02, "augment": 0.2}
    settings = project.settings(**wishes, engine="keras", epochs=5, average=0.8)
    project.train(settings, tmp_path)
    history = read_log(tmp_path / "history.csv")
    assert history["loss"][-1] < history["loss"][0]
    assert history["lr"][-1] < 0.001 < history["lr"][0], "it climbs and falls"
    assert not kept(tmp_path)["norm1.num_batches_tracked"].any()
    found = project.evaluate(tmp_path, stress=False).models[0].numbers["accuracy"].value
    assert found > 0.6
    x, y = data.rows("test")
    model = keras_network(keras, 4)
    put_weights(model, kept(tmp_path))
    assert (answers(model, x).argmax(1) == y).mean() == pytest.approx(found)
