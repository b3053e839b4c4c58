"""Logs: what stands in the files after a run, after a kill, and after going on."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir.training import Callback, Checkpoint, CSVLog, History, Run, TensorBoardLog, fit
from gobhir.training.logs import read_log

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4)).astype(np.float32)
Y = X[:, :3].argmax(1)


class Cut(BaseException):
    """The plug is pulled."""


class PullThePlug(Callback):
    def on_batch_end(self, run: Run) -> None:
        if run.epoch == 4:
            raise Cut


def train(log: Any, epochs: int, *more: Any, **settings: Any) -> History:
    gobhir.manual_seed(1)
    model = gobhir.nn.Linear(4, 3)
    wishes: dict[str, Any] = {"metrics": "accuracy", "validation": (X, Y), "progress": False}
    callbacks = [log, *more]
    wishes |= {"callbacks": callbacks, "seed": 2}
    return fit(model, (X, Y), "cross_entropy", "adam", epochs, **(wishes | settings))


def cut_and_gone_on(log: Any, tmp_path: Path) -> History:
    """Six epochs, cut off in the fourth, when the last checkpoint is that of the second."""
    path = tmp_path / "run.safetensors"
    with pytest.raises(Cut):
        train(log(), 6, PullThePlug(), checkpoint=Checkpoint(path, every=2))
    return train(log(), 6, checkpoint=Checkpoint(path, every=2), resume=True)


def table(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_a_table_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "history.csv"
    seen = []
    history = train(CSVLog(path), 3, lambda run: seen.append(len(table(path))))
    assert seen == [1, 2, 3], "each row is there as soon as its epoch has ended"
    assert table(path) == history.rows
    train(CSVLog(path), 1)
    assert len(table(path)) == 1, "a new run begins a new table"


def test_a_table_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    history = cut_and_gone_on(lambda: CSVLog(path), tmp_path)
    assert [row["epoch"] for row in table(path)] == [1, 2, 3, 4, 5, 6]
    assert table(path) == history.rows
    whole = train(CSVLog(tmp_path / "whole.csv"), 6)
    assert history["loss"] == whole["loss"]


def test_a_column_that_comes_later(tmp_path: Path) -> None:
    def now_and_then(run: Run) -> None:
        if run.epoch == 2:
            run.row["extra"] = 7.0

    path = tmp_path / "history.csv"
    gobhir.manual_seed(1)
    told = [now_and_then, CSVLog(path)]
    fit(gobhir.nn.Linear(4, 3), (X, Y), "cross_entropy", epochs=3, callbacks=told, progress=False)
    with path.open(encoding="utf-8") as file:
        assert [row["extra"] for row in csv.DictReader(file)] == ["", "7.0", ""]


def test_where_nobody_may_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError) as caught:
        train(CSVLog(tmp_path / "file" / "history.csv"), 1)
    assert caught.value.args[0].key == "errors.file.write"


@pytest.mark.slow
def test_curves_for_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It looks for TensorFlow only to write into clouds, and takes seconds for it: see `writer`.
    monkeypatch.delitem(sys.modules, "tensorboard.compat.notf", raising=False)
    had_tensorflow = "tensorflow" in sys.modules
    folder = tmp_path / "curves"
    history = cut_and_gone_on(lambda: TensorBoardLog(folder), tmp_path)
    assert ("tensorflow" in sys.modules) is had_tensorflow
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    named = {
        "loss/training": "loss",
        "loss/validation": "val_loss",
        "accuracy/training": "accuracy",
        "accuracy/validation": "val_accuracy",
        "lr": "lr",
    }
    assert set(found.Tags()["scalars"]) == set(named)
    for tag, column in named.items():
        points = found.Scalars(tag)
        assert [p.step for p in points] == [1, 2, 3, 4, 5, 6], "none twice"
        assert [p.value for p in points] == pytest.approx(history[column], rel=1e-6)


def test_curves_where_nobody_may_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OSError) as caught:
        train(TensorBoardLog(tmp_path / "file"), 1)
    assert caught.value.args[0].key == "errors.file.write"
    assert (tmp_path / "file").read_text() == "a file"


def test_without_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install torch tensorboard"):
        train(TensorBoardLog(tmp_path), 1)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    history = fit(
        gobhir.nn.Linear(2, 1),
        (np.zeros((4, 2), np.float32), np.ones((4, 1), np.float32)),
        "mse",
        epochs=2,
        callbacks=CSVLog(tmp_path / "log.csv"),
        progress=False,
    )
    assert read_log(tmp_path / "log.csv").rows == history.rows
