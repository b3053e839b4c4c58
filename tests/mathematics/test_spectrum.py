"""Eigenvalues, QR and SVD by hand against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir import mathematics as m
from tests.mathematics.reader import sound

MATRIX = np.array([[4.0, 1, 0.5], [1, 3, 1], [0.5, 1, 2]])
ENTRY = st.integers(-5, 5)


@settings(max_examples=8, deadline=None)
@given(ENTRY, ENTRY, ENTRY, ENTRY)
def test_eigen(a: int, b: int, c: int, d: int) -> None:
    matrix = np.array([[a, b], [c, d]])
    if (a + d) ** 2 < 4 * (a * d - b * c):
        with pytest.raises(ValueError, match="every direction"):
            m.eigen(matrix)
        return
    page = m.eigen(matrix)
    values, vectors = page.result
    np.testing.assert_allclose(sorted(values), sorted(np.linalg.eigvals(matrix).real), atol=1e-6)
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-9)
    assert np.abs(vectors).max(axis=0).min() > 0
    sound(page)


def test_power_iteration() -> None:
    page = m.power_iteration(MATRIX)
    value, vector = page.result
    values, vectors = np.linalg.eigh(MATRIX)
    assert value == pytest.approx(values[-1], abs=1e-9)
    np.testing.assert_allclose(np.abs(vector), np.abs(vectors[:, -1]), atol=1e-8)
    sound(page)


def test_qr_and_qr_iteration() -> None:
    page = m.qr(MATRIX)
    q, r = page.result
    expected_q, expected_r = np.linalg.qr(MATRIX)
    signs = np.sign(np.diag(expected_r))
    np.testing.assert_allclose(q, expected_q * signs, atol=1e-12)
    np.testing.assert_allclose(r, expected_r * signs[:, None], atol=1e-12)
    sound(page)
    page = m.qr_iteration(MATRIX)
    np.testing.assert_allclose(sorted(page.result), np.linalg.eigvalsh(MATRIX), atol=1e-8)
    sound(page)


@pytest.mark.parametrize(
    "a",
    [
        [[3, 0], [4, 5]],
        [[1, 2], [2, 4]],
        [[2, 0], [0, 2]],
        [[1], [2]],
        [[0.5, 1.5], [2, -1], [0.3, 0.7]],
        [[1, 2, 0], [0, 1, 1.5]],
        [[1, 2, 3], [4, 5, 6], [7, 8, 9]],
    ],
)
def test_svd(a: Any) -> None:
    page = m.svd(a)
    u, s, vt = page.result
    expected = np.linalg.svd(a, compute_uv=False)
    np.testing.assert_allclose(s, expected[expected > 1e-9], rtol=1e-7)
    np.testing.assert_allclose(u * s @ vt, a, atol=1e-6)
    np.testing.assert_allclose(u.T @ u, np.eye(len(s)), atol=1e-6)
    np.testing.assert_allclose(vt @ vt.T, np.eye(len(s)), atol=1e-6)
    sound(page)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: m.eigen(np.eye(3)), "3×3"),
        (lambda: m.qr([[1, 2], [2, 4]]), "Column 2"),
        (lambda: m.qr_iteration([[0, -1], [1, 0]]), "below the diagonal"),
        (lambda: m.power_iteration([[1, 0], [0, -1]]), "come to rest"),
        (lambda: m.power_iteration([[1, -1], [1, -1]]), "sends this first vector to zero"),
        (lambda: m.svd([[0, 0]]), "nothing to take apart"),
    ],
)
def test_what_cannot_be_done_is_said(ask: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ask()
