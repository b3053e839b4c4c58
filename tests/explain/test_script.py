"""`gobhir explain train.py`: somebody's own script, run unchanged until its step is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from gobhir.explain.script import run_script

TRAINING = """
import argparse
import {framework} as torch
from {framework} import nn

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    updates = torch.optim.Adam(model.parameters(), lr=0.1)
    x, y = torch.tensor([[0.5, 0.1], [0.2, -0.3]]), torch.tensor([[1.0], [0.0]])
    for epoch in range(parser.parse_args().epochs):
        loss = nn.functional.mse_loss(model(x), y)
        updates.zero_grad()
        loss.backward()
        updates.step()
        print("epoch", epoch, flush=True)
    open("done.txt", "w").close()

if __name__ == "__main__":
    main()
"""
BY_HAND = """
import torch
w = torch.ones(2, requires_grad=True)
for k in range(5):
    loss = ((w * torch.tensor([1.0, 2.0])).sum() - k) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.01 * w.grad
    w.grad.zero_()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def script(here: Path, text: str) -> str:
    (here / "train.py").write_text(text, encoding="utf-8")
    return str(here / "train.py")


@pytest.mark.parametrize("framework", ["torch", "gobhir"])
def test_the_step_that_was_asked_for(
    framework: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = script(here, TRAINING.replace("{framework}", framework))
    run = run_script(path, ["--epochs", "9"], 3)
    assert (run.ended, run.count) == ("step", 3)
    assert capsys.readouterr().out.splitlines()[:2] == ["epoch 0", "epoch 1"]
    assert not (here / "done.txt").exists()
    (update, *_) = run.watch.steps[-1].tape.updates
    assert update.hyper["t"] == 3
    assert "2-3-1 ReLU" in run.explain().to_text("en")


def test_a_loop_without_an_optimizer(here: Path) -> None:
    run = run_script(script(here, BY_HAND), [], 2)
    assert (run.ended, run.count) == ("step", 2)
    assert run.watch.steps[-1].optimizer.param_groups[0]["lr"] == pytest.approx(0.01)


@pytest.mark.parametrize("framework", ["torch", "gobhir"])
def test_a_script_that_ends_before(framework: str, here: Path) -> None:
    run = run_script(script(here, TRAINING.replace("{framework}", framework)), [], 99)
    assert run.ended == "end" and (here / "done.txt").exists()
    (update, *_) = run.watch.steps[-1].tape.updates
    assert update.hyper["t"] == 3


def test_a_script_that_fails_keeps_what_was_seen(here: Path) -> None:
    text = TRAINING.replace("{framework}", "torch").replace('open("done', '1 / 0; open("done')
    run = run_script(script(here, text), [], 99)
    assert run.ended == "failed"
    assert "ZeroDivisionError" in run.trouble and "runpy" not in run.trouble
    assert run.explain().to_text("en")


def test_ctrl_c_keeps_what_was_seen(here: Path) -> None:
    text = TRAINING.replace("{framework}", "torch").replace(
        'open("done', 'raise KeyboardInterrupt; open("done'
    )
    run = run_script(script(here, text), [], 99)
    assert run.ended == "interrupted"
    assert run.explain().to_text("bn")


def test_what_is_no_script(here: Path) -> None:
    with pytest.raises(OSError, match="nothing.py"):
        run_script("nothing.py", [])
    with pytest.raises(ValueError, match=r"train.py:1"):
        run_script(script(here, "def f(:\n"), [])
    with pytest.raises(ValueError, match="0"):
        run_script(script(here, BY_HAND), [], 0)
    run = run_script(script(here, "print(1)\n"), [])
    with pytest.raises(RuntimeError, match="backward"):
        run.explain()
