"""Augmentation, a small training, its measurement, its use."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gobhir
from gobhir.cli import main
from gobhir.projects import Project
from gobhir.projects.digits.answers import scores, trained
from gobhir.projects.digits.augment import augment, bend, pen, soil
from gobhir.projects.digits.data import Batches, Digits, digits
from gobhir.projects.digits.hand import sample
from gobhir.projects.digits.network import LAYERS, network
from gobhir.projects.digits.run import exported
from gobhir.projects.digits.settings import Settings
from gobhir.projects.digits.smaller import NAMES, smaller
from gobhir.projects.digits.train import how, new, train
from gobhir.projects.learning import checkpoint_file, kept, learn, model_file
from gobhir.projects.results import Results

SMALL = Settings(data="sample", width=8, epochs=12, batch_size=32)


@pytest.fixture(scope="module")
def data() -> Digits:
    return digits("sample")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a small network was trained."""
    folder = tmp_path_factory.mktemp("digits")
    train(SMALL, folder)
    return folder


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("change", [augment, bend, pen, soil])
def test_augmentation_keeps_the_form_and_is_seeded(data: Digits, change: object) -> None:
    x = torch.from_numpy(data.rows("test")[0])
    before = x.clone()
    first, again, other = (change(x, 1.0, chance(s)) for s in (0, 0, 1))  # type: ignore[operator]
    assert first.shape == x.shape and first.dtype == torch.float32
    assert first.min() >= 0 and first.max() <= 1 and torch.equal(x, before)
    assert torch.equal(first, again) and not torch.equal(first, other)
    ink = first.sum((1, 2, 3)) / x.sum((1, 2, 3))
    assert (ink > 0.2).all() and (ink < 4).all()  # nothing is lost, nothing is drowned


def test_no_augmentation_changes_nothing(data: Digits) -> None:
    x = torch.from_numpy(data.rows("test")[0])
    assert torch.equal(augment(x, 0.0, chance()), x)


def test_each_epoch_has_batches_of_its_own(data: Digits) -> None:
    x, y = data.rows("train")
    batches = Batches(x, y, 50, 0.5, seed=1)
    first, again = ([b[1] for b in batches] for _ in range(2))
    batches.epoch = 2
    second = [b[1] for b in batches]
    assert len(first) == len(batches) == len(x) // 50
    assert np.array_equal(first, again) and not np.array_equal(first, second)


def test_the_table_of_the_network_is_right() -> None:
    model = network(torch, 32)
    assert sum(p.numel() for p in model.parameters()) == 140_970
    pairs = 0

    def count(layer: torch.nn.Module, given: object, result: torch.Tensor) -> None:
        nonlocal pairs
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        pairs += weight[0].numel() * result[0].numel()

    for layer in model:
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            layer.register_forward_hook(count)
    model.eval()(torch.zeros(1, 1, 28, 28))
    assert pairs == 156_800 + 1_806_336 + 903_168 + 1_806_336 + 663_552 + 1_280


def test_the_network_is_the_same_on_both_frameworks(folder: Path, data: Digits) -> None:
    x = data.rows("test")[0][:8]
    torchs = scores(trained(SMALL, folder), x)
    own = scores(trained(Settings(data="sample", width=8, engine="gobhir"), folder), x)
    assert np.abs(torchs - own).max() < 1e-4


def test_a_small_network_learns_the_sample(folder: Path, data: Digits) -> None:
    x, y = data.rows("test")
    assert (scores(trained(SMALL, folder), x).argmax(1) == y).mean() > 0.9
    assert not checkpoint_file(folder).exists()
    rows = list(csv.DictReader((folder / "history.csv").open(encoding="utf-8")))
    assert len(rows) == 12 and float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_training_on_the_engine(data: Digits) -> None:
    tiny = Settings(data="sample", engine="gobhir", width=4, epochs=3, batch_size=64)
    model = new(tiny, data)
    history = learn(tiny, model, **how(tiny, data), progress=False)
    assert history["loss"][-1] < history["loss"][0]


def test_mixed_precision_leaves_weights_that_are_read_like_others(
    data: Digits, tmp_path: Path
) -> None:
    mixed = Settings(data="sample", width=2, epochs=3, batch_size=64, precision="bf16", lr=0.02)
    history = train(mixed, tmp_path)
    assert history["loss"][-1] < history["loss"][0]
    assert {str(a.dtype) for a in kept(tmp_path).values()} == {"float32", "int64"}
    found = scores(trained(mixed, tmp_path), data.rows("test")[0])
    assert found.dtype == np.float64 and np.isfinite(found).all() and found.std() > 0


def command(*words: str) -> None:
    """What `gobhir project ...` does, to its good end."""
    with pytest.raises(SystemExit) as end:
        main(["project", *words])
    assert not end.value.code


def test_a_training_cut_short_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    words = [
        "digits",
        "train",
        "--data",
        "sample",
        "--width",
        "4",
        "--epochs",
        "3",
        "--batch-size",
        "64",
    ]
    command(*words, "--folder", str(whole))

    class Killed(BaseException):
        pass

    calls = 0
    original = Batches.__iter__

    def dying(self: Batches):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return original(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batches, "__iter__", dying)
        with pytest.raises(Killed):
            main(["project", *words, "--folder", str(cut)])
    assert not model_file(cut).exists() and checkpoint_file(cut).exists()
    # By the settings that stand in the folder.
    command("digits", "train", "--resume", "--folder", str(cut))
    assert model_file(cut).read_bytes() == model_file(whole).read_bytes()


def test_evaluation_is_the_same_again(folder: Path) -> None:
    project = Project("digits")
    first = project.evaluate(folder)
    numbers = first.models[0].numbers
    again = project.evaluate(folder, stress=False)
    assert again.models[0].numbers == numbers and not again.tables
    kept = Results.load(folder)
    assert kept.models[0].numbers["accuracy"].value == numbers["accuracy"].value
    # Better than what learned nothing, on plain digits and on changed ones.
    assert first.gains[0].low is not None and first.gains[0].low > 0.3
    rows = first.tables[0].rows
    assert len(rows) > 15 and rows[-1][1].value > 0.5
    assert {p.name for p in folder.iterdir()} >= {"results.bn.html", "card.en.md"}


def test_pictures_are_read(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures, labels = sample(1, seed=9)
    for digit, label in zip(pictures, labels, strict=True):
        Image.fromarray(255 - digit).resize((70, 90)).save(tmp_path / f"{label}.png")
    found = Project("digits").run([str(tmp_path)], folder)
    right = [Path(name).stem == str("০১২৩৪৫৬৭৮৯".index(answer)) for name, answer, _ in found]
    assert len(found) == 10 and sum(right) >= 8
    assert len(capsys.readouterr().out.splitlines()) == 10
    Project("digits").run([str(tmp_path / "3.png")], folder, to=str(tmp_path / "out.csv"))
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_what_cannot_be_read_is_refused(folder: Path, tmp_path: Path) -> None:
    project = Project("digits")
    blank, broken, empty = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "none"
    Image.new("L", (30, 30), 255).save(blank)
    broken.write_bytes(b"\x89PNG no")
    empty.mkdir()
    with pytest.raises(ValueError, match=r"a\.png"):
        project.run([str(blank)], folder)
    with pytest.raises(ValueError, match=r"b\.png"):
        project.run([str(broken)], folder)
    with pytest.raises(FileNotFoundError, match="none"):
        project.run([str(empty)], folder)
    with pytest.raises(FileNotFoundError, match=r"c\.png"):
        project.run([str(tmp_path / "c.png")], folder)


def test_a_model_of_another_width_is_refused(folder: Path, tmp_path: Path) -> None:
    other = Settings(data="sample", width=4)
    with pytest.raises(FileNotFoundError):
        trained(other, tmp_path)
    gobhir.save(gobhir.load(model_file(folder)), model_file(tmp_path))
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        trained(other, tmp_path)


def test_the_page_has_the_layers_to_look_at(folder: Path, data: Digits) -> None:
    import onnxruntime

    path = exported(trained(SMALL, folder), folder)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [o.name for o in session.get_outputs()] == ["output", *LAYERS]
    x = data.rows("test")[0][:5]
    answer, first, *_ = session.run(None, {"input": x})
    assert first.shape == (5, 8, 14, 14)
    assert np.abs(answer - scores(trained(SMALL, folder), x)).max() < 1e-4


def test_smaller_copies_are_measured_beside_the_network(folder: Path, data: Digits) -> None:
    table = smaller(trained(SMALL, folder), SMALL, data)
    names = [row[0].key for row in table.rows]
    assert names == list(NAMES)
    sizes = [int(row[1]["en"].split()[0]) for row in table.rows]
    plain, static, narrow = sizes[0], sizes[2], sizes[4]
    assert static < plain and narrow < plain
    accuracy = [row[3].value for row in table.rows]
    assert abs(accuracy[2] - accuracy[0]) < 0.1
    assert table.rows[0][4].startswith("1.00")
