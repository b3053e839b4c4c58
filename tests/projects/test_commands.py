"""`gobhir project`: which there are, what they can be told, what is wrong, in both languages."""

from __future__ import annotations

import os
import re
import signal

import pytest

from gobhir.projects import Project, projects
from gobhir.training import CSVLog

BANGLA = re.compile(r"[\u0980-\u09ff]")


@pytest.mark.parametrize("lang", ["en", "bn"])
def test_the_list_names_every_project(run, lang) -> None:
    code, out, err = run("project", lang=lang)
    assert code == 0 and not err
    assert all(re.search(rf"^  {name} +\S", out, re.M) for name in projects())
    assert bool(BANGLA.search(out)) == (lang == "bn")


@pytest.mark.parametrize("name", projects())
def test_every_setting_stands_in_the_help(run, name) -> None:
    wishes = list(Project(name).settings.wishes())
    for lang in ("en", "bn"):
        code, out, _ = run("project", name, "train", "--help", lang=lang)
        assert code == 0
        assert all(wish.option in out for wish in wishes)


def test_a_project_alone_shows_its_verbs(run) -> None:
    code, out, _ = run("project", "tables")
    assert code == 0
    assert all(re.search(rf"^  {verb} ", out, re.M) for verb in ("train", "evaluate", "run"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("project kites", "'kites'"),
        ("project tables train --epochs many", "--epochs"),
        ("project tables train --epochs 0", "from 1 on"),
        ("project tables train --engine jax", "gobhir"),
        ("project tables train --speed 9", "--speed"),
        ("project tables evaluate", "gobhir project"),
        ("project tables run", "gobhir project"),
        ("project tables fly", "'fly'"),
        ("project tables fly --lang {lang}", "'fly'"),
        ("project tables train --epoch 3", "--epochs"),
        ("project tables run --folder a-file", "a-file"),
    ],
)
def test_a_wrong_line_is_one_sentence(run, tmp_path, line: str, told: str) -> None:
    (tmp_path / "a-file").touch()
    for lang in ("en", "bn"):
        code, out, err = run(*line.format(lang=lang).split(), lang=lang)
        assert code == 2 and not out
        assert err.count("\n") == 1
        assert told in err or lang == "bn"
        assert bool(BANGLA.search(err)) == (lang == "bn")


def test_options_reach_the_project(run, tmp_path) -> None:
    line = "project tables train --data wine --epochs 2 --hidden 4 --folder here"
    code, out, _ = run(*line.split())
    assert code == 0
    assert out.endswith("gobhir project tables evaluate --folder here\n")
    kept = Project("tables").settings.load(tmp_path / "here")
    assert (kept.data, kept.epochs, kept.hidden) == ("wine", 2, 4)


def test_ctrl_c_leaves_a_training_that_goes_on(run, tmp_path, monkeypatch) -> None:
    """What was cut short is not taken for what has learned to its end."""
    line = "project tables train --data wine --engine gobhir --epochs 4 --hidden 4 --patience 0"
    run(*line.split(), "--folder", "whole")
    usual, seen = CSVLog.on_epoch_end, []

    def pressed(log, *told):
        usual(log, *told)
        seen.append(1)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(CSVLog, "on_epoch_end", pressed)
    code, out, _ = run(*line.split(), "--folder", "cut")
    assert code == 130 and "gobhir project tables train --resume --folder cut" in out
    assert not list((tmp_path / "cut").glob("model*"))
    again = ["project", "tables", "train", "--resume", "--folder", "cut"]
    code, _, err = run(*again, "--hidden", "5", "--epochs", "4")
    assert code == 2 and "--hidden" in err and "--epochs" not in err
    code, _, _ = run(*again, "--hidden", "4")
    assert code == 0 and not list((tmp_path / "cut").glob("checkpoint*"))
    one, other = (tmp_path / name / "model-gobhir.safetensors" for name in ("cut", "whole"))
    assert one.read_bytes() == other.read_bytes()


def test_a_new_training_takes_away_the_old_ones_results(run, tmp_path) -> None:
    line = "project tables train --data wine --epochs 1 --hidden 2 --folder here"
    run(*line.split())
    run("project", "tables", "evaluate", "--folder", "here")
    left = {"results.json", "results.en.html", "card.bn.md"}
    assert {p.name for p in (tmp_path / "here").iterdir()} >= left
    run(*line.split())
    assert not {p.name for p in (tmp_path / "here").iterdir()} & left
