"""Small wrong programs, as beginners write them: bad_input/*.toml. What is said about each names
what was wrong, the layer and the learner's own line, in Bangla and in English.

kind: the error's class, or that of a warning. told: what the message must name, in both languages.
The line that must be shown ends with "# here". theirs: what PyTorch raises, where it is another
kind; "" where it is silent. `import gobhir as torch` stands above each program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import traceback
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import gobhir
from gobhir.lang import Message, use_language

PROGRAMS: dict[str, dict[str, Any]] = {}
for table in sorted((Path(__file__).parent / "bad_input").glob("*.toml")):
    PROGRAMS |= tomllib.loads(table.read_text(encoding="utf-8"))
ONLY_GOBHIRS = "torch.fit(", "torch.training.", "torch.explain(", "torch.compile"


class Said(NamedTuple):
    """What a program ended with: an error or a warning; its text; where it was."""

    kind: str
    text: str
    file: str
    line: int


def run(code: str, framework: str, file: Path) -> Said | None:
    """The error that the program ends with, else its first warning, if there is one."""
    file.write_text(f"import {framework} as torch\n{code}", encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(compile(file.read_text(encoding="utf-8"), file, "exec"), {"__name__": "__main__"})
        except Exception as error:
            message = next(iter(error.args), None)
            place = message.place if isinstance(message, Message) else None
            return Said(type(error).__name__, str(error), *(place or ("", 0)))
    for warning in caught:
        if warning.filename == str(file):
            kind = warning.category.__name__
            return Said(kind, str(warning.message), warning.filename, warning.lineno)
    return None


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that a program writes go away; what it draws by chance is always the same."""
    monkeypatch.chdir(tmp_path)
    gobhir.manual_seed(0)


@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_where_and_what_to_do(name: str, lang: str, tmp_path: Path) -> None:
    program, file = PROGRAMS[name], tmp_path / "wrong.py"
    use_language(lang)
    try:
        said = run(program["code"], "gobhir", file)
    finally:
        use_language(None)
    assert said is not None and said.kind == program["kind"]
    assert [part for part in program["told"] if part not in said.text] == []
    assert any("\u0980" <= letter <= "\u09ff" for letter in said.text) == (lang == "bn")
    line = file.read_text(encoding="utf-8").split("\n")[said.line - 1]
    assert said.file == str(file) and line.endswith("# here")


@pytest.mark.parametrize(
    "name", [n for n, p in PROGRAMS.items() if not any(w in p["code"] for w in ONLY_GOBHIRS)]
)
def test_pytorch_refuses_it_too(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    torch.manual_seed(0)
    said = run(program["code"], "torch", tmp_path / "wrong.py")
    want = program.get("theirs", program["kind"])
    if want:
        assert said is not None and said.kind == want
    else:
        assert said is None or said.kind.endswith("Warning")


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_as_a_learner_sees_it(lang: str, tmp_path: Path) -> None:
    """A script of its own, and what Python prints when it ends."""
    file = tmp_path / "wrong.py"
    code = PROGRAMS["shape nested"]["code"]
    file.write_text(f"import gobhir as torch\n{code}", encoding="utf-8")
    surroundings = os.environ | {"GOBHIR_LANG": lang, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, str(file)], env=surroundings, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 1
    told = done.stderr.split("RuntimeError: ")[-1]
    assert "'2.1.fc'" in told and "(5, [6])" in told and f"{file}" in told
    assert ("লেয়ারে" in told) == (lang == "bn")
    assert told.rstrip().endswith("return self.fc(x)  # here")


def test_an_error_in_a_callback_says_where_training_stood(tmp_path: Path) -> None:
    data = gobhir.zeros(6, 2), gobhir.zeros(6, 1)

    def second_epoch(run: Any) -> None:
        if run.epoch == 2:
            raise KeyError("mine")

    model = gobhir.nn.Linear(2, 1)
    with pytest.raises(KeyError, match="mine") as caught:
        gobhir.fit(model, data, "mse", epochs=3, callbacks=second_epoch, progress=False)
    told = "".join(traceback.format_exception(caught.value))
    assert "second_epoch" in told and caught.value.__notes__
    assert {"2", "1"} <= set(caught.value.__notes__[0].replace(",", " ").split())
    assert model.training
