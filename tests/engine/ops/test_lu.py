"""Gaussian elimination and the decompositions that report a failure, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import both, check, numbers, same

SHAPES = [(3, 3), (2, 5, 3), (3, 5), (2, 2, 4, 4), (0, 3), (1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_lu(shape: tuple) -> None:
    A = numbers(3, shape)
    check(gobhir.linalg.lu, torch.linalg.lu, [A])
    mine, theirs = both(A)
    for a, b in zip(gobhir.linalg.lu_factor(mine), torch.linalg.lu_factor(theirs), strict=True):
        same(a, b)
    unpacked = gobhir.lu_unpack(*gobhir.linalg.lu_factor(mine))
    for a, b in zip(unpacked, torch.lu_unpack(*torch.linalg.lu_factor(theirs)), strict=True):
        same(a, b)


@pytest.mark.parametrize("options", [{}, {"left": False}, {"adjoint": True}])
def test_lu_solve(options: dict[str, Any]) -> None:
    A, B = numbers(4, (2, 3, 3)) + 2 * np.eye(3), numbers(5, (2, 3, 3))

    def solved(lib: Any) -> Any:
        return lambda A, B: lib.linalg.lu_solve(*lib.linalg.lu_factor(A), B, **options)

    check(solved(gobhir), solved(torch), [A, B])


@pytest.mark.parametrize("name", ["inv_ex", "cholesky_ex", "solve_ex", "lu_factor_ex"])
def test_what_fails_is_reported(name: str) -> None:
    singular = np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    A = np.stack([numbers(6, (3, 3)) @ numbers(6, (3, 3)).T + np.eye(3), singular])
    more = [numbers(7, (2, 3, 2))] if name == "solve_ex" else []
    mine, theirs = (getattr(lib.linalg, name) for lib in (gobhir, torch))
    got = mine(*(gobhir.tensor(a) for a in (A, *more)))
    want = theirs(*(torch.tensor(a) for a in (A, *more)))
    same(got[-1], want[-1])
    same(got[0][0], want[0][0])
    with pytest.raises(RuntimeError):
        mine(*(gobhir.tensor(a) for a in (A, *more)), check_errors=True)


def test_without_exchanging_rows_it_is_refused() -> None:
    for lib in (gobhir, torch):
        with pytest.raises(RuntimeError):
            lib.linalg.lu(lib.ones(2, 2), pivot=False)


def test_principal_components() -> None:
    """They are PyTorch's, which approaches them, up to their sign."""
    A = numbers(8, (7, 4))
    U, S, V = gobhir.pca_lowrank(gobhir.tensor(A), q=2)
    _, S_t, V_t = torch.pca_lowrank(torch.tensor(A), q=2, niter=40)
    same(S, S_t, 1e-8)
    same(V.abs(), V_t.abs(), 1e-6)
    assert U.shape == (7, 2)
    with pytest.raises(ValueError):
        gobhir.pca_lowrank(gobhir.tensor(A), q=5)
