"""Train, evaluate, run, as the command line does, on pictures that are drawn here."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from gobhir.deploy.opening import session
from gobhir.evaluation import Estimate, leaks
from gobhir.projects import Project
from gobhir.projects.images import train as stages
from gobhir.projects.images.data import normalised, task
from gobhir.projects.images.evaluate import simple
from gobhir.projects.images.network import (
    imagenet,
    keep,
    kept,
    logits,
    network,
    with_backbone,
)
from gobhir.projects.images.networks.mobilenet import MobileNetV2
from gobhir.projects.images.switches import fold, measured
from gobhir.projects.images.train import (
    HEAD,
    ONNX,
    fine_tune,
    groups,
    learn_head,
    schedule,
)
from gobhir.projects.learning import checkpoint_file, model_file
from gobhir.projects.results import Results
from gobhir.training import Checkpoint

TINY = {
    "network": "mobilenet_v2",
    "width": 0.15,
    "size": 32,
    "epochs": 14,
    "batch_size": 8,
    "lr": 0.01,
    "schedule": "one_cycle",
    "layer_decay": 1.0,
}


@pytest.fixture(autouse=True)
def one_thread():
    """Such small networks gain nothing by more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_folder_of_ones_own_from_nothing(shapes, tmp_path, capsys) -> None:
    project, folder = Project("images"), tmp_path / "out"
    project.train(project.settings(data=str(shapes), tta=True, **TINY), folder)
    found = project.evaluate(folder)
    assert Results.load(folder).models == found.models
    assert found.models[0].numbers["accuracy"].value >= 0.9
    assert found.baselines[0].numbers["accuracy"].value == 0.5
    assert found.data is not None
    assert found.data.parts == {"train": 48, "validation": 16, "test": 16}
    assert len(found.tables[0].rows) == 5 and "গোল" in found.classes
    for file in ("results.bn.html", "results.en.html", "card.bn.md", "card.en.md"):
        assert (folder / file).stat().st_size > 500
    before = (folder / "results.json").read_text()
    project.evaluate(folder)
    assert (folder / "results.json").read_text() == before

    # The ONNX file gives what the network gives, asked both ways, from the picture's file itself.
    settings = project.settings.load(folder)
    todo = task(settings)
    x = todo.pixels("test")
    want = logits(kept(settings, 2, model_file(folder)), x, tta=True)
    given = {"input": normalised(torch.from_numpy(x).float() / 255).numpy()}
    (answers,) = session(folder / ONNX).run(["output"], given)
    assert np.allclose(answers, want, atol=1e-3)
    mirrored = {"input": given["input"][..., ::-1].copy()}
    assert np.allclose(session(folder / ONNX).run(["output"], mirrored)[0], answers, atol=1e-4)
    assert not np.allclose(logits(kept(settings, 2, model_file(folder)), x), want, atol=0.01)
    capsys.readouterr()
    table = project.run([str(shapes / "গোল")], folder, to=str(tmp_path / "answers.csv"))
    assert len(table) == 40 and (table.iloc[:, 1] == "গোল").mean() > 0.9
    with pytest.raises(ValueError, match="no pictures"):
        (tmp_path / "empty").mkdir()
        project.run([str(tmp_path / "empty")], folder)


def test_a_wish_that_cannot_be_fulfilled_changes_nothing(shapes, tmp_path) -> None:
    project, folder = Project("images"), tmp_path / "out"
    with pytest.raises(FileNotFoundError):
        project.run([str(shapes)], folder)
    shutil.rmtree(shapes / "square")
    with pytest.raises(ValueError, match="one class"):
        project.train(project.settings(data=str(shapes), **TINY), folder)
    assert not folder.exists()


def kept_and_read(model, settings, path) -> dict[str, torch.Tensor]:
    keep(model, path)
    return kept(settings, 2, path).state_dict()


def test_transfer_keeps_what_it_began_with(shapes, tmp_path, learned_backbone) -> None:
    """Stage 1 moves the head alone; stage 2 the rest, but for BatchNorm's statistics."""
    settings = Project("images").settings(
        data=str(shapes), size=32, epochs=1, lr=1e-3, head_epochs=20
    )
    todo, model = task(settings), network(settings, 2)
    with_backbone(model, imagenet())
    learn_head(model, todo, settings, tmp_path / "history-head.csv")
    first = kept_and_read(model, settings, model_file(tmp_path, HEAD))
    assert all(torch.equal(first[k], v) for k, v in learned_backbone.items())
    assert not torch.equal(first["head.weight"], network(settings, 2).head.weight)
    baselines = simple(todo, settings, tmp_path)
    assert list(baselines) == ["majority", "images.histogram", "images.features"]
    assert all(output.shape == (16, 2) for output in baselines.values())
    fine_tune(model, todo, settings, progress=False)
    now = model.state_dict()
    assert all(torch.equal(now[k], v) for k, v in learned_backbone.items() if "running" in k)
    moved = [k for k, v in learned_backbone.items() if "running" not in k and v.is_floating_point()]
    assert not any(torch.equal(now[k], learned_backbone[k]) for k in moved)
    assert set(imagenet()) == set(learned_backbone)


def test_a_killed_fine_tuning_goes_on(shapes, tmp_path) -> None:
    """Resumed after two of four epochs: the same weights as at one go, EMA and mixup included."""
    wishes = {**TINY, "epochs": 4, "mixup": 0.2, "ema": 0.9, "schedule": "one_cycle"}
    settings = Project("images").settings(data=str(shapes), **wishes)
    todo = task(settings)

    class Killed(Exception):
        pass

    def run(keeper, resume=False):
        torch.manual_seed(0)
        model = MobileNetV2(2, 0.15)
        fine_tune(model, todo, settings, checkpoint=keeper, resume=resume, progress=False)
        return model.state_dict()

    class Short(Checkpoint):
        def on_epoch_end(self, run):
            super().on_epoch_end(run)
            if run.epoch == 2:
                raise Killed

    whole = run(None)
    with pytest.raises(Killed):
        run(Short(tmp_path / "c.safetensors"))
    resumed = run(Checkpoint(tmp_path / "c.safetensors"), resume=True)
    assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())


def test_a_killed_training_goes_on_in_its_stage(
    shapes, tmp_path, learned_backbone, monkeypatch
) -> None:
    """Killed in stage 2, with a moving average and early stopping: stage 1 is not learned again,
    and the end is that of a run at one go. After the end nothing is learned any more."""
    monkeypatch.setattr(stages, "_export", lambda *given: None)
    project, whole, folder = Project("images"), tmp_path / "whole", tmp_path / "killed"
    wishes = {"size": 32, "epochs": 2, "head_epochs": 3, "ema": 0.9, "patience": 1}
    settings = project.settings(data=str(shapes), **wishes)
    project.train(settings, whole)

    class Killed(BaseException):
        pass

    def die(*given):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "on_fit_end", die, raising=False)
        with pytest.raises(Killed):
            project.train(settings, folder)
    assert checkpoint_file(folder).is_file() and not model_file(folder).exists()
    monkeypatch.setattr(stages, "learn_head", die)
    curves = project.train(settings, folder, resume=True)
    assert list(curves) == ["head", "all"]
    assert model_file(folder).read_bytes() == model_file(whole).read_bytes()
    assert not checkpoint_file(folder).exists()
    monkeypatch.setattr(Checkpoint, "write", die)
    assert len(project.train(settings, folder, resume=True)["all"].rows) == len(curves["all"].rows)
    assert model_file(folder).read_bytes() == model_file(whole).read_bytes()


def test_early_layers_learn_slower() -> None:
    model = MobileNetV2(2, 0.15)
    found = groups(model, 0.1, 0.5)
    assert sum(p.numel() for g in found for p in g["params"]) == sum(
        p.numel() for p in model.parameters()
    )
    assert [g["lr"] for g in found] == [0.1 * 0.5**k for k in range(len(found))]
    assert found[0]["params"][0] is model.head.weight
    assert any(p is model.stem[0].weight for p in found[-1]["params"])


def test_cosine_rises_then_falls_to_nothing() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    made = schedule(optimizer, "cosine", 50)
    rates = []
    for _ in range(50):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.scheduler.step()
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[5:] == sorted(rates[5:], reverse=True) and rates[-1] < 0.01
    assert rates[5 + 22] == pytest.approx(1 + np.cos(np.pi * 22 / 45))
    assert schedule(optimizer, "constant", 50) is None


def test_each_training_asks_about_another_fifth(shapes) -> None:
    for k in range(3):
        shutil.copy(shapes / "square" / "01.png", shapes / "square" / f"copy{k}.png")
    todo = task(Project("images").settings(data=str(shapes), size=32))
    tasks = [fold(todo, 0, k) for k in range(6)]
    assert sorted(np.concatenate([one.test for one in tasks[:5]]).tolist()) == list(range(83))
    assert set(tasks[5].test) != set(tasks[0].test)
    for one in tasks:
        parts = (one.train, one.validation, one.test)
        assert sorted(np.concatenate(parts).tolist()) == list(range(83))
        assert leaks(dict(zip("abc", parts, strict=True)), todo.pictures.groups) == 0


def test_the_table_of_tricks(shapes) -> None:
    settings = Project("images").settings(data=str(shapes), **{**TINY, "epochs": 1})
    table = measured(settings, task(settings), 1)
    assert len(table.rows) == 10
    assert table.rows[0][2] == ""
    assert all(isinstance(row[2], Estimate) for row in table.rows[1:])
    assert {round(row[1].value * 16, 6) % 1 for row in table.rows} == {0}


def test_all_tricks_at_once(shapes) -> None:
    wishes = {"mixup": 0.2, "label_smoothing": 0.1, "ema": 0.9, "layer_decay": 0.95}
    settings = Project("images").settings(data=str(shapes), **{**TINY, **wishes})
    todo, model = task(settings), network(settings, 2)
    fine_tune(model, todo, settings, progress=False)
    x, y = todo.pixels("test"), todo.labels("test")
    twice, mirrored = (logits(model, pictures, tta=True) for pictures in (x, x[..., ::-1].copy()))
    assert np.allclose(twice, mirrored, atol=1e-5)
    assert np.allclose(np.exp(twice).sum(1), 1, atol=1e-5)
    assert (twice.argmax(1) == y).mean() >= 0.8


def test_a_file_of_another_network_is_refused(shapes, tmp_path) -> None:
    settings = Project("images").settings(data=str(shapes), **TINY)
    keep(MobileNetV2(3, 0.15), model_file(tmp_path))
    with pytest.raises(ValueError, match="does not hold the weights of this network"):
        kept(settings, 2, model_file(tmp_path))
    model_file(tmp_path).write_bytes(b"no weights")
    with pytest.raises(ValueError, match="does not hold the weights of this network"):
        kept(settings, 2, model_file(tmp_path))
