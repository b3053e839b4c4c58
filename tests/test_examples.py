"""The house examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gobhir import examples
from gobhir.examples import ACTIVATIONS, LOSSES, network


def test_the_house_network_is_the_specimens():
    e = network("4-4-1")
    assert [p.numel() for p in e.model.parameters()] == [16, 4, 4, 1]
    assert e.x.tolist() == [0.5, 0.1, 0.9, 0.3] and e.y.tolist() == [1.0]
    assert e.model[0].weight.tolist()[1] == [0.7, 0.3, -0.6, 0.1]
    assert e.model(e.x).item() == pytest.approx(0.6368190841, abs=1e-9)
    assert e.optimizer.param_groups[0]["lr"] == 0.5


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(LOSSES)),
    st.integers(1, 3),
    st.integers(0, 1000),
)
def test_any_sizes_make_a_network_that_learns(counts, activation, loss, batch, seed):
    if loss == "bce" and activation != "sigmoid":
        activation = "sigmoid"
    sizes = "-".join(map(str, counts))
    e = network(sizes, activation=activation, loss=loss, batch=batch, seed=seed)
    value = e.loss(e.model(e.x), e.y)
    value.backward()
    assert value.numel() == 1 and np.isfinite(value.item())
    same = network(sizes, activation=activation, loss=loss, batch=batch, seed=seed)
    assert same.model(same.x).tolist() == e.model(e.x).tolist()


def test_your_own_numbers_take_the_place_of_the_drawn_ones():
    e = network("2-1", x=[0.25, -4], y=[0.5], lr=0.01, batch=1)
    assert e.x.tolist() == [0.25, -4.0] and e.y.tolist() == [0.5]
    assert e.optimizer.param_groups[0]["lr"] == 0.01


def test_half_squared_error_averages_over_examples_and_sums_over_outputs():
    p, y = examples.tensor([[1.0, 2.0], [3.0, 5.0]]), examples.tensor([[0.0, 0.0], [0.0, 0.0]])
    assert examples.half_squared_error(p, y).item() == pytest.approx((0.5 + 2 + 4.5 + 12.5) / 2)


def test_the_house_network_with_one_class() -> None:
    e = network("4-4-1", loss="cross_entropy")
    assert e.y.item() == 0 and e.loss(e.model(e.x), e.y).item() == 0.0
