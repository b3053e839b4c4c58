"""Recurrent layers in one op do what the steps do, and the steps do what their formulas say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir.engine import OPS
from gobhir.engine.ops import recurrent, recurrent_layers
from tests.engine.parity import check, numbers

T, B, IN, H = 3, 2, 4, 5
KINDS: dict[str, tuple[Any, Any, int, int]] = {
    # step, layer, gates, states
    "tanh": (recurrent.tanh_step, recurrent_layers.rnn_layer, 1, 1),
    "relu": (
        recurrent.relu_step,
        lambda *inputs, **o: recurrent_layers.rnn_layer(*inputs, relu=True, **o),
        1,
        1,
    ),
    "lstm": (recurrent.lstm_step, recurrent_layers.lstm_layer, 4, 2),
    "gru": (recurrent.gru_step, recurrent_layers.gru_layer, 3, 1),
}


def inputs_of(kind: str, batch: int = B, steps: int = T) -> list[np.ndarray]:
    """x, the first states, and the weights."""
    gates, states = KINDS[kind][2:]
    shapes = [(steps, batch, IN), *[(batch, H)] * states]
    shapes += [(gates * H, IN), (gates * H, H), (gates * H,), (gates * H,)]
    return [numbers(3 * i + 2, shape, low=-1, high=1) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("batch", "steps"), [(2, 3), (1, 1), (0, 2)])
def test_a_layer_is_its_steps(kind: str, reverse: bool, batch: int, steps: int) -> None:
    step, layer, _, states = KINDS[kind]
    k = 1 + states
    arrays = inputs_of(kind, batch, steps)

    def results(fused: bool) -> tuple[list[Any], list[Any]]:
        inputs = [gobhir.from_numpy(a.copy()).requires_grad_() for a in arrays]
        if fused:
            out = layer(*inputs, reverse=reverse)[:k]
        else:
            out = recurrent.walk(step, inputs[0], inputs[1:k], inputs[k:], reverse)
        weighed = [(o * gobhir.from_numpy(numbers(7, o.shape))).sum() for o in out]
        total = sum(weighed[1:], weighed[0])
        first = gobhir.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
        squares = [(g * g).sum() for g in first if g is not None]
        second = gobhir.autograd.grad(sum(squares[1:], squares[0]), inputs, allow_unused=True)
        return list(out), [*first, *second]

    for mine, simple in zip(results(True), results(False), strict=True):
        for a, b in zip(mine, simple, strict=True):
            np.testing.assert_allclose(shown(a), shown(b), 1e-9, 1e-12)


def shown(t: Any) -> np.ndarray:
    """The numbers; a gradient that is 0 everywhere may be left out."""
    return np.zeros(()) if t is None else t.detach().numpy()


@pytest.mark.parametrize("kind", ["lstm", "gru", "tanh"])
def test_layers_without_bias_and_without_gradient_for_the_input(kind: str) -> None:
    step, layer, _, states = KINDS[kind]
    arrays = inputs_of(kind)[:-2]
    grads = []
    for fused in (True, False):
        inputs = [gobhir.from_numpy(a.copy()).requires_grad_(i > 0) for i, a in enumerate(arrays)]
        k = 1 + states
        if fused:
            out = layer(*inputs, None, None, learn_x=False)
        else:
            out = recurrent.walk(step, inputs[0], inputs[1:k], [*inputs[k:], None, None])
        (out[0] * out[0]).sum().backward()
        grads.append([t.grad for t in inputs])
    assert grads[0][0] is None
    for a, b in zip(grads[0][1:], grads[1][1:], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-9)


@pytest.mark.parametrize(("name", "kind"), [("lstm_step", "lstm"), ("gru_step", "gru")])
def test_a_step_is_its_formula(name: str, kind: str) -> None:
    """Each gate by its own formula, one after the other, then the formula of the step."""
    op = OPS[name]
    x, *states, W_ih, W_hh, b_ih, b_hh = inputs_of(kind)
    x, states = x[0].T, [s.T for s in states]
    words: dict[str, Any] = {"tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    words |= {"x": x, "h": states[0], "c": states[-1]}
    for k, gate in enumerate(op.gates):
        rows = slice(k * H, (k + 1) * H)
        words |= {f"W_i{gate}": W_ih[rows], f"W_h{gate}": W_hh[rows]}
        words |= {f"b_i{gate}": b_ih[rows, None], f"b_h{gate}": b_hh[rows, None]}
    for gate, formula in op.gates.items():
        words[gate] = eval(formula, {"__builtins__": {}}, words)
    want = eval(op.formula, {"__builtins__": {}}, words)
    got = op.forward(x.T, *(s.T for s in states), W_ih, W_hh, b_ih, b_hh)[0]
    np.testing.assert_allclose(got.T, want, rtol=1e-12)


def test_one_tensor_in_two_places() -> None:
    """The same tensor as h and as c receives the gradients of both, in second derivatives too."""
    import torch

    x, h, *_ = inputs_of("lstm")
    torch.manual_seed(1)
    theirs = torch.nn.LSTM(IN, H).double()
    mine = gobhir.nn.LSTM(IN, H).double()
    mine.load_state_dict({k: gobhir.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    check(
        lambda x, h: mine(x, (h, h))[0],
        lambda x, h: theirs(x, (h, h))[0],
        [x, h[None]],
    )


def test_a_tape_shows_the_steps() -> None:
    layer = gobhir.nn.LSTM(IN, H)
    x = gobhir.rand(T, B, IN)
    whole = layer(x)[0]
    with gobhir.engine.Tape() as tape:
        stepwise = layer(x)[0]
    assert [r.op.name for r in tape.records].count("lstm_step") == T
    np.testing.assert_allclose(whole.detach().numpy(), stepwise.detach().numpy(), atol=1e-6)
