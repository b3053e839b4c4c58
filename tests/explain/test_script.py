"""`gobhir explain train.py`: somebody's own script, run unchanged until its step is seen."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
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


STEP = """
import os, sys, torch
from torch import nn
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
updates = torch.optim.SGD(model.parameters(), lr=0.1)
def step(x=torch.ones(4, 2)):
    updates.zero_grad()
    model(x).pow(2).mean().backward()
    updates.step()
"""


def test_a_script_that_catches_everything_is_left_to_itself(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = """
for k in range(5):
    try:
        step()
    except BaseException as error:
        print("caught", k)
print("end")
"""
    run = run_script(script(here, STEP + loop), [], 2)
    assert (run.ended, run.count) == ("step", 2)
    assert capsys.readouterr().out.split() == ["caught", "1", "end"]
    assert len(run.watch.steps) == 2 and run.explain().to_text("en")


def test_what_a_script_leaves_behind_does_not_reach_its_page(here: Path) -> None:
    before = Path.cwd(), sys.stdout, np.geterr(), signal.getsignal(signal.SIGINT), sys.argv
    text = (
        STEP
        + """
import signal, warnings
import numpy as np
os.mkdir("elsewhere"); os.chdir("elsewhere")
sys.stdout = open("log.txt", "w")
np.seterr(all="raise")
warnings.simplefilter("error")
signal.signal(signal.SIGINT, signal.SIG_IGN)
step()
"""
    )
    run = run_script(script(here, text), [])
    assert run.ended == "step" and run.explain().to_text("bn")
    after = Path.cwd(), sys.stdout, np.geterr(), signal.getsignal(signal.SIGINT), sys.argv
    assert after == before and warnings.filters[0][0] != "error"


def test_a_script_finds_its_input_its_name_and_what_stands_beside_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "beside.py").write_text(STEP, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.StringIO("3\n"))
    text = """
import pickle
import beside  # which imports PyTorch
class Mine:
    pass
assert type(pickle.loads(pickle.dumps(Mine()))) is Mine and __file__.endswith("train.py")
for _ in range(int(input())):
    beside.step()
"""
    run = run_script(script(here, text), [], 3)
    assert (run.ended, run.count, run.trouble) == ("step", 3, "")


def test_a_script_that_says_why_it_leaves(here: Path) -> None:
    run = run_script(script(here, STEP + "step(); sys.exit('enough of it')"), [], 9)
    assert (run.ended, run.count, run.trouble) == ("failed", 1, "enough of it")
    assert run.explain().to_text("en")


def test_a_script_that_fails_before_its_first_step_is_done(here: Path) -> None:
    run = run_script(script(here, STEP + "model(torch.ones(1, 2)).sum().backward(); 1 / 0"), [])
    assert run.ended == "failed" and "ZeroDivisionError" in run.trouble
    assert not run.watch.steps[-1].tape.updates and run.explain().to_text("en")


def test_workers_of_a_script_load_its_data(here: Path) -> None:
    text = (
        STEP
        + """
class Data(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, k): return torch.ones(2)
if __name__ == "__main__":
    for x in torch.utils.data.DataLoader(Data(), 4, num_workers=2):
        step(x)
"""
    )
    run = run_script(script(here, text), [], 2)
    assert (run.ended, run.trouble) == ("step", "") and run.explain().to_text("en")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.slow
def test_a_script_that_never_ends_until_ctrl_c(here: Path) -> None:
    text = (
        STEP
        + """
k = 0
while True:
    step()
    k += 1
    if k == 20:
        print("running", flush=True)
"""
    )
    command = [sys.executable, "-m", "gobhir", "explain", "--lang", "en", "--step", "1000000"]
    with subprocess.Popen(
        [*command, script(here, text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        page, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "Interrupted" in said and "2-3-1 ReLU" in page


def test_the_page_of_a_script_speaks_of_the_step_that_was_asked_for_alone(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAINING.replace("{framework}", "torch"), encoding="utf-8")
    notes = {note.key for note in run_script(str(script), [], step=3).explain().run.notes}
    assert "rules.watch.step" in notes and "rules.watch.gone" not in notes
