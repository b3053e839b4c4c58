"""What slides over images, brings to a common scale, moves and joins: every line of the rules
comes to the engine's float64 value, and the engine's gradients are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.explain.reading import Reading
from gobhir.explain.recording import record_step
from gobhir.lift.torch_replay import gradients
from gobhir.nn import functional as F
from tests.explain.agreement import check, check_exactly, cubes, read_step

Make = Callable[[], nn.Module]


class Through(nn.Module):
    """One layer, or any function of an input that has a gradient."""

    def __init__(self, function: Any, *shape: int):
        super().__init__()
        self.own = nn.Parameter(gobhir.randn(*shape))
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x * self.own)


def on(function: Any, *shape: int) -> tuple[Make, tuple[int, ...]]:
    return lambda: Through(function() if isinstance(function, type) else function, *shape), shape


def layer(make: Make, *shape: int) -> tuple[Make, tuple[int, ...]]:
    return lambda: Through(make(), *shape), shape


def written(t: Any) -> Any:
    """A copy with a part of it set in place."""
    out = t * 2
    out[:, 1:] = t[:, :1] * 2
    return out.exp()


CASES: dict[str, tuple[Make, tuple[int, ...]]] = {
    "conv": layer(lambda: nn.Conv2d(2, 3, 2), 1, 2, 3, 3),
    "conv of a batch": layer(lambda: nn.Conv2d(2, 2, 2), 2, 2, 3, 4),
    "conv with all": layer(
        lambda: nn.Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2),
        2, 2, 4, 5,
    ),
    "conv 1d": layer(lambda: nn.Conv1d(2, 3, 3, stride=2, padding=1, bias=False), 2, 2, 5),
    "depthwise": layer(lambda: nn.Conv2d(3, 3, 2, groups=3), 1, 3, 3, 3),
    "conv transpose": layer(lambda: nn.ConvTranspose2d(2, 3, 2, stride=2), 1, 2, 2, 2),
    "conv transpose with all": layer(
        lambda: nn.ConvTranspose2d(
            4, 2, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=1
        ),
        2, 4, 2, 3,
    ),
    "conv transpose 1d": layer(lambda: nn.ConvTranspose1d(2, 2, 3, dilation=2), 1, 2, 4),
    "max pool": layer(lambda: nn.MaxPool2d(2), 1, 2, 4, 4),
    "max pool that overlaps": layer(lambda: nn.MaxPool2d(3, stride=2, padding=1), 2, 1, 5, 5),
    "max pool 1d": layer(lambda: nn.MaxPool1d(2, ceil_mode=True), 2, 2, 5),
    "avg pool": layer(lambda: nn.AvgPool2d(2), 1, 2, 4, 4),
    "avg pool with padding": layer(
        lambda: nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), 2, 1, 4, 4
    ),
    "adaptive": layer(lambda: nn.AdaptiveAvgPool2d((2, 3)), 1, 2, 4, 6),
    "adaptive unevenly": layer(lambda: nn.AdaptiveAvgPool2d((2, 2)), 1, 1, 3, 5),
    "adaptive max": layer(lambda: nn.AdaptiveMaxPool2d(2), 1, 1, 3, 5),
    "global": layer(lambda: nn.AdaptiveAvgPool2d(1), 2, 3, 3, 2),
    "mean over places": on(lambda t: t.mean((2, 3)), 2, 3, 2, 2),
    "upsample": layer(lambda: nn.Upsample(scale_factor=2), 1, 1, 2, 3),
    "bilinear": layer(lambda: nn.Upsample(scale_factor=2, mode="bilinear"), 2, 1, 2, 2),
    "batch norm": layer(lambda: nn.BatchNorm2d(2), 2, 2, 2, 2),
    "batch norm of rows": layer(lambda: nn.BatchNorm1d(3), 4, 3),
    "batch norm without": layer(lambda: nn.BatchNorm2d(2, affine=False), 2, 2, 2, 1),
    "batch norm in use": layer(lambda: nn.BatchNorm2d(2).eval(), 2, 2, 2, 2),
    "layer norm": layer(lambda: nn.LayerNorm(4), 3, 4),
    "layer norm of two": layer(lambda: nn.LayerNorm((2, 3)), 2, 2, 2, 3),
    "layer norm of one row": layer(lambda: nn.LayerNorm(4), 1, 4),
    "group norm": layer(lambda: nn.GroupNorm(2, 4), 2, 4, 2, 1),
    "instance norm": layer(lambda: nn.InstanceNorm2d(2, affine=True), 2, 2, 2, 2),
    "rms norm": layer(lambda: nn.RMSNorm(4), 2, 4),
    "dropout": layer(lambda: nn.Dropout(0.5), 3, 4),
    "dropout of channels": layer(lambda: nn.Dropout2d(0.5), 2, 3, 2, 2),
    "flatten": on(lambda t: t.flatten(1) * 2, 2, 2, 3),
    "permuted": on(lambda t: t.permute(2, 0, 1).tanh(), 2, 2, 3),
    "transposed": on(lambda t: t.transpose(1, 2).tanh(), 2, 3, 2),
    "cat": on(lambda t: gobhir.cat([t.tanh(), t, t[:, :1]], 1), 2, 2, 3),
    "cat of one example": on(lambda t: gobhir.cat([t.tanh(), t], 1), 1, 2, 2, 2),
    "stack": on(lambda t: gobhir.stack([t.tanh(), t], -1).sigmoid(), 2, 3),
    "index": on(lambda t: t[:, 1:, ::2].exp(), 2, 3, 4),
    "index twice": on(lambda t: t[:, gobhir.tensor([1, 0, 1])].exp(), 2, 3, 2),
    "chunk": on(lambda t: t.chunk(2, 1)[0] * t.chunk(2, 1)[1].tanh(), 2, 4, 2),
    "sum over dims": on(lambda t: t.sum((0, 2)).tanh(), 2, 3, 4),
    "mean kept": on(lambda t: t - t.mean(-1, keepdim=True), 2, 2, 3),
    "amax": on(lambda t: t.amax((1, 2)), 2, 3, 2),
    "max along": on(lambda t: t.max(1)[0], 2, 3, 2),
    "top k": on(lambda t: t.topk(2, 2)[0], 2, 2, 3),
    "var": on(lambda t: t.var(1), 2, 4, 2),
    "std": on(lambda t: t.std((1, 2), keepdim=True), 2, 2, 2),
    "norm": on(lambda t: t.norm(dim=1), 2, 3, 2),
    "log sum exp": on(lambda t: t.logsumexp(1), 2, 3, 2),
    "broadcasting": on(lambda t: t * t[:, :1] + t[0, 0], 2, 3, 2),
    "linear over tokens": layer(lambda: nn.Linear(3, 2), 2, 2, 3),
    "linear over tokens of one": layer(lambda: nn.Linear(3, 2), 1, 2, 3),
    "matmul of stacks": on(lambda t: t @ t.mT, 2, 2, 3),
    "matmul of a stack of one": on(lambda t: t @ t.transpose(1, 2), 1, 2, 3),
    "matmul that broadcasts": on(lambda t: t[:1] @ t.mT + t @ t[0].mT, 2, 2, 3),
    "bmm of heads": on(lambda t: t.reshape(2, 2, 2, 2) @ t.reshape(2, 2, 2, 2), 2, 4, 2),
    "softmax of channels": on(lambda t: t.softmax(1), 2, 3, 2),
    "softmax of scores": on(lambda t: t.log_softmax(-1), 1, 2, 3),
    "running sum": on(lambda t: t.cumsum(1).tanh(), 2, 3, 2),
    "written into": on(written, 2, 3, 2),
    "residual": on(lambda t: F.relu(t.tanh() + t), 2, 2, 2),
    "padding": on(lambda t: F.pad(t, (1, 0, 0, 1)).exp(), 1, 2, 2, 2),
}  # fmt: skip


def drawn(shape: tuple[int, ...]) -> Any:
    return gobhir.randn(*shape, dtype=gobhir.float64) + 0.1


def made(name: str) -> tuple[nn.Module, Any]:
    gobhir.manual_seed(3)
    make, shape = CASES[name]
    model = make().double()
    for p in model.parameters():
        p.array[...] = np.random.default_rng(p.numel()).normal(0.3, 1, p.shape)
    return model, drawn(shape)


@pytest.mark.parametrize("name", CASES)
def test_every_line_is_the_engines_value(name: str) -> None:
    model, x = made(name)
    reading = read_step(model, x)
    assert not reading.unruled
    assert check_exactly(reading) >= 4


@pytest.mark.parametrize("name", CASES)
def test_the_engines_gradients_are_pytorchs(name: str) -> None:
    model, x = made(name)
    run = record_step(model, x, None, cubes)
    ours = {t: p.exact for t, p in Reading(run, "exact").pulled_of.items() if t in run.parameters}
    theirs = gradients(run.tape, run.loss, list(ours))
    assert theirs is not None and len(theirs) == len(ours) > 0
    for t, g in theirs.items():
        scale = float(np.abs(g).max(initial=1.0))
        assert np.ravel(ours[t]) == pytest.approx(np.ravel(g), rel=1e-11, abs=1e-11 * scale)


@pytest.mark.parametrize("name", CASES)
def test_by_hand_it_comes_near(name: str) -> None:
    model, x = made(name)
    for p in model.parameters():
        p.array[...] = np.round(np.clip(p.array, -2, 2), 1)
    check(model, gobhir.tensor(np.round(np.clip(x.numpy(), -2, 2), 1)), apart=0.03)
