"""Interpolation, pixel and channel shuffle, unfold and fold, grid sampling: against PyTorch."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers

F, TF = gobhir.nn.functional, torch.nn.functional
pytestmark = [
    pytest.mark.filterwarnings("ignore:Default grid_sample"),
    pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid"),
]


def image(*shape: int) -> np.ndarray:
    """In C order: for others PyTorch's own results differ now and then."""
    return np.ascontiguousarray(numbers(1, shape))


SIZES: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"size": 7}, (2, 3, 4)),
    ({"size": (2, 9)}, (2, 2, 5, 3)),
    ({"size": 1}, (2, 2, 5, 3)),
    ({"scale_factor": 2}, (2, 2, 3, 4)),
    ({"scale_factor": (0.5, 2.3)}, (1, 2, 5, 4)),
    ({"scale_factor": 1.7, "recompute_scale_factor": True}, (1, 2, 5, 4)),
    ({"size": (3, 2, 5)}, (1, 2, 2, 4, 3)),
    ({"size": 4}, (0, 2, 3, 3)),
]
LINEAR = {3: ["linear"], 4: ["bilinear", "bicubic"], 5: ["trilinear"]}


@pytest.mark.parametrize(("options", "shape"), SIZES)
def test_interpolate(options: dict[str, Any], shape: tuple[int, ...]) -> None:
    x = [image(*shape)]
    for mode in ("nearest", "nearest-exact", "area"):
        mine, theirs = (partial(f.interpolate, mode=mode, **options) for f in (F, TF))
        check(mine, theirs, x)
    for mode in LINEAR[len(shape)]:
        for align in (None, True, False):
            settings = {"mode": mode, "align_corners": align, **options}
            check(partial(F.interpolate, **settings), partial(TF.interpolate, **settings), x)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 4), (9, 2), (5, 7)])
def test_antialias(mode: str, size: tuple[int, int]) -> None:
    for align in (True, False):
        settings = {"mode": mode, "size": size, "antialias": True, "align_corners": align}
        x = [image(2, 2, 7, 6)]
        check(partial(F.interpolate, **settings), partial(TF.interpolate, **settings), x)


def test_nearest_takes_whole_numbers() -> None:
    x = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    check(partial(F.interpolate, size=5), partial(TF.interpolate, size=5), [x])


@pytest.mark.parametrize("shape", [(8, 2, 3), (2, 4, 4, 6), (1, 2, 4, 2, 2)])
def test_pixels_and_channels(shape: tuple[int, ...]) -> None:
    x = [image(*shape)]
    check(lambda x: F.pixel_shuffle(x, 2), lambda x: TF.pixel_shuffle(x, 2), x)
    if shape[-2] % 2 == shape[-1] % 2 == 0:
        check(lambda x: F.pixel_unshuffle(x, 2), lambda x: TF.pixel_unshuffle(x, 2), x)
    if shape[1] % 2 == 0:
        check(lambda x: F.channel_shuffle(x, 2), lambda x: TF.channel_shuffle(x, 2), x)


WINDOWS = [
    ((2,), (2, 3, 4, 5)),
    (((2, 3), 1, 1, 2), (2, 3, 4, 5)),
    ((2, 2, (0, 1), (1, 2)), (3, 5, 4)),
    ((1,), (0, 2, 3, 3)),
]


@pytest.mark.parametrize(("args", "shape"), WINDOWS)
def test_unfold_and_fold(args: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    x = image(*shape)
    check(lambda x: F.unfold(x, *args), lambda x: TF.unfold(x, *args), [x])
    columns, size = TF.unfold(torch.from_numpy(x), *args).numpy(), shape[-2:]
    check(lambda x: F.fold(x, size, *args), lambda x: TF.fold(x, size, *args), [columns])


@pytest.mark.parametrize("align", [True, False, None])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 2, 1, 3)])
def test_affine_grid(size: tuple[int, ...], align: bool | None) -> None:
    n = len(size) - 2
    theta = [numbers(2, (2, n, n + 1))]
    check(lambda t: F.affine_grid(t, size, align), lambda t: TF.affine_grid(t, size, align), theta)


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("size", [(1, 1, 12, 28), (1, 1, 5, 9)])
def test_an_identity_lies_on_the_pixels_as_pytorchs_does(size: Any, align: bool) -> None:
    """There the gradient of grid_sample jumps: one bit more or less would be another slope."""
    theta = [[[1.0, 0, 0], [0, 1, 0]]]
    mine = F.affine_grid(gobhir.tensor(theta), size, align)
    assert mine.tolist() == TF.affine_grid(torch.tensor(theta), size, align).tolist()


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(3, 4), (2, 3, 2)])
def test_grid_sample(size: tuple[int, ...], mode: str, padding: str) -> None:
    grid = np.random.default_rng(2).uniform(-1.8, 1.8, (2, *size[::-1], len(size)))
    for align in (True, False):
        args = (mode, padding, align)
        check(
            lambda x, g, args=args: F.grid_sample(x, g, *args),
            lambda x, g, args=args: TF.grid_sample(x, g, *args),
            [image(2, 2, *size), grid],
            second=False,  # PyTorch has none
        )


LAYERS: dict[str, tuple[tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = {
    "Upsample": ((), {"scale_factor": 2}, (1, 2, 3, 4)),
    "Upsample, size": ((5,), {"mode": "linear", "align_corners": True}, (1, 2, 3)),
    "Upsample, several": ((), {"scale_factor": (2, 3), "mode": "bilinear"}, (1, 2, 3, 4)),
    "UpsamplingNearest2d": (((4, 5),), {}, (1, 2, 3, 4)),
    "UpsamplingBilinear2d": ((), {"scale_factor": 2}, (1, 2, 3, 4)),
    "PixelShuffle": ((2,), {}, (1, 4, 3, 4)),
    "PixelUnshuffle": ((2,), {}, (1, 4, 2, 4)),
    "ChannelShuffle": ((2,), {}, (1, 4, 2, 4)),
    "Unfold": (((2, 3),), {"stride": 2, "padding": 1}, (1, 2, 4, 6)),
    "Fold": ((4, 2), {"stride": 2}, (1, 8, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    args, options, shape = LAYERS[name]
    x = image(*shape)
    mine, theirs = (getattr(t.nn, name.split(",")[0])(*args, **options) for t in (gobhir, torch))
    assert repr(mine) == repr(theirs)
    got, want = mine(gobhir.from_numpy(x)), theirs(torch.from_numpy(x))
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-9, atol=1e-12)


WRONG = {
    "neither": lambda t, f: f.interpolate(t.ones(1, 1, 3)),
    "both": lambda t, f: f.interpolate(t.ones(1, 1, 3), 4, 2.0),
    "sizes": lambda t, f: f.interpolate(t.ones(1, 1, 3), (4, 4)),
    "mode": lambda t, f: f.interpolate(t.ones(1, 1, 3), 4, mode="smooth"),
    "mode and dimensions": lambda t, f: f.interpolate(t.ones(1, 1, 3), 4, mode="bilinear"),
    "align_corners": lambda t, f: f.interpolate(t.ones(1, 1, 3), 4, align_corners=True),
    "antialias": lambda t, f: f.interpolate(t.ones(1, 1, 3), 4, antialias=True),
    "empty": lambda t, f: f.interpolate(t.ones(1, 1, 3, 3), (0, 2)),
    "shuffle": lambda t, f: f.pixel_shuffle(t.ones(1, 3, 2, 2), 2),
    "unshuffle": lambda t, f: f.pixel_unshuffle(t.ones(1, 3, 3, 2), 2),
    "channel groups": lambda t, f: f.channel_shuffle(t.ones(1, 3, 3, 2), 2),
    "fold": lambda t, f: f.fold(t.ones(1, 8, 5), 4, 2),
    "unfold": lambda t, f: f.unfold(t.ones(1, 1, 2, 2), 3),
    "theta": lambda t, f: f.affine_grid(t.ones(1, 3, 3), (1, 1, 2, 2)),
    "grid": lambda t, f: f.grid_sample(t.ones(1, 1, 2, 2), t.ones(2, 3, 3, 2)),
    "padding mode": lambda t, f: f.grid_sample(
        t.ones(1, 1, 2, 2), t.ones(1, 3, 3, 2), padding_mode="mirror"
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    kinds = []
    for t, f in ((torch, TF), (gobhir, F)):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            WRONG[name](t, f)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 9), (14, 4), (7, 6)])
@pytest.mark.parametrize("antialias", [True, False])
def test_bytes_stay_bytes(mode: str, size: tuple[int, int], antialias: bool) -> None:
    """Bit by bit as PyTorch's own path for images of whole numbers."""
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 7, 6), np.uint8)
    options = {"antialias": antialias and mode != "nearest"}
    got, want = (
        t.nn.functional.interpolate(t.from_numpy(x), size, mode=mode, **options)
        for t in (gobhir, torch)
    )
    assert got.dtype == gobhir.uint8
    np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [True, False])
def test_bicubic_sampling(padding_mode: str, align: bool) -> None:
    options = {"mode": "bicubic", "padding_mode": padding_mode, "align_corners": align}
    grid = np.random.default_rng(1).uniform(-1.5, 1.5, (2, 3, 2, 2))
    mine, theirs = (partial(f.grid_sample, **options) for f in (F, TF))
    check(mine, theirs, [image(2, 2, 4, 5), grid])


@pytest.mark.filterwarnings("ignore:`nn.functional.upsample")
def test_old_names() -> None:
    x = np.random.default_rng(2).normal(size=(1, 4, 3, 3))
    for name, args in {
        "upsample_nearest": (None, 2),
        "upsample_bilinear": (5,),
        "native_channel_shuffle": (2,),
    }.items():
        got, want = (
            getattr(t.nn.functional, name)(t.from_numpy(x), *args) for t in (gobhir, torch)
        )
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-12)
