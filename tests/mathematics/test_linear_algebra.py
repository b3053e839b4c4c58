"""Linear algebra by hand against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir import mathematics as m
from tests.mathematics.reader import sound

WHOLE = st.integers(-6, 6)


def matrices(rows: Any, columns: Any = None) -> Any:
    @st.composite
    def made(draw: Any) -> list[list[int]]:
        n = draw(rows)
        k = n if columns is None else draw(columns)
        return [[draw(WHOLE) for _ in range(k)] for _ in range(n)]

    return made()


SQUARE = matrices(st.integers(1, 3))


@settings(max_examples=8, deadline=None)
@given(SQUARE)
def test_determinant_and_inverse(a: list[list[int]]) -> None:
    page = m.determinant(a)
    assert page.result == pytest.approx(np.linalg.det(a), abs=1e-9)
    sound(page)
    if page.result == 0:
        with pytest.raises(ValueError, match="pivot"):
            m.inverse(a)
    else:
        page = m.inverse(a)
        np.testing.assert_allclose(page.result, np.linalg.inv(a), atol=1e-12)
        sound(page)


@settings(max_examples=8, deadline=None)
@given(matrices(st.integers(1, 3), st.integers(1, 3)))
def test_rank(a: list[list[int]]) -> None:
    page = m.rank(a)
    assert page.result == np.linalg.matrix_rank(np.array(a))
    sound(page)


@pytest.mark.parametrize("scale", [1, 0.37])
def test_solve(scale: float) -> None:
    a = np.array([[2, 1, -1], [0, 3, 2], [4, -1, 5]]) * scale
    page = m.solve(a, [1, 2, 3])
    np.testing.assert_allclose(page.result, np.linalg.solve(a, [1, 2, 3]), rtol=1e-12)
    sound(page)


def test_systems_that_cannot_be_solved() -> None:
    with pytest.raises(ValueError, match="no solution"):
        m.solve([[1, 2], [2, 4]], [1, 3])
    with pytest.raises(ValueError, match="infinitely many"):
        m.solve([[0.1, 0.2], [0.2, 0.4]], [0.1, 0.2])


@settings(max_examples=6, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
def test_products(data: Any, rows: int, inner: int, columns: int) -> None:
    a = data.draw(matrices(st.just(rows), st.just(inner)))
    b = data.draw(matrices(st.just(inner), st.just(columns)))
    page = m.matmul(a, b)
    np.testing.assert_array_equal(page.result, np.array(a) @ np.array(b))
    sound(page)
    page = m.dot(a[0], [row[0] for row in b])
    assert page.result == np.dot(a[0], [row[0] for row in b])
    sound(page)


def test_least_squares_and_projections() -> None:
    a, b = np.array([[1.0, 0.5], [1, 1.5], [1, 2.25], [1, 4]]), np.array([1.2, 2.3, 2.9, 5.1])
    expected = np.linalg.lstsq(a, b, rcond=None)[0]
    page = m.least_squares(a, b)
    np.testing.assert_allclose(page.result, expected, rtol=1e-12)
    sound(page)
    np.testing.assert_allclose(m.project(b, a).result, a @ expected, rtol=1e-12)
    page = m.project([2, 3], [1, 1])
    assert page.result.tolist() == [2.5, 2.5]
    sound(page)
    assert m.norms([3, -4]).result.tolist() == [7, 5, 4]


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda: m.inverse([[1, 2, 3], [4, 5, 6]]), "2×3"),
        (lambda: m.matmul([[1, 2]], [[1, 2]]), "cannot meet"),
        (lambda: m.dot([1, 2], [1]), "equally many"),
        (lambda: m.determinant([[1, 2], [3]]), "2, 1"),
        (lambda: m.determinant("abc"), "matrix"),
        (lambda: m.determinant([[1, "x"], [3, 4]]), "'x|x"),
        (lambda: m.project([1, 2], [0, 0]), "zero vector"),
        (lambda: m.solve([[1]], [1, 2]), "one for each row"),
    ],
)
def test_errors_say_what_to_do(ask: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ask()
