"""Starting values beside PyTorch's: the same numbers from the same seed."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
SHAPES = [(), (3,), (4, 6), (7, 3), (4, 2, 3), (6, 4, 3, 3), (2, 2, 2, 2, 3), (0, 3), (2, 0)]
TABLE: list[tuple[str, dict[str, Any]]] = [
    ("uniform_", {"a": -0.3, "b": 0.2}),
    ("uniform_", {"a": 1, "b": 0}),
    ("normal_", {}),
    ("normal_", {"mean": 0.5, "std": 2.0}),
    ("normal_", {"std": -1}),
    ("trunc_normal_", {}),
    ("trunc_normal_", {"std": 0.02}),
    ("trunc_normal_", {"a": 2.0, "b": 4.0}),
    ("trunc_normal_", {"mean": 1.0, "std": 2.0, "a": 3.0, "b": 3.5}),
    ("trunc_normal_", {"mean": 5.0, "a": -1.0, "b": 1.0}),
    ("constant_", {"val": 2.5}),
    ("ones_", {}),
    ("zeros_", {}),
    ("eye_", {}),
    ("dirac_", {}),
    ("dirac_", {"groups": 2}),
    ("dirac_", {"groups": 3}),
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 2.0}),
    ("xavier_normal_", {}),
    ("kaiming_uniform_", {}),
    ("kaiming_uniform_", {"a": math.sqrt(5)}),
    ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", {"mode": "FAN_OUT", "nonlinearity": "tanh"}),
    ("kaiming_normal_", {"mode": "fan_sideways"}),
    ("kaiming_normal_", {"nonlinearity": "unheard of"}),
    ("orthogonal_", {}),
    ("orthogonal_", {"gain": 1.5}),
    ("sparse_", {"sparsity": 0.3}),
    ("sparse_", {"sparsity": 0.9, "std": 1.0}),
]
NORMAL = ("normal_", "trunc_normal_", "xavier_normal_", "kaiming_normal_", "sparse_")


def filled(t: Any, name: str, options: dict[str, Any], shape: tuple, dtype: str) -> tuple:
    """The numbers (or the type of the exception), the kinds of warnings, and what is drawn next."""
    t.manual_seed(5)
    x = t.nn.Parameter(t.empty(shape, dtype=getattr(t, dtype)))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            assert getattr(t.nn.init, name)(x, **options) is x
            out: Any = x.detach().numpy()
        except Exception as error:
            return type(error), [], None
    assert x.requires_grad and x.is_leaf
    return out, [w.category for w in seen], t.rand(1).item()


@pytest.mark.parametrize(("name", "options"), TABLE, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_as_pytorch(name: str, options: dict[str, Any], dtype: str) -> None:
    for shape in SHAPES:
        mine, theirs = (filled(t, name, options, shape, dtype) for t in (gobhir, torch))
        assert mine[1:] == theirs[1:]
        if isinstance(theirs[0], type) or isinstance(mine[0], type):
            assert mine[0] is theirs[0]
            continue
        count = math.prod(shape)
        if name == "orthogonal_" or (name in NORMAL and dtype == "float32" and count > 15):
            # Another QR; and PyTorch's vectorised logarithm and cosine differ in the last bit.
            near = 1e-6 if dtype == "float32" else 1e-14
            np.testing.assert_allclose(mine[0], theirs[0], rtol=near, atol=near)
        else:
            np.testing.assert_array_equal(mine[0], theirs[0])


def test_a_generator_of_ones_own() -> None:
    for name in ("uniform_", "normal_", "trunc_normal_", "kaiming_uniform_", "orthogonal_"):
        got = []
        for t in (gobhir, torch):
            generator = t.Generator().manual_seed(3)
            x = getattr(t.nn.init, name)(t.empty(3, 4), generator=generator)
            got.append(x.numpy())
        np.testing.assert_allclose(got[0], got[1], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "name",
    ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"],
)
def test_gains(name: str) -> None:
    gain = gobhir.nn.init.calculate_gain(name)
    assert gain == torch.nn.init.calculate_gain(name)
    assert gobhir.nn.init.calculate_gain(name, 0.3) == torch.nn.init.calculate_gain(name, 0.3)


@BOTH
def test_a_slope_must_be_a_number(t: Any) -> None:
    for slope in (True, "steep"):
        with pytest.raises(ValueError):
            t.nn.init.calculate_gain("leaky_relu", slope)


def test_a_gain_keeps_the_size_of_what_passes() -> None:
    """What calculate_gain is for: through many layers, numbers neither grow nor fade."""
    gobhir.manual_seed(0)
    for name, act in (("relu", gobhir.relu), ("tanh", gobhir.tanh)):
        x = gobhir.randn(200, 100)
        for _ in range(10):
            w = gobhir.nn.init.kaiming_normal_(gobhir.empty(100, 100), nonlinearity=name)
            x = act(x @ w.t())
        assert 0.1 < float((x**2).mean()) < 3


@BOTH
def test_old_names(t: Any) -> None:
    for name in ("uniform", "normal", "xavier_uniform", "kaiming_normal", "orthogonal", "eye"):
        with pytest.warns(FutureWarning):
            getattr(t.nn.init, name)(t.empty(2, 3))
    with pytest.warns(FutureWarning):
        assert t.nn.init.constant(t.empty(2), 3.0).tolist() == [3, 3]


@BOTH
def test_a_layer_of_ones_own_asks_for_the_fans(t: Any) -> None:
    fans = t.nn.init._calculate_fan_in_and_fan_out
    assert fans(t.empty(2, 3)) == (3, 2) and fans(t.empty(4, 3, 5, 5)) == (75, 100)
    with pytest.raises(ValueError):
        fans(t.empty(3))


@BOTH
def test_applied_to_a_model(t: Any) -> None:
    def start(layer: Any) -> None:
        if isinstance(layer, t.nn.Linear):
            t.nn.init.constant_(layer.weight, 0.5)
            t.nn.init.zeros_(layer.bias)

    model = t.nn.Sequential(t.nn.Linear(2, 1), t.nn.Tanh()).apply(start)
    assert model[0].weight.tolist() == [[0.5, 0.5]] and model[0].bias.tolist() == [0]
