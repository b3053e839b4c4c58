"""Ordinary teaching programs, run twice: only the import differs. Both must come to the same
numbers, step by step, and print the same.

A program leaves what is to be compared in `result`; without one, what it prints is compared.
"""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

HERE = Path(__file__).parent
PROGRAMS = sorted(p.stem for p in HERE.glob("program_*.py"))
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)(?!\w)")


def run(program: str, framework: str, folder: Path) -> dict[str, Any]:
    source = (HERE / f"{program}.py").read_text(encoding="utf-8")
    source = re.sub(r"\bimport torch\n", f"import {framework} as torch\n", source)
    source = re.sub(r"\b(import|from) torch(?=[. ])", rf"\1 {framework}", source)
    names: dict[str, Any] = {"__name__": "__main__", "FOLDER": folder}
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(source, f"{program} on {framework}", "exec"), names)
    result: dict[str, Any] = names.get("result", {})
    return result or {"words": words(printed.getvalue()), "numbers": numbers(printed.getvalue())}


def numbers(text: str) -> list[float]:
    return [float(x) for x in NUMBER.findall(text)]


def words(text: str) -> str:
    """All but the numbers. The frameworks' names, the names of backward functions and the breaks
    of lines, which hang on the width of such names, may differ."""
    text = re.sub(r"\b(torch|gobhir)\.(?=[a-z]|Size)", "", text)
    return " ".join(NUMBER.sub("#", re.sub(r"grad_fn=<\w+>", "grad_fn", text)).split())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """So little work is done sooner by one thread, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
            assert key == "numbers" or np.isfinite(want).all()
            np.testing.assert_allclose(got, want, rtol=2e-3, atol=2e-4, err_msg=key)
