"""The distributions that are made of others, of gamma numbers and of whole numbers, and the
transforms: beside PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import numbers

REAL = numbers(1, (3, 2))
ABOVE, MORE = np.abs(numbers(2, (3, 2))) + 0.5, np.abs(numbers(3, (3, 2))) + 0.6
SHARE = 1 / (1 + np.exp(-REAL))
TRIES = np.array([7.0, 3.0])
CASES: dict[str, dict[str, Any]] = {
    "LogNormal": {"loc": REAL, "scale": ABOVE},
    "Gumbel": {"loc": REAL, "scale": ABOVE},
    "Pareto": {"scale": ABOVE, "alpha": MORE + 2},
    "Weibull": {"scale": ABOVE, "concentration": MORE},
    "Cauchy": {"loc": REAL, "scale": ABOVE},
    "HalfNormal": {"scale": ABOVE},
    "HalfCauchy": {"scale": ABOVE},
    "Gamma": {"concentration": MORE, "rate": ABOVE},
    "Chi2": {"df": MORE},
    "InverseGamma": {"concentration": MORE + 2, "rate": ABOVE},
    "Dirichlet": {"concentration": MORE},
    "Beta": {"concentration1": MORE, "concentration0": ABOVE},
    "StudentT": {"df": MORE + 2, "loc": REAL, "scale": ABOVE},
    "FisherSnedecor": {"df1": MORE + 2, "df2": ABOVE + 4},
    "Kumaraswamy": {"concentration1": MORE, "concentration0": ABOVE},
    "ContinuousBernoulli": {"probs": np.append(SHARE[:2], [[0.5, 0.4999]], 0)},
    "ContinuousBernoulli, logits": {"logits": REAL},
    "VonMises": {"loc": REAL, "concentration": MORE},
    "LogisticNormal": {"loc": REAL, "scale": ABOVE},
    "Poisson": {"rate": ABOVE * 4},
    "Geometric": {"probs": SHARE},
    "Geometric, logits": {"logits": REAL},
    "Binomial": {"total_count": TRIES, "probs": SHARE},
    "Binomial, logits": {"total_count": TRIES, "logits": REAL},
    "NegativeBinomial": {"total_count": ABOVE * 4, "probs": SHARE},
    "OneHotCategorical": {"probs": ABOVE},
    "OneHotCategoricalStraightThrough": {"logits": REAL},
    "RelaxedBernoulli": {"temperature": np.array(0.7), "probs": SHARE},
    "RelaxedBernoulli, logits": {"temperature": np.array(0.7), "logits": REAL},
    "RelaxedOneHotCategorical": {"temperature": np.array(0.7), "logits": REAL},
}
UNIT = ("Kumaraswamy", "ContinuousBernoulli", "ContinuousBernoulli, logits")
ROUGH = {"VonMises": 3e-6}
"""PyTorch's Bessel functions are good to six digits there."""
COARSE = {"Gamma", "Chi2", "InverseGamma", "StudentT", "FisherSnedecor"}
"""Where PyTorch's own slope of a gamma number is an approximation, good to three digits."""
OTHER_SLOPES = {"Beta", "Dirichlet"}
"""There are several paths by which shares can follow their parameters; all are right on average."""


def made(t: Any, name: str) -> tuple[Any, list[Any]]:
    given = {k: t.tensor(v).requires_grad_() for k, v in CASES[name].items()}
    learned = [p for k, p in given.items() if k != "total_count"]
    return getattr(t.distributions, name.split(",")[0])(**given), learned


def same(got: Any, want: Any, near: float = 1e-8) -> None:
    assert tuple(got.shape) == tuple(want.shape)
    got, want = (x.detach().numpy() for x in (got, want))
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=near, atol=near)


def told(name: str, ask: Any) -> list[Any]:
    out = []
    for t in (gobhir, torch):
        t.manual_seed(7)
        d, parameters = made(t, name)
        try:
            out.append(ask(t, d, parameters))
        except NotImplementedError:
            out.append(None)
    return out


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("what", ["mean", "mode", "variance", "stddev"])
def test_what_is_known_of_it(name: str, what: str) -> None:
    got, want = told(name, lambda t, d, p: getattr(d, what))
    if want is not None and (name, what) != ("Kumaraswamy", "mode"):  # NaN in PyTorch
        same(got, want, ROUGH.get(name, 1e-8))


@pytest.mark.parametrize("name", CASES)
def test_shapes_expanded(name: str) -> None:
    got, want = told(name, lambda t, d, p: d.expand((4, *d.batch_shape)))
    assert tuple(got.batch_shape) == tuple(want.batch_shape)
    assert tuple(got.event_shape) == tuple(want.event_shape)
    assert got.has_rsample == want.has_rsample
    assert tuple(got.sample().shape) == tuple(want.sample().shape)


@pytest.mark.parametrize("name", CASES)
def test_samples_and_how_probable_they_are(name: str) -> None:
    torch.manual_seed(1)
    drawn = made(torch, name)[0].sample((4,)).numpy()

    def ask(t: Any, d: Any, parameters: Any) -> list[Any]:
        out = [d.sample((3,)), d.sample()]
        density = made(t, name)[0].log_prob(t.tensor(drawn))
        logs = d.log_prob(t.tensor(drawn))
        return [*out, density, *t.autograd.grad(logs.sum(), parameters)]

    for got, want in zip(*told(name, ask), strict=True):
        same(got, want, ROUGH.get(name, 1e-8))


@pytest.mark.parametrize("name", CASES)
def test_entropy(name: str) -> None:
    if name.startswith("Binomial"):  # PyTorch's is for equal counts
        return

    def ask(t: Any, d: Any, parameters: Any) -> list[Any]:
        out = d.entropy()
        return [out, *t.autograd.grad(out.sum(), parameters, allow_unused=True)]

    answers = told(name, ask)
    assert (answers[0] is None) == (answers[1] is None)
    for got, want in zip(*(a or [] for a in answers), strict=True):
        assert (got is None) == (want is None)
        if want is not None:
            same(got, want)


@pytest.mark.parametrize("name", ["LogNormal", "Gumbel", "Pareto", "Weibull", "Cauchy", *UNIT])
def test_cdf_and_its_inverse(name: str) -> None:
    share = np.array([[0.1], [0.5], [0.93]])
    ask = lambda t, d, p: [d.icdf(t.tensor(share)), d.cdf(d.icdf(t.tensor(share)))]  # noqa: E731
    for got, want in zip(*told(name, ask), strict=True):
        same(got, want)


@pytest.mark.parametrize("name", CASES)
def test_gradients_flow_through_rsample(name: str) -> None:
    def ask(t: Any, d: Any, parameters: Any) -> list[Any]:
        x = d.rsample((5,))
        return [x, *t.autograd.grad((x**2).sum(), parameters, allow_unused=True)]

    answers = told(name, ask)
    assert (answers[0] is None) == (answers[1] is None)
    for k, (got, want) in enumerate(zip(*(a or [] for a in answers), strict=True)):
        kind = name.split(",")[0]
        if want is not None and (k == 0 or kind not in OTHER_SLOPES):
            same(got, want, 1e-8 if k == 0 or kind not in COARSE else 5e-3)


def test_gamma_numbers_follow_their_parameter() -> None:
    """Against the definition: the drawn number's share of the distribution stays the same. For a
    whole a that share is 1 - e^-x (1 + x + ... + x^(a - 1) / (a - 1)!)."""
    from gobhir.distributions.gamma import _slope

    a, x = np.array([1.0, 2.0, 3.0, 6.0]), np.array([0.4, 2.5, 4.0, 9.0])
    h = 1e-5
    dense = np.linspace(1e-9, 1, 400_001)

    def share(a: float, x: float) -> float:
        density = (dense * x) ** (a - 1) * np.exp(-dense * x) / math.gamma(a)
        return float(np.trapezoid(density, dense * x))

    for a_i, x_i, slope in zip(a + 1, x, _slope(a + 1, x), strict=True):
        up = (share(a_i + h, x_i) - share(a_i - h, x_i)) / (2 * h)
        density = x_i ** (a_i - 1) * math.exp(-x_i) / math.gamma(a_i)
        assert slope == pytest.approx(-up / density, rel=1e-5)


def test_binomial_draws_have_its_mean_and_variance() -> None:
    gobhir.manual_seed(0)
    d = gobhir.distributions.Binomial(10, gobhir.tensor([0.2, 0.7]))
    drawn = d.sample((4000,))
    np.testing.assert_allclose(drawn.mean(0).numpy(), d.mean.numpy(), atol=0.1)
    np.testing.assert_allclose(drawn.var(0).numpy(), d.variance.numpy(), atol=0.2)


ALIKE = ["LogNormal", "Cauchy", "HalfNormal", "HalfCauchy", "Gamma", "Chi2", "InverseGamma"]
ALIKE += ["Dirichlet", "Beta", "Poisson", "Geometric", "Binomial", "OneHotCategorical"]


@pytest.mark.parametrize("name", ALIKE)
def test_divergence(name: str) -> None:
    answers = []
    for t in (gobhir, torch):
        p, _ = made(t, name)
        shifted = {
            k: t.tensor(v if k == "total_count" else 0.8 * v) for k, v in CASES[name].items()
        }
        q = type(p)(**shifted)
        answers.append(t.distributions.kl_divergence(p, q))
    same(*answers)


def test_a_mixture() -> None:
    answers = []
    for t in (gobhir, torch):
        d = t.distributions
        t.manual_seed(2)
        shares = d.Categorical(t.tensor([0.2, 0.8]))
        mixed = d.MixtureSameFamily(shares, d.Normal(t.tensor([-1.0, 2.0]), t.tensor([0.5, 1.0])))
        rows = d.Independent(d.Normal(t.zeros(2, 3), t.ones(2, 3)), 1)
        vectors = d.MixtureSameFamily(shares, rows)
        x, v = mixed.sample((5,)), vectors.sample((4,))
        answers.append([x, mixed.log_prob(x), mixed.cdf(x), mixed.mean, mixed.variance, v])
        answers[-1] += [vectors.log_prob(v), vectors.mean, vectors.variance]
        with pytest.raises(ValueError):
            d.MixtureSameFamily(d.Categorical(t.ones(3)), rows)
    for got, want in zip(*answers, strict=True):
        same(got, want, 1e-5)


def flows(t: Any) -> list[Any]:
    d = t.distributions
    wide = t.tensor([0.5, -2.0, 1.5], dtype=t.float64)
    return [
        d.AffineTransform(1.0, -2.0),
        d.AffineTransform(wide, 2.0, event_dim=1),
        d.ExpTransform(),
        d.SigmoidTransform(),
        d.TanhTransform(),
        d.SoftplusTransform(),
        d.ComposeTransform([d.AffineTransform(0.1, wide), d.TanhTransform()]),
        d.ComposeTransform([d.ExpTransform(), d.PowerTransform(t.tensor(0.5).double())]),
        d.IndependentTransform(d.ExpTransform(), 1),
        d.ExpTransform().inv.inv,
        d.identity_transform,
    ]


@pytest.mark.parametrize("i", range(11))
def test_transforms_there_and_back(i: int) -> None:
    x = numbers(5, (4, 3), low=-1.5, high=1.5)
    answers = []
    for t in (gobhir, torch):
        f, at = flows(t)[i], t.tensor(x)
        y = f(at)
        answers.append([y, f.inv(y), f.log_abs_det_jacobian(at, y)])
        answers[-1].append(f.inv.log_abs_det_jacobian(y, at))
    for got, want in zip(*answers, strict=True):
        same(got, want)
    np.testing.assert_allclose(answers[0][1].numpy(), x, atol=1e-10)


@pytest.mark.parametrize("i", range(9))
def test_a_transformed_distribution(i: int) -> None:
    answers = []
    for t in (gobhir, torch):
        t.manual_seed(4)
        base = t.distributions.Normal(t.zeros(3).double(), t.ones(3).double())
        d = t.distributions.TransformedDistribution(base, flows(t)[i])
        x = d.rsample((4,))
        answers.append([x, d.log_prob(x)])
    for got, want in zip(*answers, strict=True):
        same(got, want)


REFUSED: list[Any] = [
    lambda d, t: d.Gamma(-1.0, 1.0),
    lambda d, t: d.Beta(1.0, 0.0),
    lambda d, t: d.Poisson(-1.0),
    lambda d, t: d.Geometric(0.0),
    lambda d, t: d.Geometric(),
    lambda d, t: d.Binomial(2.5, 0.5),
    lambda d, t: d.StudentT(0.0),
    lambda d, t: d.Dirichlet(t.tensor(1.0)),
    lambda d, t: d.Poisson(1.0).log_prob(t.tensor(0.5)),
    lambda d, t: d.Binomial(3, 0.5).log_prob(t.tensor(4.0)),
    lambda d, t: d.LogNormal(0.0, 1.0).log_prob(t.tensor(-1.0)),
    lambda d, t: d.Pareto(2.0, 1.0).log_prob(t.tensor(1.0)),
    lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), "exp"),
]


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: Any) -> None:
    for t in (gobhir, torch):
        with pytest.raises(ValueError):
            call(t.distributions, t)


def test_a_distribution_of_ones_own() -> None:
    for t in (gobhir, torch):

        class Always(t.distributions.Distribution):  # type: ignore[misc, name-defined]
            arg_constraints: dict[str, Any] = {}

            def __init__(self, value: Any) -> None:
                self.value = value
                super().__init__(batch_shape=value.shape, validate_args=False)

            def rsample(self, sample_shape: Any = ()) -> Any:
                return self.value.expand(self._extended_shape(sample_shape))

        d = Always(t.ones(2))
        assert tuple(d.sample((3,)).shape) == (3, 2)
        with pytest.raises(NotImplementedError):
            d.entropy()


def test_shares_of_gamma_and_what_is_made_of_it() -> None:
    answers = []
    for t in (gobhir, torch):
        d = t.distributions
        rate = t.tensor([0.5, 2.0, 3.0], dtype=t.float64, requires_grad=True)
        a = t.tensor([2.0, 0.3, 9.0], dtype=t.float64)
        x = t.tensor([1.0, 0.2, 2.5], dtype=t.float64, requires_grad=True)
        share = d.Gamma(a, rate).cdf(x)
        more = [d.Chi2(a).cdf(x), d.InverseGamma(a, rate).cdf(x)]
        slopes = t.autograd.grad(share.sum() + more[1].sum(), [rate, x])
        answers.append([share, *more, *slopes])
        with pytest.raises(ValueError):
            d.Gamma(a, rate).cdf(-x)
        with pytest.raises(NotImplementedError):
            d.Poisson(rate).cdf(x)
    for mine, theirs in zip(*answers, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-10)


def test_an_angle_is_somewhere_and_a_peak_is_a_peak() -> None:
    d = gobhir.distributions
    around = gobhir.linspace(-math.pi, math.pi, 2001, dtype=gobhir.float64)
    for k in (0.1, 2.0, 40.0):
        density = d.VonMises(gobhir.tensor(0.5, dtype=gobhir.float64), k).log_prob(around).exp()
        assert np.trapezoid(density, around) == pytest.approx(1, rel=1e-12)
    bounded = d.Kumaraswamy(*(gobhir.tensor([v], dtype=gobhir.float64) for v in (2.5, 3.0)))
    top = bounded.mode.requires_grad_()
    (slope,) = gobhir.autograd.grad(bounded.log_prob(top).sum(), top)
    assert slope.item() == pytest.approx(0, abs=1e-12)


NEW_FLOWS = [
    lambda d, t: d.StickBreakingTransform(),
    lambda d, t: d.ReshapeTransform((4,), (2, 2)),
    lambda d, t: d.ReshapeTransform((2, 2), (4,)).inv,
    lambda d, t: d.CumulativeDistributionTransform(d.Normal(t.zeros(()).double(), 2.0)),
    lambda d, t: d.ComposeTransform([d.ExpTransform(), d.StickBreakingTransform()]),
]


@pytest.mark.parametrize("make", NEW_FLOWS)
def test_more_transforms(make: Any) -> None:
    answers = []
    for t in (gobhir, torch):
        f = make(t.distributions, t)
        x = t.from_numpy(numbers(2, (3, 4))).requires_grad_()
        y = f(x)
        slope = f.log_abs_det_jacobian(x, y)
        answers.append([y, f.inv(y), slope, *t.autograd.grad((y**2).sum() + slope.sum(), x)])
        shape = f.forward_shape((3, 4))
        assert tuple(shape) == tuple(y.shape) and tuple(f.inverse_shape(shape)) == (3, 4)
        base = t.distributions.Normal(t.zeros(3, 4).double(), t.ones(3, 4).double())
        flow = t.distributions.TransformedDistribution(base, [f])
        answers[-1].append(flow.log_prob(y.detach()))
        answers[-1].append(t.ones(*flow.batch_shape, *flow.event_shape))
    for got, want in zip(*answers, strict=True):
        same(got, want)
    with pytest.raises(ValueError):
        gobhir.distributions.ReshapeTransform((3,), (4,))
    with pytest.raises(ValueError):
        gobhir.distributions.ReshapeTransform((3,), (3, 1))(gobhir.ones(4))
