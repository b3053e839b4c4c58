"""Linear algebra beside PyTorch: products, einsum, equations, decompositions, norms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.ops.programs import alike, drawn, refused
from tests.engine.parity import FLOATS, SEEDS, check, numbers, same

GF, TF = gobhir.nn.functional, torch.nn.functional


@given(
    lead=st.lists(st.integers(0, 3), max_size=2).map(tuple),
    sizes=st.tuples(st.integers(0, 4), st.integers(1, 4)),
    bias=st.booleans(),
    dtype=FLOATS,
    seed=SEEDS,
)
@settings(max_examples=15)
def test_linear(lead: tuple, sizes: tuple, bias: bool, dtype: str, seed: int) -> None:
    n, m = sizes
    inputs = [numbers(seed, (*lead, n), dtype), numbers(seed + 7, (m, n), dtype)]
    if bias:
        inputs.append(numbers(seed + 8, (m,), dtype))
    check(GF.linear, TF.linear, inputs, seed=seed)


def test_linear_with_a_bias_of_another_shape() -> None:
    inputs = [numbers(1, (2, 3)), numbers(2, (4, 3))]
    for shape in [(2, 4), (2, 1), (1,), ()]:
        check(GF.linear, TF.linear, [*inputs, numbers(3, shape)])


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_factors_are_read_as_triangles(upper: bool) -> None:
    factor = numbers(1, (3, 3)) + 2 * np.eye(3)
    for name, inputs in [("inverse", [factor]), ("solve", [numbers(2, (3, 2)), factor])]:
        mine, theirs = (
            getattr(t, f"cholesky_{name}")(*map(t.from_numpy, inputs), upper=upper)
            for t in (gobhir, torch)
        )
        same(mine, theirs)


@pytest.mark.parametrize("shapes", [((30, 3), (4, 3)), ((2, 4, 3), (1, 27, 3)), ((26, 0), (2, 0))])
def test_distances_of_many_rows(shapes: Any) -> None:
    inputs = [numbers(i, shape) for i, shape in enumerate(shapes)]
    check(gobhir.cdist, torch.cdist, inputs, second=0 not in shapes[0])
    rows = gobhir.from_numpy(numbers(1, (40, 5), "float32")).requires_grad_()
    among = gobhir.cdist(rows, rows)  # 0 on the diagonal, where a square root has no slope
    among.sum().backward()
    assert np.isfinite(rows.grad.numpy()).all() and among.diag().max().item() < 2e-3
    exact = gobhir.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    assert exact.diag().count_nonzero() == 0 and gobhir.allclose(exact, among, atol=2e-3)


MATRICES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((4, 0), (0, 3)),
    ((0, 4), (4, 3)),
    ((2, 0, 4), (4, 3)),
    ((0,), (0,)),
]


@pytest.mark.parametrize(("left", "right"), MATRICES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_matmul(left: tuple, right: tuple, dtype: str) -> None:
    for seed in (0, 1, 2):
        inputs = [(numbers(s, shape) * 2).astype(dtype) for s, shape in ((seed, left), (9, right))]
        check(gobhir.matmul, torch.matmul, inputs, seed=seed)


PRODUCTS = {
    "t.mm(x, y)": ((2, 3), (3, 4)),
    "x.bmm(y)": ((2, 2, 3), (2, 3, 4)),
    "x.mv(y)": ((2, 3), (3,)),
    "t.dot(x, y)": ((3,), (3,)),
    "t.vdot(x, y)": ((0,), (0,)),
    "t.inner(x, y)": ((2, 3), (4, 3)),
    "x.inner(y)": ((), (3,)),
    "t.outer(x, y)": ((2,), (3,)),
    "x.ger(y)": ((2,), (0,)),
    "t.addmm(x, y, z, beta=0.5, alpha=2)": ((4,), (2, 3), (3, 4)),
    "x.addmv(y, z)": ((), (2, 3), (3,)),
    "x.addr(y, z, alpha=3)": ((2, 3), (2,), (3,)),
    "t.baddbmm(x, y, z)": ((2, 1), (3, 2, 2), (3, 2, 4)),
    "t.addbmm(x, y, z)": ((2, 4), (3, 2, 2), (3, 2, 4)),
    "t.linalg.multi_dot([x, y, z])": ((3,), (3, 2), (2, 4)),
    "t.chain_matmul(x, y, z)": ((1, 3), (3, 2), (2, 4)),
    "t.tensordot(x, y)": ((2, 3, 4), (3, 4, 2)),
    "t.tensordot(x, y, ([1, 0], [0, 2]))": ((2, 3, 4), (3, 5, 2)),
    "t.tensordot(x, y, 0)": ((2,), (3,)),
    "t.kron(x, y)": ((2, 3), (2,)),
    "t.cross(x, y, dim=0)": ((3, 2), (3, 2)),
    "t.linalg.cross(x, y)": ((2, 3), (1, 3)),
    "t.linalg.vecdot(x, y)": ((2, 3), (3,)),
    "t.cdist(x, y, 1.0)": ((2, 3, 2), (4, 2)),
    "t.pdist(x, 3.0)": ((4, 2),),
    "t.cov(x)": ((2, 4),),
    "t.cov(x, correction=0, fweights=t.tensor([1, 2, 1]))": ((2, 3),),
    "t.corrcoef(x)": ((3, 4),),
    "t.trapezoid(x, dx=0.5)": ((2, 4),),
    "t.trapezoid(x, y)": ((2, 4), (4,)),
    "t.cumulative_trapezoid(x, dim=0)": ((3, 2),),
    "t.linalg.vander(x, N=3)": ((4,),),
    "t.linalg.diagonal(x, offset=-1)": ((2, 3, 4),),
}


@pytest.mark.parametrize("code", PRODUCTS)
def test_products(code: str) -> None:
    alike(code, *drawn(*PRODUCTS[code]), second="dist" not in code)


SUMS = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,kj": ((2, 3), (4, 3)),
    "bij,bjk->bki": ((2, 3, 2), (2, 2, 4)),
    "bhqd,bhkd->bhqk": ((2, 2, 3, 4), (2, 2, 5, 4)),
    "ij->ji": ((2, 3),),
    "ij->": ((2, 3),),
    "ba": ((2, 3),),
    "ii": ((3, 3),),
    "iij->j": ((3, 3, 2),),
    "i,j->ij": ((2,), (3,)),
    "ij,ij->i": ((2, 3), (1, 3)),
    "...ij,...jk->...ik": ((2, 3, 2), (2, 4)),
    "i...,i...->...": ((2, 3), (2, 1)),
    "bn,anm,bm->ba": ((2, 3), (4, 3, 2), (2, 2)),
    "ij,kl->il": ((2, 3), (4, 2)),
    "ij,jk->ik ": ((2, 1), (3, 4)),
    "bld,hdk->blhk": ((2, 3, 4), (2, 4, 2)),
    ",i->i": ((), (3,)),
}


@pytest.mark.parametrize("equation", SUMS)
def test_einsum(equation: str) -> None:
    shapes = SUMS[equation]
    alike(f"t.einsum({equation!r}, {', '.join('xyz'[: len(shapes)])})", *drawn(*shapes))


def regular(seed: int, *batch: int) -> np.ndarray:
    """Matrices that have an inverse, positive definite where they are symmetric."""
    a = np.random.default_rng(seed).normal(size=(*batch, 3, 3))
    return a + 3 * np.eye(3)


def positive(seed: int, *batch: int) -> np.ndarray:
    a = regular(seed, *batch)
    return a @ a.mT


EQUATIONS = {
    "t.linalg.inv(x)": [regular(1, 2)],
    "x.inverse()": [regular(1)],
    "t.linalg.solve(x, y)": [regular(1, 2), *drawn((2, 3, 4))],
    "t.linalg.solve(x, y) ": [regular(1, 2), *drawn((2, 3))],
    "t.linalg.solve(x, y, left=False)": [regular(1), *drawn((2, 3))],
    "t.linalg.solve_triangular(x, y, upper=True)": [regular(1), *drawn((2, 3, 2))],
    "t.linalg.solve_triangular(x, y, upper=False, unitriangular=True)": [
        regular(1),
        *drawn((3, 2)),
    ],
    "t.triangular_solve(y, x, transpose=True)[0]": [regular(1), *drawn((3, 2))],
    "t.linalg.lstsq(x, y).solution": drawn((2, 5, 3), (2, 5, 2)),
    "t.linalg.lstsq(x, y, driver='gels').residuals": drawn((5, 3), (5, 2)),
    "t.linalg.pinv(x)": drawn((2, 4, 3)),
    "t.det(x)": [regular(1, 2)],
    "t.linalg.det(x)": [np.ones((3, 3)) + np.diag([1.0, 2.0, 0.0])],
    "t.slogdet(x)[1]": [regular(1, 2)],
    "x.logdet()": [positive(1)],
    "t.linalg.cholesky(x + x.mT)": [positive(1, 2)],
    "t.linalg.cholesky(x @ x.mT, upper=True)": [regular(1)],
    "t.cholesky_solve(y, t.linalg.cholesky(x))": [positive(1), *drawn((3, 2))],
    "t.cholesky_solve(y, x)": [np.linalg.cholesky(positive(1)), *drawn((3, 2))],
    "t.linalg.lstsq(x, y, driver='gels').rank": drawn((2, 5, 3), (2, 5, 2)),
    "t.linalg.lstsq(x, y, driver='gelsd').rank": drawn((2, 5, 3), (2, 5, 2)),
    "t.linalg.pinv(x, hermitian=True)": [positive(1)],
    "t.matrix_power(x, 0)": drawn((2, 3, 3)),
    "t.linalg.vector_norm(t.renorm(x, 2, 0, 1.0))": drawn((3, 4)),
    "t.renorm(x, 1, 1, 0.5)": drawn((3, 4, 2)),
    "t.gradient(x)[1]": drawn((4, 5)),
    "t.gradient(x, spacing=0.5, dim=0, edge_order=2)[0]": drawn((4, 5)),
    "t.gradient(x, spacing=(t.tensor([0.0, 1.0, 1.5, 4.0]).double(),), dim=0)[0]": drawn((4, 5)),
    "t.mvlgamma(x, 3)": [np.array([1.5, 2.5, 4.0])],
    "t.linalg.qr(x)": drawn((2, 4, 3)),
    "t.linalg.qr(x) ": drawn((3, 4)),
    "t.linalg.svd(x, full_matrices=False).S": drawn((2, 3, 4)),
    "(lambda u, s, v: (u * s.exp().unsqueeze(-2)) @ v)(*t.linalg.svd(x, False))": drawn((4, 3)),
    "t.svd(x).V.abs()": drawn((4, 3)),
    "t.linalg.svdvals(x)": drawn((2, 4, 3)),
    "t.linalg.eigvalsh(x)": [positive(1, 2)],
    "t.linalg.eigh(x)[1].abs()": [positive(1)],
    "(lambda w, v: (v * w.log().unsqueeze(-2)) @ v.mT)(*t.linalg.eigh(x, 'U'))": [positive(1, 2)],
    "t.matrix_exp(x)": [regular(1, 2)],
    "x.matrix_power(5)": [regular(1) / 4],
    "t.linalg.matrix_power(x, -2)": [regular(1)],
    "t.linalg.matrix_rank(x)": [np.ones((2, 3, 3)) * np.eye(3)[:2].sum(0)],
    "t.linalg.cond(x)": [regular(1)],
}


@pytest.mark.parametrize("code", EQUATIONS)
def test_equations_and_decompositions(code: str) -> None:
    alike(code, *EQUATIONS[code])


@pytest.mark.parametrize("order", ["2", "1", "0", "3", "0.5", "float('inf')", "-float('inf')"])
def test_vector_norms(order: str) -> None:
    for rest in ("", ", dim=-1", ", dim=(0, 1), keepdim=True"):
        alike(f"t.linalg.vector_norm(x, {order}{rest})", *drawn((3, 4), seed=2))


def test_the_slope_of_a_norm_at_zero_is_zero() -> None:
    for order in (1, 2, 3, float("inf")):
        alike(f"t.linalg.vector_norm(x, float('{order}'), 0)", np.zeros((2, 3)), second=False)


def test_beta_0_does_not_look_at_the_input() -> None:
    nan = gobhir.full((2,), float("nan"))
    assert gobhir.addmm(nan, gobhir.ones(2, 3), gobhir.ones(3, 2), beta=0).tolist() == [[3, 3]] * 2


@pytest.mark.parametrize("order", ["'fro'", "'nuc'", "2", "-2", "1", "-1", "float('inf')"])
def test_matrix_norms(order: str) -> None:
    alike(f"t.linalg.matrix_norm(x, {order})", *drawn((2, 3, 4)))
    alike(f"t.linalg.norm(x, {order}, dim=(0, 2), keepdim=True)", *drawn((2, 3, 4)))


REFUSED: dict[str, list[Any]] = {
    "x @ y": drawn((2, 3), (2, 3)),
    "x @ y.float()": drawn((2, 3), (3, 2)),
    "t.matmul(x, y)": drawn((), (3,)),
    "t.matmul(x, 2)": drawn((3,)),
    "t.mm(x, y)": drawn((3,), (3, 2)),
    "t.bmm(x, y)": drawn((2, 2, 3), (3, 3, 2)),
    "t.dot(x, y)": drawn((2,), (3,)),
    "t.mv(x, y)": drawn((2, 3), (3, 1)),
    "t.outer(x, y)": drawn((2, 2), (3,)),
    "t.addmm(x, y, y.T)": drawn((3,), (2, 3)),
    "t.tensordot(x, y)": drawn((2, 3), (3, 3)),
    "t.cross(x, y, dim=0)": drawn((2,), (2,)),
    "t.einsum('ij,jk->ik', x)": drawn((2, 3)),
    "t.einsum('ij->ii', x)": drawn((2, 3)),
    "t.einsum('ij->k', x)": drawn((2, 3)),
    "t.einsum('ijk->i', x)": drawn((2, 3)),
    "t.einsum('ij,jk', x, x)": drawn((2, 3)),
    "t.einsum('i1->i', x)": drawn((2, 3)),
    "t.linalg.inv(x)": [np.ones((2, 2))],
    "t.linalg.inv(x) ": drawn((2, 3)),
    "t.linalg.inv(x)  ": [np.eye(2, dtype=np.int64)],
    "t.linalg.solve(x, y)": [np.ones((2, 2)), np.ones((2, 1))],
    "t.linalg.solve(x, y) ": [np.eye(3), np.ones((2, 1))],
    "t.linalg.cholesky(x)": [-np.eye(2)],
    "t.det(x)": drawn((3,)),
    "t.linalg.qr(x, 'all')": drawn((3, 3)),
    "t.linalg.matrix_norm(x, 3)": drawn((3, 3)),
    "t.linalg.norm(x, 2)": drawn((2, 3, 4)),
    "t.linalg.vector_norm(x, float('inf'))": drawn((0,)),
    "t.cdist(x, y)": drawn((2, 3), (2, 2)),
    "t.cov(x)": drawn((2, 2, 2)),
    "t.trapezoid(x, y)": drawn((2, 4), (3,)),
}


@pytest.mark.parametrize("code", REFUSED)
def test_refused(code: str) -> None:
    refused(code, *REFUSED[code])


def test_a_matrix_without_inverse_has_an_error_of_its_own() -> None:
    with pytest.raises(gobhir.linalg.LinAlgError, match="no inverse"):
        gobhir.linalg.solve(gobhir.zeros(2, 2), gobhir.ones(2))
    assert issubclass(gobhir.linalg.LinAlgError, RuntimeError)


def test_complete_decompositions_put_the_matrix_together_again() -> None:
    x = gobhir.from_numpy(numbers(5, (4, 3)))
    U, S, Vh = gobhir.linalg.svd(x)
    Q, R = gobhir.linalg.qr(x, "complete")
    assert U.shape == (4, 4) and Q.shape == (4, 4) and R.shape == (4, 3)
    for again in ((U[:, :3] * S) @ Vh, Q @ R):
        assert gobhir.allclose(again, x)
    values, vectors = gobhir.linalg.eig(gobhir.tensor([[0.0, -1.0], [1.0, 0.0]]))
    np.testing.assert_allclose(sorted(values.numpy().imag), [-1, 1], atol=1e-6)
    assert vectors.dtype == np.complex64


def test_einsum_is_a_product_of_matrices_where_it_is_one() -> None:
    """No letter of its own costs more than a few small steps around the one product."""
    x, y = gobhir.ones(2, 3, requires_grad=True), gobhir.ones(3, 4)
    assert gobhir.einsum("ij,jk->ik", x, y).grad_fn.op.name == "mat_mul"  # type: ignore[union-attr]


def test_equal_values_have_slopes() -> None:
    """Where singular values or eigenvalues meet, their vectors have no slope, but they have."""
    for code in ("svdvals(x).sum()", "eigvalsh(x).sum()", "matrix_norm(x, 'nuc')"):
        alike(f"t.linalg.{code}", np.eye(3), second=False)
    x = gobhir.ones(4, 3, requires_grad=True)
    gobhir.linalg.svdvals(x).sum().backward()
    assert x.grad is not None and bool(gobhir.isfinite(x.grad).all())
