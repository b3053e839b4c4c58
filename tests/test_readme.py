"""The two READMEs say the same, and what they say is so."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import evaluate
from benchmarks.cctv_faults import FAULTS
from benchmarks.evaluate import ADAPTED, RESULTS, RUNS, detectors, row, rules
from benchmarks.trackers import table as trackers
from gobhir.cli import app, main
from gobhir.evaluation import Estimate
from gobhir.lang import use_language
from gobhir.projects.results import Model, Results
from tests.explain.test_script import TRAINING

ROOT = Path(__file__).resolve().parent.parent
BEGUN = {
    "README.md": ("from scratch", "from ImageNet's weights"),
    "README.bn.md": ("একেবারে গোড়া থেকে", "ImageNet-এর ওয়েট থেকে"),
}
"""What the two kinds of detectors begin with, as the READMEs say it."""
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.bn.md")}


def commands(text: str) -> list[str]:
    """The indented command lines, without what is said beside them."""
    lines = re.findall(r"^    (\S.*)$", text, flags=re.M)
    return [re.split(r"\s{2,}#", line)[0] for line in lines if not line.startswith("git ")]


@pytest.fixture(autouse=True)
def _nobodys_language() -> Iterator[None]:
    """A command's --lang holds for its process."""
    yield
    use_language(None)


@pytest.mark.parametrize("name", TEXTS)
def test_ten_lines_at_the_top_hold_the_commands(name: str) -> None:
    top = [line for line in TEXTS[name].splitlines() if line.strip()][:10]
    for command in ("make start", "make test", "py start.py", "py start.py test", "TORCH=no"):
        assert any(command in line for line in top), command


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_and_folder_that_is_named_is_there(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", TEXTS[name])
    assert links
    for path in links:
        assert (ROOT / path).exists(), path
    rows = re.findall(r"^\| (`[^|]+) \|.*\| `([^`|]+)` \|$", TEXTS[name], flags=re.M)
    assert len(rows) >= 9
    for rooms, start in rows:
        folders = [ROOT / room for room in re.findall(r"`(\S+?)`", rooms)]
        folders = [f if f.exists() else ROOT / "src" / "gobhir" / f.name for f in folders]
        assert all(folder.is_dir() for folder in folders), rooms
        assert any((place / start).exists() for place in [ROOT, *folders, folders[0].parent]), start


def test_both_languages_show_the_same_code_commands_and_places() -> None:
    english, bangla = (re.sub(r'"(en|bn)"|--lang (en|bn)', "LANG", t) for t in TEXTS.values())
    assert commands(english) == commands(bangla)
    for pattern in (r"^\| (`[^|]+) \|", r"\| (`[^`|]+`) \|$", r"\]\((?!README)([^)]+)\)"):
        found = re.findall(pattern, english, flags=re.M)
        assert found and found == re.findall(pattern, bangla, flags=re.M)


@pytest.mark.parametrize("name", TEXTS)
def test_the_program_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    programs = re.findall(r"```python\n(.*?)```", TEXTS[name], flags=re.S)
    explained, watched, by_hand, trained = programs
    for program in (explained, watched):
        exec(program, {})
        assert "∂L/∂w⁽¹⁾₂₁" in capsys.readouterr().out
    exec(by_hand, {})
    assert "= −0.1469" in capsys.readouterr().out
    exec(trained, {})
    assert "20/20" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("name", TEXTS)
def test_the_explain_commands_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in commands(TEXTS[name]) if "gobhir explain" in line]
    assert len(lines) == 3
    (tmp_path / "train.py").write_text(TRAINING.replace("{framework}", "torch"), encoding="utf-8")
    for line in lines:
        with pytest.raises(SystemExit) as left:
            main(shlex.split(line, comments=True)[1:])
        assert left.value.code == 0
    assert (tmp_path / "page.html").stat().st_size > 100_000


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_the_worksheet_commands_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in commands(TEXTS[name]) if re.search("gobhir (worksheet|check)", line)]
    assert len(lines) == 4 and ".pdf" in lines[0]
    for line in (lines[0].replace(".pdf", ".html"), *lines[1:]):  # not everybody has Chromium
        with pytest.raises(SystemExit) as left:
            main(shlex.split(line)[1:])
        assert left.value.code == 0
    assert (tmp_path / "class.html").read_text(encoding="utf-8").count("<article") == 80


@pytest.mark.parametrize("name", TEXTS)
def test_the_commands_of_learning_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = r"gobhir (plan|search|export|recall|maths)"
    lines = [line for line in commands(TEXTS[name]) if re.search(wanted, line)]
    assert len(lines) == 6
    for line in lines:
        with pytest.raises(SystemExit) as left:
            main(shlex.split(line, comments=True)[1:])
        assert left.value.code == 0, line
    assert "gradient" in capsys.readouterr().out.casefold()  # what was searched for
    assert list((tmp_path / "my-notes").iterdir())


@pytest.mark.parametrize("name", TEXTS)
def test_the_commands_about_ops_run(name: str) -> None:
    lines = [line for line in commands(TEXTS[name]) if "gobhir op" in line]
    listed, card = (CliRunner().invoke(app, shlex.split(line)[1:]) for line in lines)
    assert listed.exit_code == 0 and listed.output.count(",") > 190  # "over 200 of them"
    assert card.exit_code == 0 and "∂a/∂z = a(1 − a)" in card.output


@pytest.mark.parametrize("name", TEXTS)
def test_the_ratios_are_those_that_were_measured(name: str) -> None:
    measured = json.loads((ROOT / "results" / "benchmarks.json").read_text(encoding="utf-8"))
    table = TEXTS[name].partition("| --- | --- | --- | --- | --- | --- |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert len(rows) >= 5
    for peer, *cells in rows:
        for cell, workload in zip(cells, measured["workloads"].values(), strict=True):
            ratio = workload["peers"].get(peer, {}).get("ratio")
            digits = len(cell.partition(".")[2])
            assert cell == ("–" if ratio is None else f"{ratio:.{digits}f}"), (peer, cell)
    assert f"{measured['import_ms']:.0f} ms" in TEXTS[name]
    for peer in ("gobhir compiled", "PyTorch eager, 2 threads"):
        megabytes = [w["peers"][peer]["peak_mb"] for w in measured["workloads"].values()]
        assert re.search(rf"\b{min(megabytes)} \S+ {max(megabytes)}\b", TEXTS[name]), peer


@pytest.mark.parametrize("name", TEXTS)
def test_the_projects_numbers_are_those_that_were_measured(name: str) -> None:
    kinds = "|".join({kind for kind, _ in RUNS.values()})
    table = re.findall(rf"^\| (?:{kinds})\b.*$", TEXTS[name], flags=re.M)
    measured = [run for run in (*RUNS, ADAPTED) if (RESULTS / f"{run}.json").exists()]
    assert len(measured) > 4
    assert table == [row(run) for run in measured]


@pytest.mark.parametrize("name", TEXTS)
def test_the_anomaly_projects_numbers_are_those_that_were_measured(name: str) -> None:
    measured = json.loads((RESULTS / "anomaly-vtest.json").read_text(encoding="utf-8"))
    mean = measured["tables"][-1]["rows"][-1][1:4]
    said = TEXTS[name].partition("Fashion-MNIST-এর একটাই" if "bn" in name else "Which pictures of")
    assert re.findall(r"\b0\.\d{3}\b", said[2].partition("\n\n")[0]) == mean
    hours = json.loads((RESULTS / "anomaly-hours.json").read_text(encoding="utf-8"))
    for wished, _, promised, counted, _ in hours["table"]["rows"]:
        assert f"| {wished} | {float(promised):.1f} | {counted} |" in TEXTS[name]


@pytest.mark.parametrize("name", TEXTS)
def test_the_cameras_numbers_are_those_that_were_measured(name: str) -> None:
    measured = json.loads((RESULTS / "cctv-vtest.json").read_text(encoding="utf-8"))
    rows = rules(measured)
    assert len(rows) >= 3
    assert "|\n" + "\n".join(rows) + "\n\n" in TEXTS[name]
    said = TEXTS[name].partition(rows[-1])[2][:900]
    speed = measured["speed"]
    several = json.loads((RESULTS / "cctv-cameras.json").read_text(encoding="utf-8"))["cameras"]
    day = json.loads((RESULTS / "cctv-faults.json").read_text(encoding="utf-8"))["day"]
    for number in (
        f"{speed['fps_clock']:.1f}",
        f"{speed['quiet_fps_clock']:.0f}",
        f"{speed['start_clock']:.1f}",
        f"{speed['megabytes']:.0f}",
        f"{measured['tracking']['mota']:.2f}",
        f"{measured['detection']['ap50']:.2f}",
        f"{min(one['fps'] for one in several):.1f}",
        f"{max(one['dropped'] for one in several):.0%}".replace("%", " %"),
        f"{sum(n for kind, n in day['faults'].items() if kind in FAULTS)}",
        f"{day['announced']}",
    ):
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", said), number


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.json")), ids=lambda file: file.stem)
def test_what_is_kept_names_no_folder_of_a_machine(file: Path) -> None:
    assert not re.search(r"""["\s](/\w|~/|[A-Za-z]:\\\\)""", file.read_text(encoding="utf-8"))


def test_files_are_kept_as_seen_from_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "RESULTS", tmp_path)
    models = [Model(name, {"ap50": Estimate(0.5)}) for name in ("ours", "before")]
    found = Results("cctv", "cameras", models[:1], models[1:], "ap50")
    found.settings = {"data": str(tmp_path / "own" / "labels"), "epochs": 3}
    evaluate.keep("one", found, tmp_path / "own")
    kept = json.loads((tmp_path / "one.json").read_text(encoding="utf-8"))
    assert kept["settings"] == {"data": "labels", "epochs": 3}


@pytest.mark.parametrize("name", TEXTS)
def test_the_detectors_five_trainings_are_those_that_were_measured(name: str) -> None:
    runs = ("detection-pennfudan_yolo", "detection-pennfudan_imagenet")
    measured = [json.loads((RESULTS / f"{run}.json").read_text(encoding="utf-8")) for run in runs]
    rows = detectors(zip(BEGUN[name], measured, strict=True))
    assert "|\n" + "\n".join(rows) + "\n\n" in TEXTS[name]
    said = TEXTS[name].partition(rows[-1])[2][:1500]
    for found in measured:
        *parts, _ = found["tables"][0]["rows"]
        shares = sorted(100 * part[1]["value"] for part in parts)
        assert len(parts) == 5
        assert re.search(rf"{shares[0]:.1f} \S+ {shares[-1]:.1f} %", said)


@pytest.mark.parametrize("name", TEXTS)
def test_the_trackers_numbers_are_those_that_were_measured(name: str) -> None:
    measured = json.loads((RESULTS / "tracking-vtest.json").read_text(encoding="utf-8"))
    rows = trackers(measured)
    assert len(rows) >= 6
    assert "|\n" + "\n".join(rows) + "\n\n" in TEXTS[name]
    said = TEXTS[name].partition(rows[0])[0][-900:]
    for count in (measured["trials"], *measured["frames"].values()):
        assert re.search(rf"(?<!\d){count}(?!\d)", said), count


@pytest.mark.parametrize("name", TEXTS)
def test_the_commands_of_projects_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for line in commands(TEXTS[name]) if "gobhir project" in line]
    assert len(lines) == 4
    for line in lines:
        words = shlex.split(line.replace("--engine all", "--engine gobhir"), comments=True)[1:]
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0, line
    assert (tmp_path / "gobhir-projects" / "tables" / "results.bn.html").exists()
