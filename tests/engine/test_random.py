"""The same seed gives the same numbers as PyTorch: to the last bit for uniform and whole
numbers, to rounding for normal ones (PyTorch's cosine is an approximation of its own)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import FLOATS, SEEDS

SIZES = st.sampled_from([(), (0,), (1,), (2,), (15,), (16,), (17,), (3, 5), (4, 4), (2, 3, 7)])
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("rand"), SIZES, FLOATS),
        st.tuples(st.just("randn"), SIZES, FLOATS),
        st.tuples(st.just("randint"), st.integers(-50, 0), st.sampled_from([1, 10, 2**28, 2**40])),
        st.tuples(st.just("randperm"), st.integers(0, 40)),
        st.tuples(st.just("uniform_"), SIZES, FLOATS),
        st.tuples(st.just("normal_"), SIZES, FLOATS),
    ),
    min_size=1,
    max_size=8,
)


def draw(t: Any, call: tuple) -> np.ndarray:
    match call:
        case ("rand" | "randn" as name, size, dtype):
            return getattr(t, name)(size, dtype=getattr(t, dtype)).numpy()
        case ("randint", low, span):
            return t.randint(low, low + span, (5,)).numpy()
        case ("randperm", n):
            return t.randperm(n).numpy()
        case ("uniform_", size, dtype):
            x = t.empty(size, dtype=getattr(t, dtype))
            return t.nn.init.uniform_(x, -0.3, 1.7).numpy()
        case ("normal_", size, dtype):
            x = t.empty(size, dtype=getattr(t, dtype))
            return t.nn.init.normal_(x, 1.5, 0.3).numpy()
    raise AssertionError(call)


@given(seed=st.one_of(SEEDS, st.integers(-(2**63), 2**64 - 1)), calls=CALLS)
@settings(max_examples=60)
def test_any_order_of_calls(seed: int, calls: list[tuple]) -> None:
    gobhir.manual_seed(seed)
    torch.manual_seed(seed)
    for call in calls:
        mine, theirs = draw(gobhir, call), draw(torch, call)
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
        if call[0] in ("randn", "normal_"):
            near = 3e-6 if mine.dtype == np.float32 else 1e-13
            np.testing.assert_allclose(mine, theirs, rtol=near, atol=near)
        else:
            np.testing.assert_array_equal(mine, theirs)


FILLED = [
    "normal_(2, 3)",
    "uniform_(-1, 2)",
    "uniform_(to=3)",
    "bernoulli_(0.3)",
    "exponential_(2.5)",
    "geometric_(0.4)",
    "log_normal_(0, 0.5)",
    "cauchy_(1, 3)",
    "random_()",
    "random_(7)",
    "random_(2, 9)",
]


@pytest.mark.parametrize("call", FILLED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_written_over_a_tensor(call: str, dtype: str) -> None:
    for size in [(), (3,), (4, 5)]:
        same_numbers(f"t.empty({size}, dtype=t.{dtype}).{call}")


DISTRIBUTIONS = [
    "t.bernoulli(t.rand(4, 5))",
    "t.rand(7, dtype=t.float64).bernoulli()",
    "t.bernoulli(t.ones(3), 0.4)",
    "t.normal(1.0, 2.0, (3, 4))",
    "t.normal(t.arange(5.0), 2.0)",
    "t.normal(0.5, t.rand(20))",
    "t.normal(t.rand(3, 1), t.rand(4))",
    "t.multinomial(t.rand(6), 4)",
    "t.multinomial(t.rand(3, 6), 9, replacement=True)",
    "t.rand(6).multinomial(1)",
    "t.poisson(t.rand(9) * 30)",
    "t.randint(5, (4,))",
    "t.randint(low=2, high=5, size=(3,))",
    "t.randint_like(t.rand(3), -3, 4)",
    "t.randint_like(t.rand(3), high=4)",
    "t.empty(4, dtype=t.uint8).random_()",
    "t.empty(4, dtype=t.bool).bernoulli_()",
    "t.empty(3, 4).bernoulli_(t.rand(4))",
]


@pytest.mark.parametrize("code", DISTRIBUTIONS)
def test_distributions(code: str) -> None:
    same_numbers(code)


def same_numbers(code: str) -> None:
    """The same numbers, and the stream stands at the same place afterwards."""
    got = []
    for t in (gobhir, torch):
        t.manual_seed(11)
        got.append((eval(code, {"t": t}), t.rand(1).item()))
    (mine, after), (theirs, after_theirs) = got
    assert f"torch.{mine.dtype.name}" == str(theirs.dtype) and after == after_theirs
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=2e-5, atol=1e-6)


def test_written_under_autograd() -> None:
    for t in (gobhir, torch):
        w = t.ones(3, requires_grad=True)
        x = w * 2
        x.normal_()
        x.sum().backward()
        assert w.grad.tolist() == [0, 0, 0]
        with pytest.raises(RuntimeError):
            w.uniform_()


def test_a_fork_leaves_the_stream_as_it_was() -> None:
    gobhir.manual_seed(1)
    want = gobhir.rand(2).tolist()
    gobhir.manual_seed(1)
    with gobhir.random.fork_rng():
        gobhir.rand(100)
    assert gobhir.rand(2).tolist() == want


@pytest.mark.parametrize("seed", [0, 1, 42, 2024])
def test_a_network_starts_from_the_same_weights(seed: int) -> None:
    networks = []
    for t in (gobhir, torch):
        t.manual_seed(seed)
        networks.append(t.nn.Sequential(t.nn.Linear(4, 3), t.nn.Tanh(), t.nn.Linear(3, 20)))
    mine, theirs = (n.state_dict() for n in networks)
    assert list(mine) == list(theirs)
    for name in mine:
        np.testing.assert_array_equal(mine[name].numpy(), theirs[name].numpy())


INITIALISERS = {
    "xavier_uniform_": {},
    "xavier_normal_": {"gain": 2.0},
    "kaiming_uniform_": {"nonlinearity": "relu"},
    "kaiming_normal_": {"mode": "fan_out", "a": 0.1},
    "uniform_": {"a": -2.0, "b": 3.0},
    "normal_": {"mean": 1.0, "std": 0.1},
    "constant_": {"val": 0.25},
    "zeros_": {},
    "ones_": {},
    "eye_": {},
}


@pytest.mark.parametrize("name", INITIALISERS)
@pytest.mark.parametrize("shape", [(3, 4), (6, 5)])
def test_initialisers(name: str, shape: tuple) -> None:
    got = []
    for t in (gobhir, torch):
        t.manual_seed(7)
        x = t.empty(shape, requires_grad=True)
        assert getattr(t.nn.init, name)(x, **INITIALISERS[name]) is x
        got.append(x.detach().numpy())
    np.testing.assert_allclose(got[0], got[1], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"])
def test_gain(name: str) -> None:
    assert gobhir.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)


def test_a_generator_of_ones_own() -> None:
    for dtype in ("float32", "float64"):
        mine, theirs = (t.Generator().manual_seed(5) for t in (gobhir, torch))
        a = gobhir.rand(3, generator=mine, dtype=getattr(gobhir, dtype))
        b = torch.rand(3, generator=theirs, dtype=getattr(torch, dtype))
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_the_stream_can_be_put_back() -> None:
    gobhir.manual_seed(3)
    gobhir.randn(3)  # leaves one normal number for later
    state = gobhir.get_rng_state()
    first = gobhir.randn(20).tolist() + gobhir.randn(3).tolist()
    gobhir.set_rng_state(state)
    assert gobhir.randn(20).tolist() + gobhir.randn(3).tolist() == first


def test_without_a_seed_runs_differ() -> None:
    assert gobhir.Generator().initial_seed() != gobhir.Generator().initial_seed()
    seed = gobhir.seed()
    assert gobhir.initial_seed() == seed
    a = gobhir.rand(3)
    gobhir.manual_seed(seed)
    assert gobhir.equal(a, gobhir.rand(3))


def test_like() -> None:
    like = gobhir.zeros(2, 3, dtype=gobhir.float64)
    for t in (gobhir.rand_like(like), gobhir.randn_like(like)):
        assert t.shape == (2, 3) and t.dtype == gobhir.float64
    assert gobhir.randn_like(like, dtype=gobhir.float32).dtype == gobhir.float32


def test_what_cannot_be_drawn() -> None:
    for wrong in (
        lambda t: t.randint(3, 3, (2,)),
        lambda t: t.rand(2, dtype=t.int64),
        lambda t: t.manual_seed(2**64),
        lambda t: t.nn.init.normal_(t.empty(2), 0, -1),
        lambda t: t.empty(2).uniform_(2, 1),
        lambda t: t.empty(2).exponential_(-1),
        lambda t: t.empty(2, dtype=t.int64).normal_(),
        lambda t: t.empty(2).bernoulli_(2),
        lambda t: t.bernoulli(t.tensor([1.5])),
        lambda t: t.multinomial(t.tensor([-1.0, 2.0]), 1),
        lambda t: t.multinomial(t.tensor([1.0, 2.0]), 3),
        lambda t: t.normal(0.0, -1.0, (2,)),
        lambda t: t.poisson(t.tensor([-1.0])),
        lambda t: t.randint(-3, 3, (2,), dtype=t.uint8),
        lambda t: t.randperm(-1),
    ):
        for t in (torch, gobhir):
            with pytest.raises((RuntimeError, ValueError)):
                wrong(t)


LYING = [
    lambda t: t.zeros(5, 7).t(),
    lambda t: t.zeros(3, 4, 5).permute(2, 0, 1),
    lambda t: t.zeros(6, 8)[:, ::2],
    lambda t: t.zeros(2, 3).t(),
]


@pytest.mark.parametrize("lying", LYING)
@pytest.mark.parametrize(
    "fill",
    [
        lambda t, x: x.uniform_(),
        lambda t, x: x.normal_(1.0, 2.0),
        lambda t, x: x.bernoulli_(0.3),
        lambda t, x: x.random_(10),
        lambda t, x: t.randn_like(x),
        lambda t, x: t.rand_like(x),
    ],
)
def test_numbers_come_in_the_order_of_memory(lying: Any, fill: Any) -> None:
    drawn = []
    for t in (gobhir, torch):
        t.manual_seed(5)
        drawn += [fill(t, lying(t)).numpy(), t.rand(1).numpy()]
    np.testing.assert_allclose(drawn[0], drawn[2], rtol=1e-6)
    np.testing.assert_array_equal(drawn[1], drawn[3])


@pytest.mark.parametrize("n", [0, 1, 2, 1437, 1 << 16, (1 << 16) + 1])
def test_long_shuffles_are_pytorchs(n: int) -> None:
    torch.manual_seed(7)
    gobhir.manual_seed(7)
    np.testing.assert_array_equal(gobhir.randperm(n).numpy(), torch.randperm(n).numpy())
    np.testing.assert_array_equal(gobhir.rand(3).numpy(), torch.rand(3).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binomial_draws_pytorchs_numbers(dtype: str) -> None:
    counts = np.array([10, 5, 100, 100, 1000, 50, 0, 7, 7, -1, 3], dtype)
    chances = np.array([0.3, 0.8, 0.3, 0.7, 0.02, 0.5, 0.5, 0, 1, 0.5, 1.5], dtype)
    drawn = []
    for t in (gobhir, torch):
        t.manual_seed(3)
        n = t.from_numpy(np.repeat(counts, 60))
        drawn.append(t.binomial(n, t.from_numpy(np.repeat(chances, 60))).numpy())
        again = t.binomial(t.ones(1, 3) * 4, t.ones(3) * 0.5, generator=t.Generator())
        assert again.shape == (1, 3)
        for wrong in (t.tensor([4]), t.ones(1).double()):
            with pytest.raises((ValueError, RuntimeError)):
                t.binomial(wrong, t.ones(1))
    np.testing.assert_array_equal(*drawn)
