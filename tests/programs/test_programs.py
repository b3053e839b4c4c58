"""Ordinary teaching programs, run twice: only the import differs. Both must come to the same
numbers, step by step, and print the same model."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
PROGRAMS = sorted(p.stem for p in HERE.glob("program_*.py"))


def run(program: str, framework: str, folder: Path) -> dict[str, Any]:
    source = (HERE / f"{program}.py").read_text(encoding="utf-8")
    source = re.sub(r"\bimport torch\n", f"import {framework} as torch\n", source)
    source = re.sub(r"\b(import|from) torch(?=[. ])", rf"\1 {framework}", source)
    names: dict[str, Any] = {"__name__": "__program__", "FOLDER": folder}
    exec(compile(source, f"{program} on {framework}", "exec"), names)
    result: dict[str, Any] = names["result"]
    return result


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_same_numbers(program: str, tmp_path: Path) -> None:
    importlib.import_module("gobhir")
    mine, theirs = (run(program, name, tmp_path) for name in ("gobhir", "torch"))
    assert mine.keys() == theirs.keys()
    for key, want in theirs.items():
        if isinstance(want, str):
            assert mine[key] == want
        else:
            got, want = np.asarray(mine[key], float), np.asarray(want, float)
            assert np.isfinite(want).all()
            np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-4, err_msg=key)
