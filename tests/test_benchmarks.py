"""The benchmarks run, and compare what is the same work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers import PEERS, REFERENCE
from benchmarks.run import table
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("name", WORKLOADS)
@pytest.mark.parametrize("peer", ["gobhir", "gobhir compiled"])
def test_the_same_work(name: str, peer: str) -> None:
    ours, theirs = PEERS[peer].make(WORKLOADS[name]), PEERS[REFERENCE].make(WORKLOADS[name])
    losses = [(ours(), theirs()) for _ in range(5)]
    assert all(one == pytest.approx(other, rel=1e-3) for one, other in losses)
    assert losses[-1][0] < losses[0][0]


@pytest.mark.slow
def test_a_ratio_with_its_spread_a_table_and_a_picture(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--only=W1", "--rounds=2", "--peers=gobhir"]
    answer = subprocess.run(
        [*command, "--to", str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    results = json.loads((tmp_path / "benchmarks.json").read_text())
    found = results["workloads"]["W1"]
    assert set(found["peers"]) == {REFERENCE, "gobhir"}
    if found["rounds"]:  # on a busy machine all may have been dropped, which is said
        told = found["peers"]["gobhir"]
        assert told["quartiles"][0] <= told["ratio"] <= told["quartiles"][1]
        assert found["peers"][REFERENCE]["ratio"] == 1
        assert "| gobhir |" in answer.stdout
    assert (tmp_path / "benchmarks.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_leaves_out_what_was_not_run() -> None:
    peers = {REFERENCE: {"ratio": 1.0, "quartiles": [1.0, 1.0]}, "gobhir": {"failed": "why"}}
    rows = table({"workloads": {"W1": {"peers": peers}}}).splitlines()
    assert rows[2:] == ["| PyTorch eager, 2 threads | 1.00 (1.00 to 1.00) |"]
