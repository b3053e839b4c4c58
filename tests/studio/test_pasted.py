"""A learner's own program on the desk: what it says of every way in which a program can end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
import torch

from gobhir.explain.script import load_frameworks
from gobhir.studio import pasted
from gobhir.studio.pasted import FILE

TRAINING = """
import {torch}
{nn}
torch.manual_seed(3)
model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
x = torch.tensor([[0.0, 1.0], [1.0, 0.5]])
y = torch.tensor([[1.0], [0.25]])
optimizer = optim.SGD(model.parameters(), lr=0.1)
for step in range(4):
    loss = nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{{loss.item():.6f}}")
"""
PYTORCH = TRAINING.format(torch="torch", nn="from torch import nn, optim")
GOBHIR = TRAINING.format(torch="gobhir as torch", nn="from gobhir import nn, optim")


def ask(do: str, **rest: Any) -> dict[str, Any]:
    answered = pasted.answer(json.dumps({"do": do, **rest}))
    sent: dict[str, Any] = json.loads(json.dumps(answered, allow_nan=False))
    return sent


@pytest.mark.parametrize("code", [PYTORCH, GOBHIR], ids=["torch", "gobhir"])
def test_every_step_of_the_program_can_be_opened(
    code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pasted.run(code)
    printed = [float(line) for line in capsys.readouterr().out.split()]
    seen = {"ended": "end", "trouble": None, "code": code, "steps": 4, "first": 0}
    assert ask("seen") == seen
    for step in (0, 3):
        shown = ask("step", step=step, lang="bn")
        assert (shown["step"], shown["steps"]) == (step, 4)
        assert shown["losses"] == pytest.approx(printed, abs=1e-6)
        assert "w^{(1)}_{21}" in ask("why", step=step, lang="en", name="0.weight[1, 0]")["html"]
    assert 'name="z1_11"' in ask("blanks", step=2, lang="en")["html"]
    assert ask("take", step=2, lang="en", form="markdown")["name"] == "gobhir-step-3.en.md"
    assert "message" in ask("step", step=4, lang="en")


def test_a_hand_calculation_of_a_programs_step_is_checked_with_its_own_numbers() -> None:
    pasted.run(PYTORCH)
    torch.manual_seed(3)
    layer = torch.nn.Linear(2, 3)
    first = (layer.weight @ torch.tensor([0.0, 1.0]) + layer.bias)[0].item()
    good = ask("check", step=0, lang="en", text=f"z1_11 = {first:.4f}")
    assert good["marks"] == {"z1_11": ["right", "✓ right"]}
    assert ask("check", step=0, lang="en", text="z1_11 = 7.77")["first"] == "z1_11"


def test_a_program_that_fails_shows_its_own_lines_and_keeps_its_steps() -> None:
    pasted.run(GOBHIR + "\ndef after():\n    return missing\n\nafter()\n")
    seen = ask("seen")
    assert seen["steps"] == 4 and seen["ended"] == "failed"
    trouble = seen["trouble"]
    assert trouble["name"] == "NameError" and trouble["code"] == "return missing"
    assert f'File "{FILE}", line {trouble["line"]}, in after' in trouble["traceback"]
    assert "pasted.py" not in trouble["traceback"]


def test_a_line_that_is_not_python_is_named() -> None:
    pasted.run("x = 1\ny = (2\n")
    trouble = ask("seen")["trouble"]
    assert trouble["name"] == "SyntaxError"
    assert (trouble["line"], trouble["code"]) == (2, "y = (2")
    assert "pasted.py" not in trouble["traceback"]


@pytest.mark.slow
def test_an_endless_program_is_interrupted_and_keeps_what_was_seen() -> None:
    ended = threading.Event()

    def stop(*told: object) -> None:
        if not ended.is_set():
            raise KeyboardInterrupt

    def press() -> None:  # again and again: one that meets a destructor is lost
        while not ended.wait(0.2):
            if pasted._last is not None and len(pasted._last.losses) > 4:
                signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, stop)
    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        pasted.run(GOBHIR.replace("range(4)", "iter(int, 1)").replace("print(", "str("))
    finally:
        ended.set()
        pressing.join()
        signal.signal(signal.SIGINT, before)
    seen = ask("seen")
    assert seen["ended"] == "interrupted" and seen["steps"] > 4
    assert ask("step", step=seen["steps"] - 1, lang="bn")["html"]


@pytest.mark.parametrize(
    ("code", "ended"),
    [("print(1)", "end"), ("import sys\nsys.exit()", "end"), ("import sys\nsys.exit(2)", "failed")],
)
def test_a_program_without_a_step_says_so(code: str, ended: str) -> None:
    pasted.run(code)
    seen = ask("seen")
    assert (seen["ended"], seen["steps"]) == (ended, 0)
    assert "no training step" in seen["message"]["en"]


@pytest.mark.parametrize("code", [PYTORCH, GOBHIR], ids=["torch", "gobhir"])
def test_a_training_that_runs_away_keeps_its_first_steps(code: str) -> None:
    pasted.run(code.replace("lr=0.1", "lr=1e30"))
    assert ask("seen")["steps"] == 4
    shown = ask("step", step=0, lang="en")
    assert shown["losses"][0] is not None and None in shown["losses"]
    assert "NaN" in ask("step", step=3, lang="en")["message"]["en"]


def test_of_a_long_training_the_last_steps_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasted, "KEPT", 3)
    pasted.run(GOBHIR.replace("range(4)", "range(9)"))
    seen = ask("seen")
    assert seen["steps"] == 9 and 0 < seen["first"] <= 6
    assert len(ask("step", step=seen["first"], lang="bn")["losses"]) == 9
    assert "message" in ask("step", step=seen["first"] - 1, lang="bn")


def test_a_program_begins_with_no_names_of_the_one_before() -> None:
    pasted.run("left = 1")
    pasted.run("print(left)")
    assert ask("seen")["trouble"]["name"] == "NameError"


@pytest.mark.parametrize(
    ("source", "loaded"),
    [
        ("import gobhir as torch\ntorch.manual_seed(0)", False),
        ("from torch import nn", True),
        ("import numpy, torch", True),
        ("print('torch')", False),
    ],
)
def test_a_framework_is_loaded_only_where_it_is_imported(source: str, loaded: bool) -> None:
    program = (
        "import sys; from gobhir.explain.script import load_frameworks;"
        f"load_frameworks({source!r}); assert ('torch' in sys.modules) is {loaded}"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "line",
    ['os.environ["KERAS_BACKEND"] = "torch"', "os.environ.setdefault('KERAS_BACKEND', 'torch')"],
)
def test_keras_runs_on_the_backend_that_the_program_chooses(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr("gobhir.explain.script.find_spec", lambda name: None)  # loads nothing
    load_frameworks(f"import os\n{line}\nimport keras")
    assert os.environ["KERAS_BACKEND"] == "torch"


def test_before_any_program_the_desk_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasted, "_last", None)
    assert "Run the program again" in ask("step", step=1, lang="en")["message"]["en"]
