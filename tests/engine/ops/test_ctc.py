"""CTC against PyTorch, and against adding up all ways of placing the labels."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import SEEDS, numbers, same
from tests.nn.states import refused_alike


def loss(t: Any, s: Any, *given: Any, **options: Any) -> Any:
    arrays = [t.from_numpy(a) if isinstance(a, np.ndarray) else a for a in given]
    return t.nn.functional.ctc_loss(s, *arrays, **options)


@pytest.mark.slow
@given(
    seed=SEEDS,
    sizes=st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(2, 4), st.integers(0, 3)),
    reduction=st.sampled_from(["mean", "sum", "none"]),
    zero_infinity=st.booleans(),
    together=st.booleans(),
    normal=st.booleans(),
)
@settings(max_examples=30)
def test_against_pytorch(
    seed: int, sizes: tuple, reduction: str, zero_infinity: bool, together: bool, normal: bool
) -> None:
    T, N, C, S = sizes
    rng = np.random.default_rng(seed)
    scores, blank = numbers(seed, (T, N, C)), int(rng.integers(0, C))
    y = rng.choice([c for c in range(C) if c != blank], (N, max(S, 1)))
    steps, lengths = rng.integers(0, T + 1, N), rng.integers(0, S + 1, N)
    if together and lengths.sum():
        y = np.concatenate([row[:n] for row, n in zip(y, lengths, strict=True)])
    options = {"blank": blank, "reduction": reduction, "zero_infinity": zero_infinity}
    found = []
    for t in (gobhir, torch):
        leaf = t.from_numpy(scores.copy()).requires_grad_()
        s = leaf.log_softmax(2) if normal else leaf
        found.append((leaf, loss(t, s, y, steps, lengths, **options)))
    (mine, got), (theirs, want) = found
    same(got, want)
    if not zero_infinity and not np.isfinite(want.detach().numpy()).all():
        return
    weights = numbers(seed + 1, want.shape)
    (got * gobhir.from_numpy(weights)).sum().backward()
    (want * torch.from_numpy(weights)).sum().backward()
    same(mine.grad, theirs.grad)


def test_all_ways_added_up() -> None:
    """Every sequence of classes that becomes the labels once repeats and blanks are taken out."""
    T, C, labels = 4, 3, [1, 2]
    shares = np.exp(numbers(2, (T, C)))
    shares /= shares.sum(1, keepdims=True)
    total = 0.0
    for way in product(range(C), repeat=T):
        without_repeats = [c for c, before in zip(way, (None, *way), strict=False) if c != before]
        if [c for c in without_repeats if c] == labels:
            total += np.prod([shares[t, c] for t, c in enumerate(way)])
    s = gobhir.from_numpy(np.log(shares))
    got = loss(
        gobhir, s, gobhir.tensor(labels), gobhir.tensor(T), gobhir.tensor(2), reduction="sum"
    )
    assert got.item() == pytest.approx(-np.log(total), rel=1e-12)


def test_a_single_sequence_and_lengths_as_tuples() -> None:
    s = numbers(2, (6, 4))
    for t in (gobhir, torch):
        one = loss(t, t.from_numpy(s), t.tensor([1, 2]), t.tensor(6), t.tensor(2), reduction="none")
        assert one.shape == ()
        batch = loss(t, t.from_numpy(s[:, None]), t.tensor([[1, 2]]), (6,), (2,), reduction="none")
        assert batch.tolist() == [one.item()]


def test_there_is_no_second_derivative() -> None:
    for t in (gobhir, torch):
        s = t.from_numpy(numbers(2, (4, 1, 3))).requires_grad_()
        out = loss(t, s, t.tensor([[1]]), t.tensor([4]), t.tensor([1]))
        (g,) = t.autograd.grad(out, s, create_graph=True, retain_graph=True)
        assert g.requires_grad
        np.testing.assert_array_equal(g.detach(), t.autograd.grad(out, s, retain_graph=True)[0])
        with pytest.raises(RuntimeError):
            g.sum().backward()


def call(t: Any, shape: tuple, y: list, steps: list, lengths: list, **options: Any) -> Any:
    return loss(t, t.zeros(*shape), t.tensor(y), t.tensor(steps), t.tensor(lengths), **options)


REFUSED: dict[str, Any] = {
    "blank": lambda t: call(t, (4, 1, 3), [[1]], [4], [1], blank=3),
    "steps": lambda t: call(t, (4, 1, 3), [[1]], [5], [1]),
    "lengths": lambda t: call(t, (4, 1, 3), [[1]], [4], [1, 1]),
    "steps missing": lambda t: call(t, (4, 2, 3), [[1], [1]], [4], [1, 1]),
    "labels missing": lambda t: call(t, (4, 2, 3), [1], [4, 4], [1, 1]),
    "rows missing": lambda t: call(t, (4, 2, 3), [[1]], [4, 4], [1, 1]),
    "lengths floating": lambda t: call(t, (4, 1, 3), [[1]], [4.0], [1]),
    "reduction": lambda t: call(t, (4, 1, 3), [[1]], [4], [1], reduction="max"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])


def test_a_label_that_is_no_class_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no class 7"):
        call(gobhir, (4, 1, 3), [[7]], [4], [1])
