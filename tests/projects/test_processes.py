"""The commands of projects under torchrun: two processes learn what one learns, and leave the same
files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gobhir.cli import main

# What the command torchrun does; but PyTorch is loaded once for all processes and commands.
PROGRAM = """
import sys
import torch._dynamo  # which optimizers load
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from gobhir.cli import main

def together(lines):
    torch.set_num_threads(1)
    for line in lines:
        try:
            main(line.split())
        except SystemExit as end:
            assert not end.code, line

own = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "one"}
own |= {"start_method": "fork", "monitor_interval": 0.05, "max_restarts": 0}
elastic_launch(LaunchConfig(1, 1, 2, **own), together)(sys.argv[1:])
"""
COMMANDS = {
    "digits": "--data sample --width 4 --epochs 2 --batch-size 64",
    "sequences": "--data tides.csv --date day --target level --season 12 --cell gru --epochs 2",
    "tables": "--data wine --engine torch --epochs 2",
}
CURVES = {"digits": "", "sequences": "-gru", "tables": "-torch"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all were trained by two processes."""
    folder = tmp_path_factory.mktemp("together")
    level = np.sin(np.arange(400) / 2) + np.random.default_rng(1).normal(0, 0.05, 400)
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=400), "level": level})
    frame.to_csv(folder / "tides.csv", index=False)
    (folder / "program.py").write_text(PROGRAM)
    lines = [f"project {name} train {more} --folder two-{name}" for name, more in COMMANDS.items()]
    command = [sys.executable, "program.py", *lines]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "out").write_text(done.stdout)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", list(COMMANDS))
def test_two_processes_learn_what_one_learns(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as end:
        main(f"project {name} train {COMMANDS[name]} --folder one-{name}".split())
    assert not end.value.code
    ones, twos = (folder / f"{count}-{name}" for count in ("one", "two"))
    assert sorted(f.name for f in ones.iterdir()) == sorted(f.name for f in twos.iterdir())
    one, two = (pd.read_csv(f / f"history{CURVES[name]}.csv") for f in (ones, twos))
    # BatchNorm sees its process's share alone.
    rough = 0.1 if name == "digits" else 1e-5
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=rough)
    np.testing.assert_allclose(one["val_loss"], two["val_loss"], rtol=rough)


@pytest.mark.slow
def test_one_process_speaks_for_both(folder: Path) -> None:
    assert (folder / "out").read_text().count("GRU:") == 1
