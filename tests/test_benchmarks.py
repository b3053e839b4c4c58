"""The benchmarks run, and compare what is the same work."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from benchmarks import explain, run, story
from benchmarks.peers import PEERS, REFERENCE, Peer
from benchmarks.run import measure, table
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parent.parent


@cache
def expected(name: str) -> list[float]:
    step = PEERS["PyTorch eager, 1 thread"].make(WORKLOADS[name])
    return [step() for _ in range(4)]


@pytest.mark.parametrize(
    "name", [pytest.param(w, marks=pytest.mark.slow if w > "W3" else ()) for w in WORKLOADS]
)
@pytest.mark.parametrize("peer", ["gobhir", "gobhir compiled"])
def test_the_same_work(name: str, peer: str) -> None:
    step = PEERS[peer].make(WORKLOADS[name])
    losses = [step() for _ in range(4)]
    assert losses == pytest.approx(expected(name), rel=1e-3)
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_a_ratio_with_its_spread_a_table_and_a_picture(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--only=W1", "--rounds=2", "--peers=gobhir"]
    command.append("--foreign=99")  # on a busy machine, too
    answer = subprocess.run(
        [*command, "--to", str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    results = json.loads((tmp_path / "benchmarks.json").read_text())
    found = results["workloads"]["W1"]
    assert set(found["peers"]) == {REFERENCE, "gobhir"}
    told = found["peers"]["gobhir"]
    assert told["quartiles"][0] <= told["ratio"] <= told["quartiles"][1]
    assert told["peak_mb"] > 10
    assert found["peers"][REFERENCE]["ratio"] == 1
    assert "| gobhir |" in answer.stdout
    assert {"gobhir", "torch", "numpy"} <= set(results["versions"])
    assert (tmp_path / "benchmarks.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gobhir as the reference, and a peer whose process cannot start its step."""
    kinds = {REFERENCE: PEERS["gobhir"], "gobhir compiled": PEERS["gobhir compiled"]}
    monkeypatch.setattr(run, "PEERS", kinds | {"broken": Peer("no such peer", "none")})
    monkeypatch.setattr(run, "SLICE", 0.01)


@pytest.mark.slow
def test_a_peer_that_fails_says_why_and_the_others_go_on(peers: None) -> None:
    found = measure(WORKLOADS["W1"], [REFERENCE, "broken", "gobhir compiled"], 2, 99)
    assert found["peers"]["broken"] == {"failed": "KeyError: 'no such peer'"}
    assert found["rounds"] == 2
    assert found["peers"]["gobhir compiled"]["ratio"] < 1


@pytest.mark.slow
def test_a_peer_that_ends_in_the_middle_is_reported(
    peers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def ends(slices: run.Slices) -> dict[str, object]:
        if hasattr(slices, "losses") and "compiled" in slices.process.args[3]:  # type: ignore[index]
            rounds.append(slices)
            if len(rounds) == 10:
                slices.process.kill()
                slices.process.wait()
        return whole(slices)

    whole = run.Slices.run
    monkeypatch.setattr(run.Slices, "run", ends)
    found = measure(WORKLOADS["W1"], [REFERENCE, "gobhir compiled"], 10, 99)
    assert "ended with exit status -9" in found["peers"]["gobhir compiled"]["failed"]
    assert found["rounds"] == 10
    assert rounds[0].process.poll() is not None


def test_a_reference_that_fails_says_why(peers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(run.PEERS, REFERENCE, Peer("", "", package="no_such_package"))
    found = measure(WORKLOADS["W1"], [REFERENCE, "gobhir compiled"], 2, 99)
    assert found["peers"] == {REFERENCE: {"failed": "no_such_package is not installed"}}
    assert found["rounds"] == 0


def test_the_reason_is_the_line_that_names_the_exception() -> None:
    trouble = "Traceback\n  a line\nRuntimeError: what happened\n   - help: more words\n"
    assert run._reason(trouble) == "RuntimeError: what happened"
    assert run._reason("Killed\n\n") == "Killed"
    assert run._reason("") == ""


def test_the_table_leaves_out_what_was_not_run() -> None:
    peers = {REFERENCE: {"ratio": 1.0, "quartiles": [1.0, 1.0]}, "gobhir": {"failed": "why"}}
    rows = table({"workloads": {"W1": {"peers": peers}}}).splitlines()
    assert rows[2:] == ["| PyTorch eager, 2 threads | 1.00 (1.00 to 1.00) |"]


def test_the_digits_are_a_column_of_the_table() -> None:
    ways = {"gobhir.fit": {"ratio": 0.25, "quartiles": [0.2, 0.3]}}
    rows = table({"workloads": {}, "digits": {"ways": ways}}).splitlines()
    assert rows[0].endswith("| digits to 97 % |")
    assert rows[2] == "| gobhir.fit | 0.25 (0.20 to 0.30) |"


@pytest.mark.slow
def test_what_looking_into_a_step_costs_is_measured() -> None:
    step = explain.Step()
    assert sum(p.numel() for p in step.model.parameters()) > 1_000_000
    found = explain.measure(2)
    assert found["outline"]["seconds"] > 0 and found["why"]["seconds"] > 0
    assert found["memory"] <= explain.MEMORY


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["torch", "gobhir"])
def test_what_watching_a_training_costs_is_measured(framework: str) -> None:
    module = importlib.import_module(framework)
    found = story.measure(module, "W3", [1], 2)
    assert all(ratio > 0 for ratio in found[1])
