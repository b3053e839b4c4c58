"""The birth of a NaN is named: the op, the layer, the user's line."""

from __future__ import annotations

import pytest

import gobhir
from gobhir import nn
from gobhir.autograd import detect_anomaly, set_detect_anomaly


class Root(nn.Module):
    def forward(self, x: gobhir.Tensor) -> gobhir.Tensor:
        return x.sqrt() * 2  # here


def test_in_the_forward_pass() -> None:
    model = nn.Sequential(nn.Identity(), Root())
    x = gobhir.tensor([4.0, -1.0])
    assert gobhir.isnan(model(x)).tolist() == [False, True]
    with detect_anomaly(), pytest.raises(RuntimeError) as trouble:
        model(x)
    told = str(trouble.value)
    assert "'1'" in told and "sqrt" in told and "-1 … 4" in told and "# here" in told
    assert gobhir.isnan(model(x)).any()  # off again


def test_in_the_backward_pass() -> None:
    x = gobhir.zeros(2, requires_grad=True)
    (x * 0).sqrt().sum().backward()
    assert gobhir.isnan(x.grad).all()
    with detect_anomaly(), pytest.raises(RuntimeError, match="mul"):
        (x * 0).sqrt().sum().backward()


def test_switched_on_and_off() -> None:
    set_detect_anomaly(True)
    with pytest.raises(RuntimeError, match="log"):
        gobhir.tensor([-1.0]).log()
    set_detect_anomaly(False)
    assert gobhir.isnan(gobhir.tensor([-1.0]).log()).all()


def test_what_was_given_is_not_blamed() -> None:
    with detect_anomaly():
        assert gobhir.isnan(gobhir.tensor([float("nan")]) * 2).all()


class Spoilt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Sigmoid()

    def forward(self, x: gobhir.Tensor) -> gobhir.Tensor:
        y = self.act(x)  # used here
        y += 1  # changed here
        return y


@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("looking", [True, False])
def test_an_error_in_backward_says_where_the_op_ran(looking: bool, lang: str) -> None:
    x = gobhir.ones(2, requires_grad=True)
    with set_detect_anomaly(looking), pytest.raises(RuntimeError) as trouble:
        Spoilt()(x).sum().backward()  # backward here
    told = trouble.value.args[0].text(lang)
    assert "# changed here" in told and "x = x + 1" in told
    assert ("# used here" in told) is looking
    assert ("Sigmoid()" in told) is looking
    assert ("detect_anomaly" in told) is not looking
    assert str(trouble.value).endswith("# backward here")


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_the_line_behind_a_nan_in_backward(lang: str) -> None:
    x = gobhir.zeros(2, requires_grad=True)
    with set_detect_anomaly(True), pytest.raises(RuntimeError) as trouble:
        (x * 0).sqrt().sum().backward()
    assert "(x * 0).sqrt()" in trouble.value.args[0].text(lang)
    y = x.sum()
    y.backward()
    with pytest.raises(RuntimeError) as trouble:
        y.backward()
    told = trouble.value.args[0].text(lang)
    assert "retain_graph=True" in told and ".detach()" in told
