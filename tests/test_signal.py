"""Window functions beside PyTorch's; torch.signal's own are in tests/engine/test_torchs_samples.py
as well."""

from __future__ import annotations

import pytest
import torch

import gobhir
from tests.engine.parity import same

AT_THE_TOP = ["bartlett", "blackman", "hamming", "hann", "kaiser"]


@pytest.mark.parametrize("name", AT_THE_TOP)
@pytest.mark.parametrize("length", [0, 1, 2, 7, 8])
@pytest.mark.parametrize("periodic", [True, False])
def test_at_the_top(name: str, length: int, periodic: bool) -> None:
    mine, theirs = (getattr(lib, f"{name}_window") for lib in (gobhir, torch))
    same(mine(length, periodic), theirs(length, periodic), 1e-6)
    mine, theirs = (getattr(lib.signal.windows, name) for lib in (gobhir, torch))
    kind = {"sym": not periodic}
    same(
        mine(length, dtype=gobhir.float64, **kind),
        theirs(length, dtype=torch.float64, **kind),
        1e-12,
    )


def test_laid_end_to_end_they_add_up() -> None:
    """Halves of periodic Hann windows that overlap sum to 1: that is what periodic is for."""
    w = gobhir.hann_window(8, dtype=gobhir.float64)
    assert gobhir.allclose(w[:4] + w[4:], gobhir.ones(4, dtype=gobhir.float64))


@pytest.mark.parametrize("lib", [gobhir, torch])
def test_refused(lib: object) -> None:
    windows = lib.signal.windows  # type: ignore[attr-defined]
    for call in (
        lambda: windows.hann(-1),
        lambda: windows.gaussian(3, std=0.0),
        lambda: windows.exponential(3, tau=-1.0),
        lambda: windows.exponential(3, center=1.0),
        lambda: windows.general_cosine(3, a=[]),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(TypeError):
        windows.general_cosine(3, a=0.5)
    with pytest.raises(RuntimeError):
        lib.hann_window(-1)  # type: ignore[attr-defined]
