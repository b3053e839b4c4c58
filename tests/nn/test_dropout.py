"""Dropout: PyTorch's numbers from the same seed, gradients, whole channels, in place, p."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import both, check, numbers

F, TF = gobhir.nn.functional, torch.nn.functional

KINDS = {
    "dropout": (3, 4),
    "dropout1d": (2, 3, 5),
    "dropout2d": (2, 3, 4, 5),
    "dropout3d": (2, 3, 4, 2, 2),
    "alpha_dropout": (4, 5),
    "feature_alpha_dropout": (2, 3, 4),
}


def torch_draws_as_the_generator() -> bool:
    """On processors by Intel PyTorch's Bernoulli numbers come from another library."""
    torch.manual_seed(3)
    drawn = torch.empty(1000).bernoulli_(0.7).numpy()
    words = gobhir.Generator().manual_seed(3).uniform(1000, np.dtype(np.float64))
    return bool((drawn == (words < 0.7)).all())


@pytest.mark.skipif(not torch_draws_as_the_generator(), reason="PyTorch draws otherwise here")
@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("name", KINDS)
def test_the_same_numbers(name: str, p: float) -> None:
    def drop(t: Any, f: Any, x: Any) -> Any:
        t.manual_seed(11)
        return getattr(f, name)(x, p, training=True)

    x = np.ascontiguousarray(numbers(1, KINDS[name]))
    check(partial(drop, gobhir, F), partial(drop, torch, TF), [x])


@pytest.mark.parametrize("name", KINDS)
def test_what_is_left_out_and_what_becomes_of_the_rest(name: str) -> None:
    shape = (200, 50, *KINDS[name][2:])
    gobhir.manual_seed(1)
    out = getattr(F, name)(gobhir.ones(shape), 0.25, training=True).numpy().reshape(200, 50, -1)
    if name not in ("dropout", "alpha_dropout"):
        assert (out == out[:, :, :1]).all()  # a channel goes as a whole
    small, large = np.unique(out)
    assert abs((out[:, :, 0] == small).mean() - 0.25) < 0.02
    if "alpha" in name:
        assert small < 0 < large
    else:
        assert small == 0 and large == np.float32(1 / 0.75)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    gobhir.manual_seed(2)
    out = F.alpha_dropout(gobhir.randn(100_000), 0.4, training=True).numpy()
    assert abs(out.mean()) < 0.02 and abs(out.var() - 1) < 0.03


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"])
def test_layers(name: str) -> None:
    layer, theirs = getattr(gobhir.nn, name)(0.3), getattr(torch.nn, name)(0.3)
    assert repr(layer) == repr(theirs)
    x = gobhir.ones(4, 6, 2, 2, 2)[(..., *[0] * {"Dropout1d": 2, "Dropout2d": 1}.get(name, 0))]
    assert (layer(x).numpy() != 1).any()
    assert layer.eval()(x) is x


def test_in_place() -> None:
    x = gobhir.ones(50)
    assert F.dropout(x, 0.5, inplace=True) is x and (x.numpy() == 0).any()
    y = gobhir.ones(3, 4, requires_grad=True)
    z = y * 1
    gobhir.nn.Dropout(1.0, inplace=True)(z)
    z.sum().backward()
    assert z.tolist() == [[0.0] * 4] * 3 and y.grad.tolist() == [[0.0] * 4] * 3


def test_no_channel_number() -> None:
    x, _ = both(numbers(1, (6, 5)))
    gobhir.manual_seed(0)
    out = F.dropout1d(x, 0.5).numpy()
    gone = (out == 0).all(1)
    assert gone.any() and not gone.all()
    np.testing.assert_allclose(out[~gone], 2 * x.numpy()[~gone])


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_p_is_a_probability(p: float) -> None:
    for t, f in ((torch, TF), (gobhir, F)):
        for wrong in (lambda t=t: t.nn.Dropout(p), lambda t=t, f=f: f.dropout(t.ones(2), p)):
            with pytest.raises(ValueError):
                wrong()
