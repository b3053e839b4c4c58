"""Linear algebra on a page: the equations that hold, and gradients that are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import linalg, nn

import gobhir
from gobhir.derivation.step import Line, Say
from gobhir.explain.lifted import only_step
from gobhir.explain.reading import Reading
from gobhir.lift.torch_step import watch_step
from tests.explain.agreement import check_exactly


def spread(of: Any) -> Any:
    """A positive definite matrix (or a stack of them) out of any."""
    return of @ of.mT + torch.eye(of.shape[-1], dtype=of.dtype)


def again(decompose: Callable[..., Any]) -> Callable[[Any], Any]:
    """Of a decomposition a number that does not hang on the signs of its vectors."""

    def run(x: Any) -> Any:
        u, s, v = decompose(x)
        return (u @ torch.diag_embed(s**2) @ v).pow(3)

    return run


def from_eigen(x: Any) -> Any:
    values, vectors = linalg.eigh(spread(x))
    return (vectors * values.exp()[..., None, :]) @ vectors.mT


def both(x: Any) -> Any:
    q, r = linalg.qr(x)
    return (q @ r.abs()).pow(2)


def narrow(x: Any) -> Any:
    return linalg.svd(x, full_matrices=False)


CASES: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "inv": (linalg.inv, (3, 3)),
    "inv of a stack": (linalg.inv, (2, 2, 2)),
    "inv of one number": (linalg.inv, (1, 1)),
    "inv of an inv": (lambda x: linalg.inv(linalg.inv(x) + torch.eye(2, dtype=x.dtype)), (2, 2)),
    "solve": (lambda x: linalg.solve(x[:, :3], x[:, 3:]), (3, 5)),
    "solve for one column": (lambda x: linalg.solve(x[:, :3], x[:, 3]), (3, 4)),
    "det": (linalg.det, (3, 3)),
    "det of many": (linalg.det, (4, 4)),
    "det of a stack": (linalg.det, (2, 2, 2)),
    "det without an inverse": (lambda x: linalg.det(x[[0, 0]]), (2, 2)),
    "slogdet": (lambda x: linalg.slogdet(x)[1], (3, 3)),
    "logdet": (lambda x: torch.logdet(spread(x)), (2, 2)),
    "cholesky": (lambda x: linalg.cholesky(spread(x)), (3, 3)),
    "cholesky of a stack": (lambda x: linalg.cholesky(spread(x)), (2, 2, 2)),
    "pinv": (linalg.pinv, (4, 2)),
    "qr, tall": (both, (4, 3)),
    "qr, wide": (both, (2, 3)),
    "qr, a half": (lambda x: linalg.qr(x)[1].abs(), (2, 3)),
    "eigh": (from_eigen, (3, 3)),
    "eigh, values": (lambda x: linalg.eigvalsh(spread(x)), (3, 3)),
    "svd, values": (linalg.svdvals, (3, 2)),
    "svd": (again(narrow), (3, 3)),
    "svd, tall": (again(narrow), (3, 2)),
    "svd, wide": (again(narrow), (2, 3)),
}


class On(nn.Module):
    def __init__(self, function: Any, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        self.A = nn.Parameter(torch.randn(shape, dtype=torch.float64))

    def forward(self, x: Any) -> Any:
        return self.function(self.A * x)


def given(name: str) -> tuple[On, Any, None, Any]:
    torch.manual_seed(3)
    return On(*CASES[name]), torch.ones((), dtype=torch.float64), None, lambda y: y.pow(2).sum()


@pytest.mark.parametrize("name", CASES)
def test_every_gradient_is_pytorchs(name: str) -> None:
    model, x, y, loss = given(name)
    reading = Reading(only_step(watch_step(model, x, y, loss, None)), "exact")
    assert not reading.unruled
    assert check_exactly(reading, most=9) >= 2
    loss(model(x)).backward()
    assert model.A.grad is not None
    (p,) = (p for p in reading.pulled if p.of is not None and p.of.given == "parameter")
    ours = np.asarray(p.sym.value, float).reshape(model.A.shape)
    assert ours == pytest.approx(model.A.grad.numpy(), rel=1e-9, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_what_makes_it_right_comes_out(name: str) -> None:
    for mode, lang, near in (("exact", "en", 1e-3), ("hand", "bn", 2e-2)):
        found = gobhir.explain(*given(name), mode=mode)
        pieces = [p for s in found.steps for p in s.pieces]
        for said, line in zip(pieces, pieces[1:], strict=False):
            if isinstance(said, Say) and said.key == "rules.matrices.one":
                assert isinstance(line, Line)
                wanted = float(said.values["wanted"].value)
                assert float(line.stages[-1].value) == pytest.approx(wanted, rel=near, abs=near)
        assert any(isinstance(p, Say) and p.key.startswith("rules.op.") for p in pieces)
        assert found.to_markdown(lang) and found.to_json(lang)


def test_what_has_no_formula_is_listed() -> None:
    torch.manual_seed(3)
    model = On(linalg.matrix_exp, (2, 2))
    x = torch.ones((), dtype=torch.float64)
    found = gobhir.explain(model, x, None, lambda out: out.sum())
    assert set(found.reading.unruled) == {"matrix_exp"}
