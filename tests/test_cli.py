"""The command `gobhir`: what it prints, and one clear sentence for whatever goes wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gobhir
from gobhir.cli import main, usage
from gobhir.lang import LANGUAGES, use_language
from tests.calculator import problems

BANGLA = re.compile(r"[\u0980-\u09ff]")
Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def languages() -> Iterator[None]:
    yield
    use_language(None)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command line; exit code, stdout, stderr."""
    monkeypatch.setenv("GOBHIR_LANG", "en")

    def go(*argv: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["gobhir", *argv])
        use_language(None)
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return go


def test_the_house_example_stands_on_the_terminal(run: Run) -> None:
    code, out, err = run("explain", "4-4-1")
    assert (code, err) == (0, "")
    assert out.startswith("One training step of a 4-4-1 sigmoid network, worked by hand")
    assert "= 0.10 − 0.04 + 0.09 + 0.15 + 0.1 = 0.40" in out
    assert "5. Did it help?" in out
    assert run("explain")[1] == out


def test_in_bangla_by_option_and_by_surroundings(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("explain", "4-4-1", "--lang", "bn")
    assert code == 0 and "৫. লাভ হলো কি?" in out
    monkeypatch.setenv("GOBHIR_LANG", "bn")
    assert run("explain", "4-4-1")[1] == out
    assert run("explain", "--lang=en")[1].startswith("One training step")


def test_exact_mode(run: Run) -> None:
    hand, exact = run("explain", "--mode", "hand")[1], run("explain", "--mode", "exact")[1]
    assert hand == run("explain")[1] != exact
    assert "off by" in hand and "off by" not in exact


@pytest.mark.parametrize("suffix", ["html", "slides.html", "md", "txt", "tex", "json"])
def test_a_page_goes_into_a_file(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"page.{suffix}"
    code, out, err = run("explain", "4-4-1", "--to", str(file), "--lang", "bn")
    assert (code, err) == (0, "")
    assert str(file) in out and BANGLA.search(out)
    assert "হাতে-কলমে" in file.read_text(encoding="utf-8")


def test_other_networks_with_their_own_numbers(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    code, _, err = run(
        "explain", "3-5-2", "--x", "0.25, -1.5 2", "--y=1,0", "--lr", "0.1", "--activation", "tanh",
        "--loss", "mse", "--optimizer", "momentum", "--seed", "3", "--to", str(file),
    )  # fmt: skip
    assert (code, err) == (0, "")
    page = file.read_text(encoding="utf-8")
    assert r"x = \begin{bmatrix}0.25\\-1.5\\2\end{bmatrix}" in page
    assert r"\eta = 0.1" in page
    assert problems(page, "hand") == []


def test_a_seed_draws_the_same_numbers_again(run: Run) -> None:
    first = run("explain", "2-2-1", "--seed", "5")[1]
    assert run("explain", "2-2-1", "--seed", "5")[1] == first
    assert run("explain", "2-2-1", "--seed", "6")[1] != first


def test_a_batch(run: Run) -> None:
    code, out, _ = run("explain", "2-2-2", "--batch", "2", "--loss", "cross_entropy", "--y", "0 1")
    assert code == 0 and "2 examples go in together" in out


def test_numbers_may_be_typed_in_bangla_digits(run: Run) -> None:
    assert run("explain", "--x", "০.৫,০.১,০.৯,০.৩") == run("explain")


def test_why(run: Run) -> None:
    code, out, _ = run("explain", "4-4-1", "--why", "0.weight[1, 2]")
    assert code == 0
    assert out.startswith("Why is ∂L/∂w⁽¹⁾₂₃ what it is?")
    assert "Did it help?" not in out


WRONG = [
    (["explian"], "explian"),
    (["explain", "--foo"], "--foo"),
    (["explain", "--lr"], "--lr"),
    (["explain", "4-4-1", "3-3-1"], "explain"),
    (["explain", "4-x-1"], "4-x-1"),
    (["explain", "0-4-1"], "0-4-1"),
    (["explain", "--x", "1,2"], "4"),
    (["explain", "--x", "a,b,c,d"], "a"),
    (["explain", "--x", "1,nan,2,3"], "nan"),
    (["explain", "--x", "1,inf,2,3"], "inf"),
    (["explain", "--y", "1,2"], "2"),
    (["explain", "--lr", "fast"], "fast"),
    (["explain", "--lr=-1"], "-1"),
    (["explain", "--batch", "two"], "two"),
    (["explain", "--batch", "0"], "0"),
    (["explain", "--seed", "1.5"], "1.5"),
    (["explain", "--seed=-1"], "-1"),
    (["explain", "--mode", "rough"], "rough"),
    (["explain", "--activation", "softsign"], "softsign"),
    (["explain", "--loss", "best"], "best"),
    (["explain", "--optimizer", "lion"], "lion"),
    (["explain", "--why", "9.weight[0, 0]"], "9.weight"),
    (["explain", "--why", "0.weight[9, 0]"], "0.weight[9, 0]"),
    (["explain", "--why", "0.weight["], "0.weight["),
    (["explain", "--to", "page.docx"], "page.docx"),
    (["explain", "--to", "/nowhere/at/all.md"], "/nowhere/at"),
    (["explain", "400-400-400", "--mode", "hand"], "320000"),
    (["studio", "--port", "abc"], "abc"),
    (["op", "sigmod"], "sigmoid"),
    (["maths", "invers"], "inverse"),
    (["maths", "solve", "[[1]]"], "solve(a, b)"),
    (["maths", "determinant", "[[1,2],[3]]"], "2, 1"),
    (["maths", "rank", "--foo"], "--foo"),
    (["course", "plna"], "plna"),
    (["course", "check"], "LESSON"),
    (["course", "plan", "--foo"], "--foo"),
]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("argv", "named"), WRONG, ids=[" ".join(argv) for argv, _ in WRONG])
def test_what_goes_wrong_is_one_sentence_that_names_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, lang: str, argv: list[str], named: str
) -> None:
    monkeypatch.setenv("GOBHIR_LANG", lang)
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert named in err and "Traceback" not in err
    assert len(err.strip().splitlines()) == 1
    assert bool(BANGLA.search(err)) is (lang == "bn")


def test_an_unknown_language(run: Run) -> None:
    code, out, err = run("explain", "--lang", "fr")
    assert (code, out) == (2, "")
    assert "'fr'" in err and "bn, en" in err


def test_a_mistake_of_our_own_keeps_its_traceback(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("not a sentence of the catalogue")

    monkeypatch.setattr(gobhir.examples, "network", broken)
    with pytest.raises(ValueError, match="not a sentence"):
        run("explain")


HELPED = [[], ["explain"], ["op"], ["maths"], ["studio"], ["version"], ["course"]]
HELPED += [["course", "check"]]


@pytest.mark.parametrize("command", HELPED, ids=" ".join)
def test_help_in_both_languages(run: Run, command: list[str]) -> None:
    english = run(*command, "--help", "--lang", "en")[1]
    bangla = run(*command, "--help", "--lang", "bn")[1]
    assert BANGLA.search(bangla)
    options = re.findall(r"--[a-z-]+", english)
    assert "--help" in options and options == re.findall(r"--[a-z-]+", bangla)
    assert not re.search(r"[│╭╰]", bangla)
    assert "cli." not in english + bangla and "course.command" not in english + bangla
    assert "Usage" not in bangla and "Show this" not in bangla


def test_mathematics_by_hand(run: Run, tmp_path: Path) -> None:
    assert "inverse a" in run("maths", "--lang", "en")[1]
    code, out, _ = run("maths", "inverse", "[[2,1],[5,3]]", "--lang", "bn")
    assert code == 0 and "−5   2" in out and BANGLA.search(out)
    code, out, _ = run("maths", "derivative", "-x**2", "at=-3", "--to", str(tmp_path / "d.md"))
    assert code == 0 and "= 6" in (tmp_path / "d.md").read_text()


def test_alone_it_says_how_to_begin(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    assert "gobhir explain 4-4-1" in out and "gobhir studio" in out
    assert out == run("--help")[1]


def test_version(run: Run) -> None:
    assert run("version") == run("--version") == (0, f"gobhir {gobhir.__version__}\n", "")


def test_the_studio_gets_what_was_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr("gobhir.studio.serve", lambda **how: asked.append(how))
    run("studio")
    run("studio", "--port", "9000", "--no-browser", "--lang", "bn")
    assert asked == [
        {"port": None, "open_browser": True, "lang": None},
        {"port": 9000, "open_browser": False, "lang": "bn"},
    ]


def test_what_stands_behind_a_scripts_name_is_said_to_be_its_own(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    lines = ["from gobhir import manual_seed, nn, ones, optim", "manual_seed(1)"]
    lines += ["model = nn.Linear(2, 1)", "optimizer = optim.SGD(model.parameters(), 0.1)"]
    lines += ["for _ in range(2):"]
    lines += ["    model(ones(1, 2)).sum().backward()", "    optimizer.step()"]
    script.write_text("\n".join(lines), encoding="utf-8")
    code, out, err = run("explain", str(script), "--epochs", "2")
    assert (code, err) == (0, "") and out
    code, plainly, err = run("explain", str(script), "--to", "x.html")
    assert (code, plainly) == (0, out) and "--to was given to" in err
    assert BANGLA.search(run("explain", "--lang", "bn", str(script), "--why=a")[2])


def test_the_course_has_its_own_commands(run: Run) -> None:
    code, out, _ = run("course", "plan", "--lang", "bn")
    assert code == 0 and "দিন ৯" in out


def gobhir_command(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gobhir", *argv],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "GOBHIR_LANG": "en", **env},
        timeout=60,
    )


def test_as_a_module_in_an_old_console(tmp_path: Path) -> None:
    ran = gobhir_command(
        "explain", "2-1", "--lang", "bn", PYTHONIOENCODING="cp1252", PYTHONUTF8="0"
    )
    assert ran.returncode == 0 and ran.stderr == ""
    assert BANGLA.search(ran.stdout)


def test_a_reader_that_has_enough_is_no_error() -> None:
    command = f'"{sys.executable}" -m gobhir explain 4-4-1 | head -1'
    ran = subprocess.run(command, shell=True, capture_output=True, encoding="utf-8", timeout=60)
    assert ran.stderr == ""


def test_a_page_on_the_terminal_imports_nothing_heavy() -> None:
    """So that it stands there soon."""
    code = (
        "import sys; from gobhir.cli import main\n"
        "try: main(['explain', '4-4-1'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'matplotlib', 'pandas', 'jupyter_server', 'gobhir.studio',"
        " 'gobhir.course', 'gobhir.widgets', 'gobhir.lift.torch_watch', 'jsonschema'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60
    )
    assert "δ" in ran.stdout
    assert ran.stderr.strip() == "[]"


# -- worksheets and check ----


def test_a_worksheet_on_the_terminal_and_its_key(run: Run) -> None:
    code, out, err = run("worksheet", "2-2-1", "--seed", "7")
    assert (code, err) == (0, "")
    assert out.count("\u2026" * 6) == 28 and "0.02739" not in out
    both = run("worksheet", "2-2-1", "--seed", "7", "--key", "with")[1]
    assert both.startswith(out.rstrip()) and "0.02739" in both
    assert run("worksheet", "--seed", "7", "--lang", "bn")[1].startswith("\u0993")


def test_a_filled_worksheet_is_marked(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    assert run("worksheet", "2-2-1", "--seed", "7", "--to", str(file), "--key", "only")[0] == 0
    code, out, err = run("check", str(file))
    assert (code, err) == (0, "")
    assert "Points: 28 of 28" in out
    wrong = re.sub("(?m)^delta1_1,.*$", "delta1_1,0.13", file.read_text(encoding="utf-8"))
    file.write_text(wrong, encoding="utf-8")
    out = run("check", str(file))[1]
    assert "Points: 27 of 28" in out and "the slope of the activation was left out" in out
    assert BANGLA.search(run("check", str(file), "--lang", "bn")[1])
    page = tmp_path / "report.html"
    assert run("check", str(file), "--to", str(page))[0] == 0
    assert "<html" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["worksheet", "2-x-1"], "2-x-1"),
        (["worksheet", "2-2-1", "--steps", "sideways"], "sideways"),
        (["worksheet", "2-2-1", "--copies", "0"], "0"),
        (["worksheet", "2-2-1", "--seed", "x"], "--seed"),
        (["worksheet", "2-2-1", "--key", "maybe"], "maybe"),
        (["worksheet", "2-2-1", "--to", "sheet.doc"], "sheet.doc"),
        (["check", "nowhere.csv"], "nowhere.csv"),
        (["check"], "FILE"),
    ],
)
def test_what_is_wrong_with_a_worksheet_is_said_in_both_languages(
    run: Run, argv: list[str], said: str
) -> None:
    for lang in LANGUAGES:
        code, out, err = run(*argv, "--lang", lang)
        assert (code, out) == (2, "") and said in err
        assert bool(BANGLA.search(err)) is (lang == "bn")


def test_a_warning_of_gobhirs_own_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    usage.warn_plainly()
    own = warnings.formatwarning("Look out.", UserWarning, usage.__file__, 3)
    theirs = warnings.formatwarning("Look out.", UserWarning, "/elsewhere/torch.py", 3)
    assert own == "Look out.\n" and "torch.py:3: UserWarning: Look out." in theirs
