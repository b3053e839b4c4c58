"""The benchmarks run, and compare what is the same work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gobhir
from benchmarks.training_step import WORKLOADS, make_step

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", WORKLOADS)
def test_both_frameworks_do_the_same_work(name: str) -> None:
    import torch

    ours, theirs = make_step(gobhir, *WORKLOADS[name]), make_step(torch, *WORKLOADS[name])
    losses = [(ours(), theirs()) for _ in range(5)]
    assert all(one == pytest.approx(other, rel=1e-4) for one, other in losses)
    assert losses[-1][0] < losses[0][0]


@pytest.mark.slow
def test_the_benchmark_prints_a_ratio_with_its_spread() -> None:
    script = ROOT / "benchmarks" / "training_step.py"
    answer = subprocess.run(
        [sys.executable, str(script), "--rounds=2"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.count("times PyTorch's (half of 2 rounds: ") == len(WORKLOADS)
