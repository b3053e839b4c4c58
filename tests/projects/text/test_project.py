"""The whole way on sentences of our own: learn, measure, ask, serve, refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gobhir.deploy import Text, export
from gobhir.deploy.inputs import prepared
from gobhir.deploy.serve.model import Served
from gobhir.evaluation import Temperature
from gobhir.projects import Project
from gobhir.projects.learning import learn
from gobhir.projects.results import Results
from gobhir.projects.text import evaluate as measuring
from gobhir.projects.text.data import divided, task
from gobhir.projects.text.models import network
from gobhir.projects.text.run import sentences
from gobhir.projects.text.settings import MODELS, Settings
from gobhir.projects.text.tokens import rows
from gobhir.projects.text.train import ONNX, how, opened, ordered, vocabulary
from gobhir.training import predict

SENTENCES = Path(__file__).parent / "sentences.tsv"
TINY: dict[str, Any] = {
    "data": str(SENTENCES),
    "vocabulary": 300,
    "max_length": 24,
    "epochs": 4,
    "batch_size": 8,
    "dropout": 0.1,
}
SMALL = {"dims": 16, "heads": 2, "lr": 0.01, "forget": 0.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    folder = tmp_path_factory.mktemp("text")
    settings = Settings(**TINY, **SMALL, model="all")
    Project("text").train(settings, folder)
    return settings, folder


@pytest.mark.parametrize("kind", MODELS)
def test_each_network_learns_the_sentences(kind: str) -> None:
    settings = Settings(**{**TINY, "epochs": 15, "patience": 15}, **SMALL, model=kind)
    todo, own = task(settings), settings.of(kind)
    form = vocabulary(todo, own)
    torch.manual_seed(0)
    model = network(kind, len(form.vocabulary), 2, own)
    history = learn(own, model, **how(todo, form, own))
    assert max(row["accuracy"] for row in history.rows) > 0.9


def test_evaluation_is_the_same_each_time(trained: tuple[Settings, Path]) -> None:
    settings, folder = trained
    first = Project("text").evaluate(folder)
    again = Project("text").evaluate(folder)
    assert [m.numbers for m in first.models] == [m.numbers for m in again.models]
    assert [m.numbers for m in first.baselines] == [m.numbers for m in again.baselines]
    assert len(first.models) == len(MODELS) + 1
    assert len(first.baselines) == 4
    assert Results.load(folder).models[0].numbers == first.models[0].numbers
    wrong = sum(sum(row) for row in first.confusion) - sum(
        first.confusion[k][k] for k in range(len(first.classes))
    )
    assert len(first.mistakes) == wrong
    texts = set(task(settings).part("test")[0])
    assert all(mistake.text in texts for mistake in first.mistakes)
    for lang in ("bn", "en"):
        assert (folder / f"results.{lang}.html").exists()
        assert (folder / f"card.{lang}.md").exists()


def test_the_service_answers_as_the_network_does(trained: tuple[Settings, Path]) -> None:
    settings, folder = trained
    served = Served(folder / ONNX)
    assert served.about is not None
    assert served.about.input is not None
    assert served.batched
    texts = task(settings).part("test")[0]
    given = np.stack([prepared(served.about.input, text) for text in texts])
    mine = measuring.answers(folder, ordered(folder)[0], settings, texts)
    np.testing.assert_allclose(served.run([given])[0], mine, atol=1e-4)


def test_the_service_is_as_sure_as_the_validation_was_right(trained: tuple[Settings, Path]) -> None:
    settings, folder = trained
    about = Served(folder / ONNX).about
    assert about is not None
    texts, target = task(settings).part("validation")
    scores = measuring.answers(folder, ordered(folder)[0], settings, texts)
    try:
        wanted = Temperature.fit(scores, target)
    except ValueError:  # all are right
        wanted = Temperature()
    assert about.temperature == pytest.approx(wanted.value)
    found = Project("text").run(texts[:3], folder)
    assert found.iloc[:, 2].tolist() == wanted(scores[:3]).max(1).round(3).tolist()


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_each_network_can_be_exported(
    kind: str, trained: tuple[Settings, Path], tmp_path: Path
) -> None:
    settings, folder = trained
    model, told = opened(folder, kind, settings)
    assert isinstance(told.input, Text)
    example = rows(["খুব ভালো", "A bad play", ""], told.input)
    made = export(model, example, tmp_path / "one.onnx", about=told)
    assert made.difference < 1e-4
    found = Served(made.path).run([example])[0]
    np.testing.assert_allclose(found, predict(model, example).numpy(), atol=1e-4)


def test_run_reads_sentences_and_files(
    trained: tuple[Settings, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, folder = trained
    lines = tmp_path / "lines.txt"
    lines.write_text("খুব সুন্দর নাটক\n\nA terrible film\n", encoding="utf-8-sig")
    found = Project("text").run(["গল্পটা দারুণ", str(lines), "書"], folder)
    assert found.iloc[:, 0].tolist() == ["গল্পটা দারুণ", "খুব সুন্দর নাটক", "A terrible film", "書"]
    assert set(found.iloc[:, 1]) <= {"good", "bad"}
    assert found.iloc[:, 3].astype(bool).tolist() == [False, False, False, True]
    shown = capsys.readouterr().out
    assert "1 empty" in shown
    assert "Not one piece" in shown
    table = tmp_path / "found.csv"
    Project("text").run(["ভালো"], folder, to=str(table))
    assert table.read_text(encoding="utf-8").count("\n") == 2


def test_copies_are_on_one_side() -> None:
    own = np.array(["train", "train", "dev", "dev", "test", "train"])
    copies = np.array([0, 1, 1, 2, 2, 2])
    parts, left_out = divided(own, copies)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [0],
        "validation": [2],
        "test": [4],
    }
    assert left_out == 3


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no texts called 'poems'"):
        task(Settings(data="poems"))
    with pytest.raises(ValueError, match="--label"):
        task(Settings(data=str(SENTENCES), label="class"))
    few = tmp_path / "few.csv"
    few.write_text("text,label\nভালো,good\nবাজে,bad\n", encoding="utf-8")
    with pytest.raises(ValueError, match="2 texts are too few"):
        task(Settings(data=str(few)))
    few.write_text("text,label\n" + "ভালো,good\n" * 30, encoding="utf-8")
    with pytest.raises(ValueError, match="two or more"):
        task(Settings(data=str(few)))
    few.write_text("text,label\n" + "ভালো,good\n" * 30 + ",bad\n", encoding="utf-8")
    with pytest.raises(ValueError, match="line 32"):
        task(Settings(data=str(few)))
    with pytest.raises(ValueError, match="--heads"):
        Settings(dims=10, heads=4)
    with pytest.raises(FileNotFoundError):
        Project("text").run(["ভালো"], tmp_path)
    broken = tmp_path / "broken.txt"
    broken.write_bytes("ভালো\n".encode() + b"\xff\n")
    with pytest.raises(ValueError, match=r"line 2.*0xff"):
        sentences([str(broken)])
    broken.write_text("\n \n")
    with pytest.raises(ValueError, match="no sentence"):
        sentences([str(broken)])
    with pytest.raises(ValueError, match="empty"):
        sentences([" "])


def test_a_wish_that_cannot_be_fulfilled_changes_nothing(
    trained: tuple[Settings, Path], tmp_path: Path
) -> None:
    _, folder = trained
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    with pytest.raises(ValueError, match="--text"):
        Project("text").train(Settings(data=str(SENTENCES), text="sentence"), folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
