"""A loss that is no number any more: noticed, explained, and the model has sound weights back."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.lang import use_language
from gobhir.training import Diverged, EarlyStopping, evaluate, fit, predict

BOTH = [gobhir, torch]
both = pytest.mark.parametrize("f", BOTH, ids=["gobhir", "torch"])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype(np.float32)
Y = X[:, :3].argmax(1)


def network(f: Any) -> Any:
    f.manual_seed(1)
    return f.nn.Sequential(f.nn.Linear(6, 8), f.nn.Tanh(), f.nn.Linear(8, 3))


def weights(model: Any) -> list[np.ndarray]:
    return [np.array(p.detach().numpy()) for p in model.parameters()]


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


def quiet(*args: Any, **settings: Any) -> Any:
    return fit(*args, **({"progress": False, "compile": False} | settings))


@both
@pytest.mark.parametrize("lang", ["bn", "en"])
def test_a_loss_that_is_no_number(f: Any, lang: str) -> None:
    use_language(lang)
    try:
        broken = X.copy()
        broken[37, 2] = np.nan
        model = network(f)
        before = weights(model)
        with pytest.raises(Diverged) as caught:
            quiet(model, (broken, Y), "cross_entropy", shuffle=False, batch_size=25)
        assert "(12, 2)" in str(caught.value), "the number's place in the batch"
        assert same(weights(model), before), "the model has its weights back"
        model = network(f)
        optimizer = f.optim.SGD(model.parameters(), lr=1e30)
        with pytest.raises(FloatingPointError) as caught_too:
            quiet(model, (X, X[:, :3]), "mse", optimizer, 9)
        assert "1e+29" in str(caught_too.value) and "clip_norm" in str(caught_too.value)
        assert caught_too.value.history.stopped == "diverged"  # type: ignore[attr-defined]
        assert all(np.isfinite(w).all() for w in weights(model))
    finally:
        use_language(None)


def distance(f: Any) -> Any:
    """The root has no slope at 0: the gradient of an example that is all zeros is 0 times inf."""

    class Distance(f.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.turn = f.nn.Linear(6, 2, bias=False)

        def forward(self, x: Any) -> Any:
            return self.turn(x).pow(2).sum(1, keepdim=True).sqrt()  # here

    f.manual_seed(0)
    return Distance()


@both
@pytest.mark.parametrize("compile", [False, "auto"])
def test_weights_that_are_no_numbers_though_the_loss_still_is(f: Any, compile: Any) -> None:
    x = X.copy()
    x[49] = 0
    model = distance(f)
    before = weights(model)
    with pytest.raises(Diverged) as caught:  # the last batch of the last epoch
        quiet(model, (x, X[:, :1]), "mse", "sgd", shuffle=False, batch_size=49, compile=compile)
    told = str(caught.value)
    assert "turn.weight" in told and ("# here" in told or f is torch)
    assert same(weights(model), before) and caught.value.history.stopped == "diverged"


def test_the_operation_that_overflows_late_is_found(f: Any = gobhir) -> None:
    """log(1 - p) where p has become exactly 1, after epochs of sound losses."""

    def loss(output: Any, y: Any) -> Any:
        p = output.sigmoid()
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()  # here

    x = np.linspace(-4, 4, 40, dtype=np.float32)[:, None]
    model = f.nn.Linear(1, 1)
    with f.no_grad():
        model.weight.fill_(0.1)
        model.bias.fill_(0)
    with pytest.raises(Diverged) as caught:
        quiet(model, (x, (x > 0).astype(np.float32)), loss, "sgd", 200, lr=30.0, seed=0)
    assert len(caught.value.history) > 0 and "mul" in str(caught.value)
    assert "# here" in str(caught.value)
    assert all(np.isfinite(w).all() for w in weights(model))


@both
def test_only_the_validation_loss_is_no_number(f: Any) -> None:
    held_out = X[:9].copy()
    held_out[4, 2] = np.nan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stopping = EarlyStopping(2)
        run = quiet(
            network(f),
            (X, X[:, :3]),
            "mse",
            epochs=5,
            validation=(held_out, X[:9, :3]),
            callbacks=stopping,
        )
    told = [str(w.message) for w in caught if w.filename == __file__]
    assert len(told) == 1 and "(4, 2)" in told[0], "once for all epochs"
    assert run.stopped == "early" and stopping.epoch == 0
    with pytest.warns(UserWarning, match="detect_anomaly"):
        model = network(f)
        with f.no_grad():
            model[0].weight.fill_(float("nan"))
        assert np.isnan(evaluate(model, (X, Y), "cross_entropy")["loss"])


@both
def test_rows_of_plain_numbers(f: Any) -> None:
    model = network(f)
    want = predict(model, X)
    assert np.array_equal(predict(model, X.tolist()), want)
    assert np.array_equal(predict(model, X.astype(object)), want)
    assert np.array_equal(predict(model, list(X)), want)
