"""Muon against PyTorch's own, for matrices, and AdamW's for the rest; kept and loaded again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gobhir.projects.detection.network import Network
from gobhir.projects.detection.optimizer import Muon, grouped, level


@pytest.mark.parametrize("shape", [(20, 48), (48, 20)])
def test_a_leveled_matrix_turns_as_the_gradient_does(shape) -> None:
    matrix = torch.from_numpy(np.random.default_rng(0).normal(size=shape))
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    found = level(matrix)
    inside = left.T @ found @ right.T  # in the directions of the matrix, only lengths change
    lengths = inside.diagonal()
    assert sizes.max() > 2 * sizes.min()
    assert lengths.min() > 0.6 and lengths.max() < 1.25
    assert torch.allclose(inside, torch.diag(lengths), atol=1e-6)


@pytest.mark.parametrize("shape", [(20, 48), (48, 20)])
def test_matrices_go_as_pytorch_moves_them_and_the_rest_as_adamw(shape) -> None:
    draw = torch.Generator().manual_seed(0)
    ours = [torch.randn(shape, generator=draw), torch.randn(5, generator=draw)]
    theirs = [t.clone() for t in ours]
    before = ours[0].clone()
    optimizer = Muon(
        [
            {"params": ours[:1], "matrix": True, "lr": 0.02, "weight_decay": 0.1},
            {"params": ours[1:], "weight_decay": 0.0},
        ],
        0.002,
    )
    others = [
        torch.optim.Muon(theirs[:1], lr=0.02, weight_decay=0.1),
        torch.optim.AdamW(theirs[1:], lr=0.002, weight_decay=0.0),
    ]
    for _ in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(one.shape, generator=draw)
            other.grad = one.grad.clone()
        optimizer.step()
        for each in others:
            each.step()
    moved = (theirs[0] - before).norm()
    assert (ours[0] - theirs[0]).norm() < 0.02 * moved  # theirs counts in 16 bits
    assert torch.allclose(ours[1], theirs[1], atol=1e-7)


def test_each_parameter_of_the_network_is_in_one_group() -> None:
    model = Network()
    optimizer = grouped(model, 0.02, 0.05)
    large, thin, flat = (group["params"] for group in optimizer.param_groups)
    assert sorted(map(id, [*large, *thin, *flat])) == sorted(map(id, model.parameters()))
    assert {p.ndim for p in large} == {4} and {p.ndim for p in flat} == {1}
    named = {id(p): name for name, p in model.named_parameters()}
    assert "backbone.begin.0.0.weight" in {named[id(p)] for p in thin}
    assert sum(p.numel() for p in large) > 0.95 * sum(p.numel() for p in model.parameters())
    rates = [group["lr"] for group in optimizer.param_groups]
    assert rates == pytest.approx([0.02, 0.002, 0.002])


def test_it_goes_on_where_it_was_kept() -> None:
    """A checkpoint keeps its state; what goes on from there goes as what was never stopped."""

    def build() -> tuple[nn.Module, Muon]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(4, 24, 3), nn.Conv2d(24, 3, 3))
        return model, grouped(model, 0.02, 0.05)

    def learn(model: nn.Module, optimizer: Muon, steps: range) -> None:
        for k in steps:
            x = torch.randn(2, 4, 7, 7, generator=torch.Generator().manual_seed(k))
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()

    whole, optimizer = build()
    learn(whole, optimizer, range(6))
    first, early = build()
    learn(first, early, range(3))
    again, late = build()
    again.load_state_dict(first.state_dict())
    late.load_state_dict(early.state_dict())
    learn(again, late, range(3, 6))
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
