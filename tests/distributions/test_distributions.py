"""Distributions beside PyTorch's: what they draw from the same seed, how probable it is, and the
gradients that reach their parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import distributions
from tests.engine.parity import numbers

REAL, POSITIVE = numbers(1, (3, 2)), np.abs(numbers(2, (3, 2))) + 0.5
ROOT = numbers(5, (3, 2, 2))
COVARIANCE = ROOT @ ROOT.swapaxes(1, 2) + np.eye(2)
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "normal": ("Normal", {"loc": REAL, "scale": POSITIVE}),
    "normal, broadcast": ("Normal", {"loc": REAL, "scale": POSITIVE[:1]}),
    "uniform": ("Uniform", {"low": REAL, "high": REAL + POSITIVE}),
    "exponential": ("Exponential", {"rate": POSITIVE}),
    "laplace": ("Laplace", {"loc": REAL, "scale": POSITIVE}),
    "bernoulli": ("Bernoulli", {"probs": 1 / (1 + np.exp(-REAL))}),
    "bernoulli, certain": ("Bernoulli", {"probs": np.array([0.0, 0.25, 1.0])}),
    "bernoulli, logits": ("Bernoulli", {"logits": REAL}),
    "categorical": ("Categorical", {"probs": POSITIVE}),
    "categorical, logits": ("Categorical", {"logits": REAL}),
    "categorical, one": ("Categorical", {"probs": np.array([0.2, 0.0, 3.0])}),
    "covariance": ("MultivariateNormal", {"loc": REAL, "covariance_matrix": COVARIANCE}),
    "precision": ("MultivariateNormal", {"loc": REAL[0], "precision_matrix": COVARIANCE}),
    "tril": ("MultivariateNormal", {"loc": REAL, "scale_tril": np.linalg.cholesky(COVARIANCE)}),
}


def made(t: Any, name: str, shift: float = 0.0, dtype: str = "float64") -> tuple[Any, list[Any]]:
    kind, given = CASES[name]
    tensors = {
        k: t.tensor(v + (shift * v if v.ndim < 3 else 0), dtype=getattr(t, dtype))
        for k, v in given.items()
    }
    for p in tensors.values():
        p.requires_grad_()
    return getattr(t.distributions, kind)(**tensors), list(tensors.values())


def pairs(name: str) -> list[tuple[Any, Any, list[Any]]]:
    return [(t, *made(t, name)) for t in (gobhir, torch)]


def same(got: Any, want: Any) -> None:
    assert tuple(got.shape) == tuple(want.shape)
    assert str(got.dtype) == str(want.dtype).removeprefix("torch.")
    got, want = (x.detach().numpy() for x in (got, want))
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_samples_and_how_probable_they_are(name: str) -> None:
    told = []
    for t, d, parameters in pairs(name):
        t.manual_seed(3)
        drawn = [d.sample(), d.sample((4,)), d.sample(t.Size([2, 3]))]
        total = sum(d.log_prob(x).sum() for x in drawn) + d.entropy().sum()
        grads = t.autograd.grad(total, parameters)
        shapes = [d.log_prob(x) for x in drawn]
        assert not any(x.requires_grad for x in drawn)
        told.append([*drawn, *shapes, d.entropy(), d.perplexity(), d.variance, d.mean, *grads])
    for got, want in zip(*told, strict=True):
        same(got, want)


@pytest.mark.parametrize("name", [n for n in CASES if n[:2] not in ("be", "ca")])
def test_gradients_flow_through_rsample(name: str) -> None:
    told = []
    for t, d, parameters in pairs(name):
        t.manual_seed(4)
        drawn = d.rsample((5,))
        told.append([drawn, *t.autograd.grad((drawn**2).sum(), parameters)])
        assert d.has_rsample
    for got, want in zip(*told, strict=True):
        same(got, want)


@pytest.mark.parametrize("name", ["normal", "uniform", "exponential", "laplace"])
def test_cdf_and_its_inverse(name: str) -> None:
    share = np.array([[0.1], [0.5], [0.93]])
    told = []
    for t, d, _ in pairs(name):
        x = d.icdf(t.tensor(share))
        told.append([x, d.cdf(x)])
    for got, want in zip(*told, strict=True):
        same(got, want)
    same(told[0][1], gobhir.tensor(share).expand(3, 2))


@pytest.mark.parametrize("name", CASES)
def test_expand_and_mode(name: str) -> None:
    told = []
    for t, d, _ in pairs(name):
        wide = d.expand((4, *d.batch_shape))
        t.manual_seed(1)
        told.append([wide.sample(), wide.entropy()])
        assert tuple(wide.batch_shape) == (4, *d.batch_shape)
        assert tuple(wide.event_shape) == tuple(d.event_shape)
        if name[0] != "u":
            told[-1].append(d.mode)
    for got, want in zip(*told, strict=True):
        same(got, want)


@pytest.mark.parametrize("name", CASES)
def test_divergence(name: str) -> None:
    told = []
    for t in (gobhir, torch):
        q, more = made(t, name, 0.0)
        # A second coin beside one that is certain would be an infinity away.
        p, parameters = made(t, name, 0.0 if "certain" in name else -0.3)
        out = t.distributions.kl_divergence(p, q)
        told.append([out])
        if not name.endswith(("certain", "one")) and out.isfinite().all():
            told[-1] += t.autograd.grad(out.sum(), [*parameters, *more])
    for got, want in zip(*told, strict=True):
        same(got, want)


def test_the_last_dimensions_as_one_event() -> None:
    told = []
    for t in (gobhir, torch):
        base, _ = made(t, "normal")
        other = t.distributions.Normal(t.zeros(3, 2).double(), t.ones(3, 2).double())
        d = t.distributions.Independent(base, 1)
        t.manual_seed(0)
        x = d.rsample((4,))
        kl = t.distributions.kl_divergence(d, t.distributions.Independent(other, 1))
        told.append([x, d.log_prob(x), d.entropy(), d.mean, d.variance, kl])
        assert (tuple(d.batch_shape), tuple(d.event_shape)) == ((3,), (2,))
        assert tuple(d.expand((5, 3)).sample().shape) == (5, 3, 2)
    for got, want in zip(*told, strict=True):
        same(got, want)


@pytest.mark.parametrize("name", ["bernoulli", "categorical", "categorical, one"])
@pytest.mark.parametrize("expand", [True, False])
def test_all_outcomes(name: str, expand: bool) -> None:
    (mine, _), (theirs, _) = (made(t, name) for t in (gobhir, torch))
    same(mine.enumerate_support(expand), theirs.enumerate_support(expand))


def test_numbers_become_tensors() -> None:
    told = []
    for t in (gobhir, torch):
        t.manual_seed(2)
        d = t.distributions
        told.append([d.Normal(0, 1).sample((3,)), d.Uniform(0, 2).sample((2,))])
        told[-1] += [d.Bernoulli(0.3).sample((4,)), d.Normal(t.zeros(2), 1.0).stddev]
        told[-1] += [d.Normal(0.0, 1.0).log_prob(t.tensor(0.5)), d.Laplace(0, 1).entropy()]
        told[-1] += [d.Normal(t.zeros(2), t.ones(2)).cdf(t.tensor([0.0, 1.0]))]
    for got, want in zip(*told, strict=True):
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)
        assert str(got.dtype) == str(want.dtype).removeprefix("torch.")


REFUSED: dict[str, Any] = {
    "scale": lambda t, d: d.Normal(0.0, -1.0),
    "nan": lambda t, d: d.Normal(math.nan, 1.0),
    "rate": lambda t, d: d.Exponential(0.0),
    "range": lambda t, d: d.Uniform(1.0, 1.0),
    "probability": lambda t, d: d.Bernoulli(1.5),
    "weights": lambda t, d: d.Categorical(t.tensor([0.5, -0.5, 1.0])),
    "both": lambda t, d: d.Categorical(probs=t.ones(2), logits=t.ones(2)),
    "neither": lambda t, d: d.Bernoulli(),
    "no category": lambda t, d: d.Categorical(t.tensor(1.0)),
    "text": lambda t, d: d.Normal("0", 1.0),
    "negative-definite": lambda t, d: d.MultivariateNormal(t.zeros(2), -t.eye(2)),
    "no covariance": lambda t, d: d.MultivariateNormal(t.zeros(2)),
    "half a coin": lambda t, d: d.Bernoulli(0.5).log_prob(t.tensor(0.5)),
    "seventh face": lambda t, d: d.Categorical(t.ones(6)).log_prob(t.tensor(6)),
    "outside": lambda t, d: d.Uniform(0.0, 1.0).log_prob(t.tensor(2.0)),
    "not a tensor": lambda t, d: d.Normal(0.0, 1.0).log_prob(0.5),
    "event": lambda t, d: d.MultivariateNormal(t.zeros(2), t.eye(2)).log_prob(t.zeros(3)),
    "no rsample": lambda t, d: d.Categorical(t.ones(2)).rsample(),
    "no formula": lambda t, d: d.kl_divergence(d.Bernoulli(0.5), d.Categorical(t.ones(2))),
    "no batch": lambda t, d: d.Independent(d.Normal(0.0, 1.0), 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch, torch.distributions)
    with pytest.raises(theirs.type):
        REFUSED[name](gobhir, distributions)


def test_checks_can_be_left_out() -> None:
    d = distributions.Normal(0.0, -1.0, validate_args=False)
    assert d.scale.item() == -1


def test_what_is_shown() -> None:
    for name in ("normal", "categorical, logits", "bernoulli"):
        (mine, _), (theirs, _) = (made(t, name) for t in (gobhir, torch))
        assert repr(mine).replace("gobhir.", "torch.") == repr(theirs)
    assert repr(distributions.Normal(0.0, 1.0)) == repr(torch.distributions.Normal(0.0, 1.0))


@pytest.mark.parametrize("kind", ["probs", "logits"])
def test_counts_of_several_draws(kind: str) -> None:
    counts, likely, slopes = [], [], []
    for t in (gobhir, torch):
        p = t.tensor(POSITIVE, requires_grad=True)
        dice = t.distributions.multinomial.Multinomial(7, **{kind: p})
        t.manual_seed(4)
        counts += [dice.sample(), dice.sample((2,)), dice.mean, dice.variance]
        likely.append(dice.log_prob(t.tensor([[3.0, 4.0], [0.0, 7.0], [1.0, 1.0]])))
        likely[-1].sum().backward()
        slopes.append(p.grad)
        with pytest.raises(ValueError):
            dice.log_prob(t.tensor([8.0, 1.0]))
        with pytest.raises(ValueError):
            t.distributions.Multinomial(3, probs=t.tensor([-1.0, 2.0]))
    for mine, theirs in [*zip(counts[:4], counts[4:], strict=True), likely, slopes]:
        same(mine, theirs)
