"""Convolution layers against PyTorch's: same start from the same seed, same results, same names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import numbers

nn, tnn = gobhir.nn, torch.nn

LAYERS = {
    "Conv1d": ((3, 4, 3), {}, (2, 3, 8)),
    "Conv2d": ((3, 4, 3), {"stride": 2, "padding": 1}, (2, 3, 8, 7)),
    "Conv2d, uneven": ((2, 6, (3, 2)), {"dilation": (1, 2), "groups": 2}, (2, 2, 8, 7)),
    "Conv2d, no bias": ((3, 4, 1), {"bias": False}, (3, 8, 7)),
    "Conv2d, same": ((3, 4, 4), {"padding": "same"}, (2, 3, 8, 7)),
    "Conv2d, reflect": ((3, 4, 3), {"padding": 2, "padding_mode": "reflect"}, (2, 3, 8, 7)),
    "Conv2d, replicate": (
        (3, 4, (4, 3)),
        {"padding": "same", "padding_mode": "replicate"},
        (2, 3, 8, 7),
    ),
    "Conv1d, circular": ((3, 4, 3), {"padding": 2, "padding_mode": "circular"}, (2, 3, 8)),
    "Conv3d": ((2, 3, (1, 2, 3)), {"padding": (0, 1, 0)}, (2, 2, 3, 4, 5)),
    "ConvTranspose1d": ((3, 4, 3), {"stride": 2}, (2, 3, 5)),
    "ConvTranspose2d": (
        (4, 6, 3),
        {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2},
        (2, 4, 5, 4),
    ),
    "ConvTranspose3d": ((2, 3, 2), {"bias": False, "dilation": 2}, (1, 2, 3, 2, 3)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    args, options, shape = LAYERS[name]
    kind = name.split(",")[0]
    pair: list[Any] = []
    for t in (gobhir, torch):
        t.manual_seed(7)
        pair.append(getattr(t.nn, kind)(*args, **options))
    mine, theirs = pair
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(mine.state_dict()[key].numpy(), value.numpy())
    x = numbers(3, shape, "float32")
    got, want = mine(gobhir.from_numpy(x)), theirs(torch.from_numpy(x))
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), atol=1e-5)


def test_output_size() -> None:
    for size in ((9, 8), (2, 4, 10, 8)):
        shapes = []
        for t in (gobhir, torch):
            layer = t.nn.ConvTranspose2d(3, 4, 3, stride=(2, 1))
            shapes.append(tuple(layer(t.ones(2, 3, 4, 6), output_size=size).shape))
        assert shapes[0] == shapes[1]


WRONG = {
    "groups and in": lambda t: t.nn.Conv2d(3, 4, 3, groups=2),
    "groups and out": lambda t: t.nn.Conv2d(4, 3, 3, groups=2),
    "no groups": lambda t: t.nn.Conv2d(4, 4, 3, groups=0),
    "padding name": lambda t: t.nn.Conv1d(4, 4, 3, padding="full"),
    "same with stride": lambda t: t.nn.Conv1d(4, 4, 3, padding="same", stride=2),
    "padding mode": lambda t: t.nn.Conv1d(4, 4, 3, padding_mode="mirror"),
    "transposed padding mode": lambda t: t.nn.ConvTranspose1d(4, 4, 3, padding_mode="reflect"),
    "output size": lambda t: t.nn.ConvTranspose1d(4, 4, 3)(t.ones(1, 4, 5), output_size=(9,)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    for t in (torch, gobhir):
        with pytest.raises(ValueError):
            WRONG[name](t)


def test_a_layer_names_itself_where_the_input_does_not_fit() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(3, 4, 3))
    with pytest.raises(RuntimeError, match=r"'1', Conv2d\(3, 4"):
        model(gobhir.ones(1, 1, 8, 8))


def test_some_stand_at_the_top_too() -> None:
    x, weight = numbers(1, (1, 2, 4, 4)), numbers(2, (3, 2, 2, 2))
    got = gobhir.conv2d(gobhir.from_numpy(x), gobhir.from_numpy(weight))
    want = torch.conv2d(torch.from_numpy(x), torch.from_numpy(weight))
    np.testing.assert_allclose(got.numpy(), want.numpy())
    assert gobhir.max_pool2d is gobhir.nn.functional.max_pool2d
