"""One line of a program, run on Gobhir and on PyTorch: `t` is the framework, x, y, z the inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers

BUILT_IN = (IndexError, TypeError, ValueError, NotImplementedError, RuntimeError)


def program(code: str, t: Any) -> Callable[..., Any]:
    line = compile(code, code, "eval")
    return lambda *inputs: eval(line, {"t": t}, dict(zip("xyz", inputs, strict=False)))


def alike(code: str, *inputs: np.ndarray, second: bool = True, seed: int = 0) -> None:
    """The same values, gradients and gradients of gradients."""
    check(program(code, gobhir), program(code, torch), inputs, seed=seed, second=second)


def drawn(*shapes: Sequence[int], dtype: str = "float64", seed: int = 2) -> list[np.ndarray]:
    """Inputs of these shapes, in rows unless seed % 3 == 1."""
    return [numbers(seed + 3 * i, shape, dtype) for i, shape in enumerate(shapes)]


def refused(code: str, *inputs: np.ndarray) -> None:
    """Both refuse it with the same kind of error, ours in two languages."""
    with pytest.raises(BUILT_IN) as theirs:
        program(code, torch)(*(torch.from_numpy(a.copy()) for a in inputs))
    with pytest.raises(BUILT_IN) as ours:
        program(code, gobhir)(*(gobhir.from_numpy(a.copy()) for a in inputs))
    kind = next(k for k in BUILT_IN if isinstance(theirs.value, k))
    assert isinstance(ours.value, kind), f"{kind.__name__} expected: {ours.value!r}"
    message = ours.value.args[0]
    assert message.text("bn") != message.text("en")
