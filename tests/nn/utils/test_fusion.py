"""Fused batch norms, calls with other parameters, layers without first weights: beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import stateless as _torch_stateless  # noqa: F401

import gobhir
from gobhir.nn.utils import stateless as _  # noqa: F401

PAIRS: dict[str, Any] = {
    "conv": (lambda nn: nn.Conv2d(3, 4, 2), lambda nn: nn.BatchNorm2d(4), (2, 3, 4, 4)),
    "no bias": (lambda nn: nn.Conv1d(3, 4, 2, bias=False), lambda nn: nn.BatchNorm1d(4), (2, 3, 5)),
    "bare": (lambda nn: nn.Conv1d(3, 4, 2), lambda nn: nn.BatchNorm1d(4, affine=False), (2, 3, 5)),
    "transposed": (
        lambda nn: nn.ConvTranspose2d(3, 4, 2),
        lambda nn: nn.BatchNorm2d(4),
        (2, 3, 4, 4),
    ),
    "linear": (lambda nn: nn.Linear(3, 4), lambda nn: nn.BatchNorm1d(4), (5, 3)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_fused_layers_compute_the_same(name: str) -> None:
    first, then, shape = PAIRS[name]
    told = []
    for t in (gobhir, torch):
        t.manual_seed(0)
        layer, norm, utils = first(t.nn), then(t.nn), t.nn.utils
        if norm.affine:
            t.nn.init.normal_(norm.weight)
            t.nn.init.normal_(norm.bias)
        x = t.tensor(np.random.default_rng(1).normal(size=shape).astype(np.float32))
        norm(layer(x))
        with pytest.raises(AssertionError):
            utils.fuse_conv_bn_eval(layer, norm)
        layer.eval(), norm.eval()
        if name == "linear":
            fused = utils.fuse_linear_bn_eval(layer, norm)
        else:
            fused = utils.fuse_conv_bn_eval(layer, norm, name == "transposed")
        want = norm(layer(x)).detach().numpy()
        np.testing.assert_allclose(fused(x).detach().numpy(), want, atol=1e-5)
        told.append([fused.weight, fused.bias])
        assert fused.bias.requires_grad == (name != "no bias")
    for got, want in zip(*told, strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), atol=1e-5)


def test_other_parameters_for_one_call() -> None:
    for t in (gobhir, torch):
        model = t.nn.Sequential(t.nn.Linear(3, 2), t.nn.BatchNorm1d(2))
        weight = t.ones(2, 3, requires_grad=True)
        mean = t.zeros(2)
        call = t.nn.utils.stateless.functional_call
        other = {"0.weight": weight, "1.running_mean": mean}
        x = t.arange(12).reshape(4, 3).float()
        call(model, other, (x,)).pow(3).sum().backward()
        assert weight.grad is not None and model[0].weight.grad is None
        assert mean.abs().sum() > 0 and not model[1].running_mean.abs().sum()
        with pytest.raises(RuntimeError):
            call(model, {"0.weigth": weight}, x, strict=True)
        with pytest.raises(RuntimeError):
            call(model, other, x, strict=True)


def test_tied_weights_are_replaced_together() -> None:
    for t in (gobhir, torch):
        model = t.nn.Sequential(t.nn.Linear(2, 2, bias=False), t.nn.Linear(2, 2, bias=False))
        model[1].weight = model[0].weight
        call = t.nn.utils.stateless.functional_call
        two = {"0.weight": 2 * t.eye(2)}
        assert call(model, two, t.ones(2)).tolist() == [4, 4]
        assert call(model, two, t.ones(2), tie_weights=False).tolist() != [4, 4]
        assert model[1].weight is model[0].weight


def test_layers_without_first_weights() -> None:
    for t in (gobhir, torch):
        t.manual_seed(3)
        want = t.rand(2).tolist()
        t.manual_seed(3)
        layer = t.nn.utils.skip_init(t.nn.Linear, 5, out_features=2)
        assert t.rand(2).tolist() == want
        assert layer.weight.shape == (2, 5) and layer.weight.requires_grad
        for wrong in (dict, t.nn.ReLU):
            with pytest.raises(RuntimeError):
                t.nn.utils.skip_init(wrong)
