"""Train, evaluate, run, as the command line does, on pictures that are drawn here."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from gobhir.datasets import read_picture
from gobhir.evaluation import Estimate
from gobhir.projects import Project
from gobhir.projects.detection import train
from gobhir.projects.detection.average_precision import average_precision
from gobhir.projects.detection.backbone import Pretrained
from gobhir.projects.detection.boxes import Detections, Letterbox
from gobhir.projects.detection.data import Batches, task
from gobhir.projects.detection.evaluate import over_runs, simple
from gobhir.projects.detection.head import Head
from gobhir.projects.detection.layers import Conv
from gobhir.projects.detection.network import STRIDES, Decoded, Network
from gobhir.projects.detection.onnx import open_detector
from gobhir.projects.film import Film
from gobhir.projects.learning import kept, put_weights
from gobhir.projects.results import Results
from gobhir.projects.settings import write_weights

TINY = {"size": 64, "epochs": 60, "lr": 0.01, "batch_size": 5, "mosaic": 0.3, "ema": 0.9}


class Small(nn.Module):
    """A detector of a few layers: what is tested here is the way, not the strength."""

    def __init__(self, classes: int = 1, backbone: object = None):
        super().__init__()
        self.begin = nn.Sequential(Conv(3, 16, 3, 2), Conv(16, 16, 3, 2))
        self.down = nn.ModuleList(Conv(16, 16, 3, 2) for _ in STRIDES)
        self.heads = nn.ModuleList(Head(16, classes, stride) for stride in STRIDES)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.1  # there are few steps

    def forward(self, x):
        x, out = self.begin(x), []
        for down, head in zip(self.down, self.heads, strict=True):
            x = down(x)
            out.append(head(x))
        return torch.cat(out, 1)


@pytest.fixture(scope="module")
def small():
    """Small in place of the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "Network", Small)
        yield Small


@pytest.fixture
def slim(monkeypatch):
    """The network with few channels behind its backbone."""
    monkeypatch.setattr(train, "Network", lambda n, backbone: Network(n, backbone, channels=8))


@pytest.fixture(scope="module")
def trained(small, boxed, tmp_path_factory):
    """(settings, folder) of a detector that has learned."""
    from gobhir.projects.detection.formats import write_yolo

    place = tmp_path_factory.mktemp("detection")
    write_yolo(boxed, place / "shapes")
    project = Project("detection")
    settings = project.settings(data=str(place / "shapes"), **TINY)
    torch.set_num_threads(1)
    project.train(settings, place / "out")
    return settings, place / "out"


def test_it_learns_and_is_measured(trained, capsys) -> None:
    settings, folder = trained
    found = Project("detection").evaluate(folder)
    assert Results.load(folder).models[0].numbers == found.models[0].numbers
    ours, places = found.models[0].numbers["ap50"], found.baselines[0].numbers["ap50"]
    assert ours.value > 0.6 > 0.4 > places.value and ours.n == 5
    again = found.models[1].numbers["ap50"]
    assert again.n == 5 and again.value > 0.6
    assert found.gains[0].value == pytest.approx(ours.value - places.value)
    assert found.data is not None and found.data.parts == {"train": 19, "test": 5}
    rows = pd.read_csv(folder / "history.csv")
    assert len(rows) == 60 and rows.loss.iloc[-1] < rows.loss.iloc[0] / 2
    pages = ("results.bn.html", "results.en.html", "card.bn.md", "card.en.md")
    for file in (*pages, "batch-mosaic.png"):
        assert (folder / file).stat().st_size > 500
    assert "results." in capsys.readouterr().out and "AP50" in str(found)


def test_the_onnx_file_gives_what_the_network_gives(trained, small) -> None:
    settings, folder = trained
    model = small(2)
    put_weights(model, kept(folder))
    todo = task(settings)
    pixels = read_picture(todo.boxed.samples[todo.test[0]].path)
    fitted = Letterbox.of(pixels.shape[:2], (64, 64))
    x = torch.from_numpy(fitted.picture(pixels)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        boxes, scores = Decoded(model, 64).eval()(x)
    best = scores[0].max(1).values.argmax()
    detector = open_detector(folder / "model.onnx", threshold=0.001)
    found = detector(pixels)
    assert detector.names == ("disc", "square") and detector.size == (64, 64)
    assert found.scores[0] == pytest.approx(scores[0, best].max().item(), abs=1e-4)
    want = fitted.boxes_back(boxes[0, best].numpy()).clip(0, [80, 64, 80, 64])
    assert np.allclose(found.boxes[0], want, atol=0.05)


def test_it_works_on_pictures_folders_and_films(trained, tmp_path, capsys) -> None:
    settings, folder = trained
    todo, project = task(settings), Project("detection")
    own = [todo.boxed.samples[k].path for k in todo.test]
    (tmp_path / "own").mkdir()
    for path in own:
        shutil.copy(path, tmp_path / "own")
    with Film(tmp_path / "film.mp4", 10) as film:
        for k, path in enumerate(own):
            film.add(k / 10, read_picture(path))
    inputs = [str(tmp_path / "own"), str(tmp_path / "film.mp4")]
    table = project.run(inputs, folder, to=str(tmp_path / "found"))
    pictures, film_rows = table[~table.source.str.endswith("mp4")], table[table.frame > 0]
    assert set(pictures.source) <= {str(tmp_path / "own" / p.name) for p in own}
    assert set(film_rows.frame) <= set(range(5)) and film_rows.seconds.max() <= 0.4
    found = [
        Detections.of(rows[["x1", "y1", "x2", "y2"]], rows.score, rows["class"] == "square")
        for rows in (pictures[pictures.source.str.endswith(p.name)] for p in own)
    ]
    assert average_precision(found, todo.truth(todo.test), (0.5,)).at(0.5) > 0.5
    assert pd.read_csv(tmp_path / "found/detections.csv").equals(table)
    names = {p.name for p in (tmp_path / "found").iterdir()}
    assert names == {"detections.csv", "film.mp4", *(p.name for p in own)}
    capsys.readouterr()
    project.run([str(own[0])], folder, threshold=0.05)
    assert own[0].name in capsys.readouterr().out
    limited = project.run([str(tmp_path / "film.mp4")], folder, frames=2, threshold=0.01)
    assert set(limited.frame) == {0, 1}
    nowhere, model = tmp_path / "untrained", str(folder / "model.onnx")
    other = project.run([str(own[0])], nowhere, model=model, tiles=64)
    assert list(other.columns) == list(table.columns)
    twice = project.run([str(tmp_path / "own")], folder, twice=True, threshold=0.05)
    once = project.run([str(tmp_path / "own")], folder, threshold=0.05)
    assert set(twice.source) == set(once.source) and twice.score.min() >= 0.05
    assert sorted(twice.score) != sorted(once.score)


def test_nothing_found_is_said_and_nothing_is_written_over_its_source(
    trained, shapes, tmp_path, capsys
) -> None:
    project, (_, folder) = Project("detection"), trained
    own = shapes / "images/00.png"
    project.run([str(own)], folder, threshold=1.0)
    assert "Nothing was found" in capsys.readouterr().out
    with pytest.raises(ValueError, match="--threshold|threshold"):
        project.run([str(own)], folder, threshold=3.0)
    with Film(tmp_path / "film.mp4") as film:
        film.add(0.0, np.zeros((64, 64, 3), np.uint8))
    for source in (own, tmp_path / "film.mp4"):
        before = source.read_bytes()
        with pytest.raises(ValueError, match="over itself"):
            project.run([str(source)], folder, to=str(source.parent))
        assert source.read_bytes() == before
    assert not (tmp_path / "detections.csv").exists()


@pytest.mark.parametrize("backbone", ["own", "efficientnet_lite0"])
def test_a_run_cut_short_goes_on_to_the_same_weights(
    backbone, shapes, request, tmp_path, monkeypatch
) -> None:
    from gobhir.training import loop

    for name in ["small"] if backbone == "own" else ["slim", "learned_backbone"]:
        request.getfixturevalue(name)
    monkeypatch.setattr(train, "to_onnx", lambda *given: None)  # not what this is about
    project = Project("detection")
    wishes = {**TINY, "epochs": 4, "plain": 0.5, "backbone": backbone}
    settings = project.settings(data=str(shapes), **wishes)
    project.train(settings, tmp_path / "whole")
    close = loop._Trainer._close_row

    def killed(self, *given):
        close(self, *given)
        if self.run.epoch == 3:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(loop._Trainer, "_close_row", killed)
        with pytest.raises(MemoryError):
            project.train(settings, tmp_path / "cut")
    project.train(settings, tmp_path / "cut", resume=True)
    history = project.train(settings, tmp_path / "cut", resume=True)  # it has ended already
    assert len(history) == 4
    one, other = kept(tmp_path / "whole"), kept(tmp_path / "cut")
    assert all((one[name] == other[name]).all() for name in one)


def test_a_training_can_begin_where_another_ended(trained, small, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train, "to_onnx", lambda *given: None)
    settings, folder = trained
    more = {"start": str(folder), "epochs": 1, "lr": 1e-8, "ema": 0.0}
    project = Project("detection")
    project.train(dataclasses.replace(settings, **more), tmp_path / "more")
    old, new = kept(folder), kept(tmp_path / "more")
    learned = [name for name in old if name.endswith(("weight", "bias"))]
    assert all(np.allclose(old[name], new[name], atol=1e-6) for name in learned)
    with pytest.raises(FileNotFoundError, match="nothing has been trained"):
        project.train(dataclasses.replace(settings, start=str(tmp_path)), tmp_path / "none")
    write_weights(tmp_path / "model.safetensors", {"other": np.zeros(3)})
    with pytest.raises(ValueError, match="another network"):
        project.train(dataclasses.replace(settings, start=str(tmp_path)), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_it_can_begin_with_imagenets_weights(
    slim, shapes, learned_backbone, tmp_path, monkeypatch
) -> None:
    project, folder = Project("detection"), tmp_path / "out"
    wishes = {**TINY, "data": str(shapes), "backbone": "efficientnet_lite0"}
    settings = project.settings(**{**wishes, "epochs": 1})
    project.train(settings, folder)
    project.evaluate(folder)
    assert "Apache-2.0" in (folder / "card.en.md").read_text("utf-8")
    weights = kept(folder)
    assert np.array_equal(
        weights["backbone.begin.0.0.0.weight"], learned_backbone["stem.0.0.weight"]
    )
    todo = task(settings)
    pixels = read_picture(todo.boxed.samples[todo.test[0]].path)
    fitted = Letterbox.of(pixels.shape[:2], (64, 64))
    x = torch.from_numpy(fitted.picture(pixels)).permute(2, 0, 1)[None].float() / 255
    model = Network(2, Pretrained(), channels=8)
    put_weights(model, weights)
    with torch.no_grad():
        _, scores = Decoded(model, 64).eval()(x)
    found = open_detector(folder / "model.onnx", threshold=0.0)(pixels)
    assert found.scores[0] == pytest.approx(scores.max().item(), abs=1e-4)
    # What goes on from there needs no weights of ImageNet, but the same backbone.
    monkeypatch.setattr(train, "imagenet", lambda: pytest.fail("they were read"))
    monkeypatch.setattr(train, "to_onnx", lambda *given: None)
    more = {"start": str(folder), "lr": 1e-8, "ema": 0.0}
    project.train(dataclasses.replace(settings, **more), tmp_path / "more")
    again = kept(tmp_path / "more")
    learned = [name for name in weights if name.endswith(("weight", "bias"))]
    assert all(np.allclose(weights[name], again[name], atol=1e-6) for name in learned)
    with pytest.raises(ValueError, match="--backbone efficientnet_lite0"):
        project.train(dataclasses.replace(settings, backbone="own", **more), tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(ValueError, match="resnet"):
        project.settings(backbone="resnet")


def test_folds_are_five_parts_that_meet_nowhere(shapes) -> None:
    kind = Project("detection").settings
    tests = [task(kind(data=str(shapes), size=64, fold=k)).test for k in range(5)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(24))
    todo = task(kind(data=str(shapes), size=64, fold=2))
    assert not set(todo.train) & set(todo.test) and len(todo.train) + len(todo.test) == 24


def test_pictures_stand_alone_in_the_last_epochs(shapes) -> None:
    settings = Project("detection").settings(data=str(shapes), size=64, epochs=10, plain=0.3)
    batches = Batches(task(settings), settings)
    alone = []
    for batches.epoch in range(1, 11):
        alone.append(batches.plain)
    assert alone == [False] * 7 + [True] * 3
    x, y = next(iter(batches))
    assert x.shape[1:] == (3, 64, 64) and x.min() >= 0 and x.max() <= 1
    assert y.shape[2] == 5 and set(y[..., 4].unique().tolist()) <= {-1.0, 0.0, 1.0}


def test_places_alone_are_the_same_for_every_picture(shapes) -> None:
    todo = task(Project("detection").settings(data=str(shapes), size=64))
    one, other = simple(todo, todo.test[:2])
    assert (one.boxes == other.boxes).all() and (np.diff(one.scores) <= 0).all()


def test_several_trainings_have_students_interval() -> None:
    found = over_runs([0.9, 0.92, 0.94, 0.96, 0.98])
    half = 2.776 * np.std([0.9, 0.92, 0.94, 0.96, 0.98], ddof=1) / np.sqrt(5)
    assert found.value == pytest.approx(0.94) and found.low == pytest.approx(0.94 - half)
    assert over_runs([0.5]) == Estimate(0.5, n=1)
    assert over_runs([0.9, 1.0, 1.0]).high == 1, "there is no share beyond"


def test_data_can_be_checked_and_converted_without_training(shapes, tmp_path, capsys) -> None:
    project = Project("detection")
    settings = project.settings(data=str(shapes))
    assert project.train(settings, tmp_path / "out", check=True) is None
    assert "nothing is wrong" in capsys.readouterr().out
    (shapes / "labels/02.txt").unlink()
    with pytest.raises(ValueError, match="wrong: 1"):
        project.train(settings, tmp_path / "out", check=True)
    assert "02.txt" in capsys.readouterr().out and not (tmp_path / "out").exists()
    project.train(settings, tmp_path / "out", convert=str(tmp_path / "yolo"))
    assert len(list((tmp_path / "yolo/images").iterdir())) == 24


def test_where_nothing_was_trained_no_model_is_promised(run, shapes) -> None:
    code, out, _ = run("project", "detection", "train", "--data", str(shapes), "--check")
    assert code == 0 and "nothing is wrong" in out and "evaluate" not in out
    (shapes / "labels/02.txt").unlink()
    code, out, err = run("project", "detection", "train", "--data", str(shapes), "--check")
    assert code == 2 and "02.txt" in out and "wrong: 1" in err


@pytest.mark.parametrize(
    ("wishes", "kind", "told"),
    [
        ({"size": 100}, ValueError, "multiple of 32"),
        ({"data": "no-such-folder"}, FileNotFoundError, "no-such-folder"),
    ],
)
def test_wishes_that_cannot_be_fulfilled_change_nothing(shapes, tmp_path, wishes, kind, told):
    project = Project("detection")
    with pytest.raises(kind, match=told):
        project.train(project.settings(**{"data": str(shapes), **wishes}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_running_needs_something_to_look_at_and_something_to_look_with(tmp_path) -> None:
    project = Project("detection")
    with pytest.raises(ValueError, match="camera"):
        project.run([], tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing has been trained"):
        project.run(["a.jpg"], tmp_path)
    with pytest.raises(FileNotFoundError, match="nothing has been trained"):
        project.evaluate(tmp_path, folds=True)
    with pytest.raises(FileNotFoundError, match=r"other\.onnx"):
        project.run(["a.jpg"], tmp_path, model="other.onnx")
