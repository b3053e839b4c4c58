"""AdaptiveLogSoftmaxWithLoss against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import both, same
from tests.nn.states import refused_alike, same_gradients, same_start

KINDS: list[dict[str, Any]] = [
    {"cutoffs": [2, 5]},
    {"cutoffs": [3], "div_value": 2.0, "head_bias": True},
    {"cutoffs": [1, 2, 8]},
]


@pytest.mark.parametrize("options", KINDS)
@pytest.mark.parametrize("batched", [True, False])
def test_results_and_gradients(options: dict[str, Any], batched: bool) -> None:
    mine, theirs = same_start(lambda nn: nn.AdaptiveLogSoftmaxWithLoss(8, 10, **options))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 8) if batched else 8).astype(np.float32)
    y = rng.integers(0, 10, 12) if batched else np.array(7)
    (a, b), (labels, labels_t) = both(x, True), both(y)
    got, want = mine(a, labels), theirs(b, labels_t)
    same(got.output, want.output)
    same(got.loss, want.loss)
    (got.loss + got.output.sum()).backward()
    (want.loss + want.output.sum()).backward()
    same(a.grad, b.grad)
    for p, q in zip(mine.parameters(), theirs.parameters(), strict=True):
        same(p.grad, q.grad)
    if batched:
        same(mine.log_prob(a), theirs.log_prob(b))
        same(mine.predict(a), theirs.predict(b))
        np.testing.assert_allclose(mine.log_prob(a).exp().sum(1).detach().numpy(), 1, rtol=1e-5)
        mine.zero_grad()
        theirs.zero_grad()
        mine.log_prob(a)[:, 3].sum().backward()
        theirs.log_prob(b)[:, 3].sum().backward()
        same_gradients(mine, theirs)


REFUSED: list[Any] = [
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, []),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [5, 3]),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3, 3]),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [0, 3]),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3, 10]),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [2.5]),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3])(t.ones(2, 4), t.tensor([1])),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3])(t.ones(2, 4), t.tensor([[1], [2]])),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3])(t.ones(4), t.tensor([1])),
    lambda t: t.nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3])(t.ones(2, 4), t.tensor([1, 10])),
]


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: Any) -> None:
    refused_alike(call)


def test_named_results() -> None:
    for t in (gobhir, torch):
        layer = t.nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])
        output, loss = layer(t.ones(3, 4), t.tensor([0, 3, 5]))
        assert output.shape == (3,) and loss.shape == ()
