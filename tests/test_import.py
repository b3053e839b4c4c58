"""`import gobhir as torch`: quick, without a framework, and under PyTorch's names."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

import gobhir

OWN = {
    "check",
    "story",
    "Story",
    "examples",
    "explain",
    "fit",
    "language",
    "training",
    "use_language",
}
HEAVY = ("torch", "keras", "tensorflow", "matplotlib", "jupyter_server", "anywidget", "rich")

REPORT = """
import json, sys, time
import numpy, tomllib, inspect, concurrent.futures
start = time.process_time()
import gobhir
seconds = time.process_time() - start
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


def report(folder: Path) -> dict:
    # A user's Python keeps what it has compiled; one told not to would measure compiling.
    surroundings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", REPORT],
        capture_output=True,
        text=True,
        check=True,
        env=surroundings | {"PYTHONPYCACHEPREFIX": str(folder)},
    )
    return json.loads(done.stdout)


def test_quick_and_light(tmp_path: Path) -> None:
    reports = [report(tmp_path) for _ in range(4)]
    modules = reports[0]["modules"]
    rooms = {m.split(".")[1] for m in modules if m.startswith("gobhir.")}
    assert not {m for m in modules if m.split(".")[0] in HEAVY}
    assert not rooms & {"studio", "course", "widgets", "lift", "projects", "cli"}
    assert min(r["seconds"] for r in reports) < 0.15


def public_names(module: ModuleType) -> list[str]:
    """What the module offers: its `__all__`, else the functions and classes of the project."""
    return getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__.startswith(module.__name__)
        and name[0] != "_"
    ]


@pytest.mark.parametrize("module", ["", "nn", "nn.functional", "nn.init", "optim", "autograd"])
def test_pytorch_has_the_same_names(module: str) -> None:
    mine, theirs = gobhir, torch
    for name in module.split(".") if module else ():
        mine, theirs = getattr(mine, name), getattr(theirs, name)
    names = public_names(mine)
    ours = OWN if not module else {"Assignment"}
    assert names and not [n for n in names if n not in ours and not hasattr(theirs, n)]
    assert all(hasattr(mine, n) for n in names)


def test_public_things_say_what_they_are() -> None:
    for module in (gobhir, gobhir.nn, gobhir.optim, gobhir.nn.functional):
        for name in public_names(module):
            thing = getattr(module, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                assert inspect.getdoc(thing), f"{module.__name__}.{name} says nothing"


PROGRAM = """
import {framework} as torch
from {framework} import nn

torch.manual_seed(0)
x = torch.randn(64, 2)
y = (x[:, 0] * x[:, 1] > 0).float().unsqueeze(1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        return torch.sigmoid(self.out(torch.tanh(self.hidden(x))))

model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
loss_fn = nn.BCELoss()
for epoch in range(60):
    for i in torch.randperm(64).reshape(4, 16):
        loss = loss_fn(model(x[i]), y[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
model.eval()
with torch.no_grad():
    p = model(x)
    accuracy = ((p > 0.5).float() == y).float().mean().item()

w = torch.zeros(2, requires_grad=True)
for step in range(20):
    loss = ((x @ w - 1.5 * x[:, 0]) ** 2).mean()
    loss.backward()
    w.data -= 0.1 * w.grad.data
    w.grad.data.zero_()
result = accuracy, p.flatten().tolist(), w.tolist()
print(model)
"""


def test_a_teaching_program_runs_on_both(capsys: pytest.CaptureFixture[str]) -> None:
    results, printed = [], []
    for framework in ("gobhir", "torch"):
        names: dict = {"__name__": framework}
        exec(PROGRAM.format(framework=framework), names)
        results.append(names["result"])
        printed.append(capsys.readouterr().out)
    mine, theirs = results
    assert printed[0] == printed[1]
    assert mine[0] == theirs[0] > 0.9
    assert mine[1] == pytest.approx(theirs[1], abs=2e-3)
    assert mine[2] == pytest.approx(theirs[2], rel=1e-4, abs=1e-6)
