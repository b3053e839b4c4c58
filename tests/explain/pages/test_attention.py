"""Attention on a page: scores, mask, shares, what is taken in and the way back, all of them the
engine's own numbers, and the parameters' gradients PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.expression import indices
from gobhir.derivation.rounding import result
from gobhir.explain.quantity import element
from gobhir.explain.reading import Reading
from gobhir.explain.recording import Recording, record_step
from tests.calculator import problems
from tests.explain.agreement import in_full

torch = pytest.importorskip("torch")


def products(library: Any, causal: bool) -> Any:
    """Attention by hand: three linear layers and the function."""

    class Products(library.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.q, self.k, self.v = (library.nn.Linear(4, 4) for _ in "qkv")

        def forward(self, x: Any) -> Any:
            attend = library.nn.functional.scaled_dot_product_attention
            return attend(self.q(x), self.k(x), self.v(x), is_causal=causal)

    return Products()


def heads(library: Any, count: int, weights: bool, masked: bool) -> Any:
    class Heads(library.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.attend = library.nn.MultiheadAttention(4, count, batch_first=True)

        def forward(self, x: Any) -> Any:
            closed = library.triu(library.ones(3, 3), 1).bool() if masked else None
            return self.attend(x, x, x, need_weights=weights, attn_mask=closed)[0]

    return Heads()


def encoder(library: Any, **options: Any) -> Any:
    return library.nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, **options)


def decoder(library: Any) -> Any:
    class Both(library.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            layer = library.nn.TransformerDecoderLayer
            self.decode = layer(4, 2, 8, dropout=0.0, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.decode(x, x[:, :2])

    return Both()


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "products": lambda g: products(g, False),
    "causal": lambda g: products(g, True),
    "one head": lambda g: heads(g, 1, False, False),
    "two heads": lambda g: heads(g, 2, False, False),
    "with weights": lambda g: heads(g, 2, True, False),
    "masked": lambda g: heads(g, 2, False, True),
    "encoder": encoder,
    "encoder, norm first": lambda g: encoder(g, norm_first=True, activation="gelu"),
    "decoder": decoder,
}


def step(name: str, batch: int) -> Recording:
    gobhir.manual_seed(0)
    model = in_full(NETWORKS[name](gobhir))
    x = gobhir.randn(batch, 3, 4, dtype=gobhir.float64)
    return record_step(model, x, None, lambda o: (o**3).sum())


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_its_formulas_give_its_numbers(name: str, batch: int) -> None:
    r = Reading(step(name, batch), "exact")
    assert not r.unruled
    assert len(r.run.blocks) == (2 if name == "decoder" else 1)
    for q in (*r.computed, *r.pulled):
        assert q.expr is not None
        for index in indices(q.shape):
            value = float(result(element(q.expr, index, q.shape), r.rounder))
            exact = float(np.asarray(q.exact)[index])
            assert value == exact or value == pytest.approx(exact, rel=1e-9, abs=1e-11), q.name


@pytest.mark.parametrize("name", NETWORKS)
def test_pytorch_has_these_gradients(name: str) -> None:
    run = step(name, 2)
    r = Reading(run, "exact")
    theirs = NETWORKS[name](torch).double()
    state = {n: torch.tensor(p.array) for n, p in run.model.named_parameters()}
    theirs.load_state_dict(state)
    (theirs(torch.tensor(run.x.array)) ** 3).sum().backward()  # type: ignore[union-attr]
    for n, p in run.model.named_parameters():
        there = theirs.get_parameter(n).grad.numpy()
        assert np.reshape(r.pulled_of[p].exact, p.shape) == pytest.approx(there, abs=1e-9), n


@pytest.mark.parametrize("name", ["products", "causal", "one head", "masked"])
def test_by_hand(name: str) -> None:
    gobhir.manual_seed(0)
    model = NETWORKS[name](gobhir)
    x = gobhir.randn(1, 3, 4)
    page = gobhir.explain(model, x, None, lambda o: (o**2).sum(), mode="hand")
    for q in (*page.reading.computed, *page.reading.pulled):
        shown, exact = (np.ravel(np.asarray(v, float)) for v in (q.sym.value, q.exact))
        assert shown == pytest.approx(exact, rel=0.02, abs=2e-3), q.name
    assert problems(page.to_markdown("en"), "hand") == []
    told = " ".join(page.to_text("en").split())
    assert ("A mask closes some places" in told) == (name in ("causal", "masked"))
    assert "∂L/∂s" in told and page.to_text("bn") and page.to_html("bn")
    assert [s.phase for s in page.steps if s.rule.startswith("attention")] == [
        "forward",
        "backward",
    ]


def test_the_root_is_written_as_a_root() -> None:
    gobhir.manual_seed(0)
    x = gobhir.randn(1, 3, 4)
    page = gobhir.explain(heads(gobhir, 2, False, False), x, None, lambda o: (o**2).sum())
    assert "√(2)" in page.to_text("en") and "0.70710" not in page.to_text("en")
    assert "There are 2 heads" in page.to_text("en")


def test_an_infinity_that_is_no_mask_is_refused() -> None:
    x = gobhir.tensor([[0.5, float("-inf")]])
    with pytest.raises(ValueError, match="NaN|infinit"):
        gobhir.explain(nn.Linear(2, 1), x, None, lambda o: (o**2).sum())
