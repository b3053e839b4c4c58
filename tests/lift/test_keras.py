"""Keras on both of its backends that Gobhir knows, each in a process of its own: Keras takes one
backend for good when it is imported, which takes seconds: all that asks Keras shares these two."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOMS = [HERE, HERE.parent / "training", HERE.parent / "projects"]
CHECKS = [file for room in ROOMS for file in sorted(room.glob("keras*_checks.py"))]


@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.parametrize("backend", ["torch", "tensorflow"])
def test_keras_is_lifted_told_and_trained(backend: str) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # none is asked for
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHECKS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
