"""Whole numbers and truth values where PyTorch's functions take them, and where they do not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gobhir

CALLS: dict[str, Any] = {
    "adaptive_max_pool2d": lambda f, x: f.adaptive_max_pool2d(x, 2),
    "avg_pool2d": lambda f, x: f.avg_pool2d(x, 2),
    "batch_norm": lambda f, x: f.batch_norm(x, None, None, training=True),
    "binary_cross_entropy": lambda f, x: f.binary_cross_entropy(x, x),
    "conv2d": lambda f, x: f.conv2d(x, x[:, :, :2, :2]),
    "cosine_similarity": lambda f, x: f.cosine_similarity(x, x),
    "cross_entropy": lambda f, x: f.cross_entropy(x, x[:, 0]),
    "dropout, all": lambda f, x: f.dropout(x, 1.0),
    "dropout, some": lambda f, x: f.dropout(x, 0.5),
    "fold": lambda f, x: f.fold(x.reshape(2, 4, 12), (4, 5), 2),
    "group_norm": lambda f, x: f.group_norm(x, 1),
    "instance_norm": lambda f, x: f.instance_norm(x),
    "interpolate": lambda f, x: f.interpolate(x, 3, mode="bilinear"),
    "l1_loss": lambda f, x: f.l1_loss(x, x + 1, reduction="sum"),
    "layer_norm": lambda f, x: f.layer_norm(x, x.shape[-1:]),
    "margin_ranking_loss": lambda f, x: f.margin_ranking_loss(x, x + 1, x),
    "max_pool1d": lambda f, x: f.max_pool1d(x[0], 2),
    "max_pool2d": lambda f, x: f.max_pool2d(x, 2),
    "mse_loss": lambda f, x: f.mse_loss(x, x),
    "multi_margin_loss": lambda f, x: f.multi_margin_loss(x[0, 0], x[0, 0, :, 0]),
    "pad": lambda f, x: f.pad(x, (1, 1), mode="reflect"),
    "poisson_nll_loss": lambda f, x: f.poisson_nll_loss(x, x),
    "rms_norm": lambda f, x: f.rms_norm(x, x.shape[-1:]),
    "unfold": lambda f, x: f.unfold(x, 2),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["int64", "int32", "bool"])
def test_taken_or_refused_as_in_pytorch(name: str, dtype: str) -> None:
    def answer(t: Any) -> Any:
        x = t.arange(96).reshape(2, 2, 4, 6).remainder(5).to(getattr(t, dtype))
        try:
            return CALLS[name](t.nn.functional, x)
        except RuntimeError as trouble:
            return trouble

    mine, theirs = answer(gobhir), answer(torch)
    if isinstance(theirs, Exception):
        # NotImplementedError is a RuntimeError too, so it will do for either.
        assert isinstance(mine, type(theirs))
    else:
        assert str(mine.dtype) == str(theirs.dtype).removeprefix("torch.")
        assert (abs(mine.double().numpy() - theirs.double().numpy()) < 1e-4).all()


CONSTANTS: dict[str, Any] = {
    "a class's weight": lambda t, F, w: F.cross_entropy(t.ones(2, 2), t.tensor([0, 1]), w),
    "of log-probabilities": lambda t, F, w: F.nll_loss(t.ones(2, 2), t.tensor([0, 1]), w),
    "with a margin": lambda t, F, w: F.multi_margin_loss(t.ones(2, 2), t.tensor([0, 1]), weight=w),
    "an example's weight": lambda t, F, w: F.binary_cross_entropy(t.zeros(2), t.ones(2), w),
    "of logits": lambda t, F, w: F.binary_cross_entropy_with_logits(t.ones(2), t.ones(2), w),
    "of ones": lambda t, F, w: F.binary_cross_entropy_with_logits(
        t.ones(2), t.ones(2), pos_weight=w
    ),
    "a sign": lambda t, F, w: F.soft_margin_loss(t.ones(2), w),
    "running statistics": lambda t, F, w: F.batch_norm(t.ones(3, 2), w, w.detach()),
}


@pytest.mark.parametrize("what", CONSTANTS)
@pytest.mark.parametrize("t", [torch, gobhir], ids=["torch", "gobhir"])
def test_no_gradient_is_promised_to_constants(what: str, t: Any) -> None:
    w = t.tensor([1.0, -1.0]).abs().requires_grad_()
    with pytest.raises(RuntimeError):
        CONSTANTS[what](t, t.nn.functional, w)
    CONSTANTS[what](t, t.nn.functional, w.detach())
