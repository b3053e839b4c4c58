"""The card of every op: in both languages, with an example whose numbers are PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir import nn
from gobhir.engine import OPS
from gobhir.explain.cards.card import _DONE_BY, card
from gobhir.lang import catalogue

SHIPPED = sorted(n for n, op in OPS.items() if op.__module__.startswith("gobhir."))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_op_has_a_card(name: str) -> None:
    found = card(name)
    assert found.example is not None, "no usual numbers do: give the op an `example`"
    for lang in ("bn", "en"):
        told = found.to_text(lang)
        assert told.startswith(name) and f"class {OPS[name].__name__}(" in told
    assert found.to_text("bn") != found.to_text("en")
    if OPS[name].pullbacks and found.example.cotangent is not None:
        assert found.example.grads


def test_the_numbers_are_pytorchs() -> None:
    e = card("sigmoid").example
    assert e is not None
    z = torch.tensor(e.inputs[0], requires_grad=True)
    a = torch.sigmoid(z)
    a.backward(torch.tensor(e.cotangent))
    np.testing.assert_allclose(e.value, a.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(e.grads["z"], z.grad.numpy(), rtol=1e-12)


def test_what_stands_on_the_card_of_sigmoid() -> None:
    told = card("sigmoid").to_text("en")
    for part in ("a = 1/(1 + e^(−z))", "∂a/∂z = a(1 − a)", "0.6225", "ops/activations.py, line "):
        assert part in told
    assert "ঢাল" in card("sigmoid").to_text("bn")


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("linear", ": x (..., in), W (out, in), b (out) → z (..., out)"),  # as its docstring says
        ("mse_loss", ": p (...), y (...) → L ()"),  # L's from what all losses have in common
        ("cross_entropy_loss", " in the example: z (2, 3), y (2,) → L ()"),
        ("sigmoid", ": any; the result has the same."),
        ("add", ": any that broadcast; the result has the common one."),
    ],
)
def test_the_shapes_stand_on_the_card(name: str, shapes: str) -> None:
    assert f"Shapes{shapes}\n" in card(name).to_text("en")


def test_an_unknown_op_is_told_its_neighbours() -> None:
    with pytest.raises(ValueError, match="Did you mean: sigmoid"):
        card("sigmod")
    with pytest.raises(ValueError, match="no op 'dense'. All of them"):
        card("dense")


@pytest.mark.parametrize(
    ("name", "called", "file"),
    [
        ("cdist", "gobhir.cdist", "functions/norms.py"),
        ("Adam", "gobhir.optim.Adam", "optim/adam.py"),
        ("nn.MultiheadAttention", "gobhir.nn.MultiheadAttention", "nn/attention.py"),
    ],
)
def test_what_is_written_with_ops_is_told_its_place(name: str, called: str, file: str) -> None:
    with pytest.raises(ValueError, match=f"How {called} works is written in .*{file}, line [1-9]"):
        card(name)


def test_a_card_keeps_to_the_width_of_its_terminal() -> None:
    told = card("mse_loss").to_text("en", width=40)
    assert max(len(line) for line in told.split("\n") if not line.startswith(" ")) <= 40


def test_the_matrix_l_is_not_the_loss() -> None:
    told = card("cholesky").to_text("en")
    assert "∂loss/∂L" in told and "∂L/∂L" not in told


def test_the_gates_of_a_recurrent_step_stand_on_its_card() -> None:
    told = card("lstm_step").to_text("en")
    for gate in "ifgo":
        assert f"\n    {gate} = " in told
    layer = card("lstm_layer").to_text("en").split("In the code")[0]
    assert "c_last" in layer and "[3]" not in layer  # what the pullback remembers is not shown


@pytest.mark.parametrize("name", [n for n in SHIPPED if OPS[n].back])
def test_the_textbooks_gradient_is_the_ops_own(name: str) -> None:
    op, e = OPS[name], card(name).example
    assert e is not None and set(op.back) == set(op.pullbacks)
    names = dict(zip(op.inputs, e.inputs, strict=True))
    names |= {op.result: e.value, "d": e.cotangent, "inv": np.linalg.inv, "exp": np.exp}
    names["sum"] = lambda a: a.sum(0)
    for wanted, formula in op.back.items():
        got = eval(formula, {"__builtins__": {}}, names)
        np.testing.assert_allclose(got, e.grads[wanted], atol=1e-12)


def test_a_name_in_pytorchs_spelling_finds_its_op() -> None:
    for asked, found in {
        "matmul": "mat_mul",
        "conv2d": "conv",
        "nn.MSELoss": "mse_loss",
        "F.cross_entropy": "cross_entropy_loss",
        "logsumexp": "log_sum_exp",
        "atan2": "atan2",
        "Tensor.view": "reshape",
        "nn.LSTM": "lstm_layer",
        "unsqueeze": "reshape",
        "clip": "clamp",
        "absolute": "abs",
    }.items():
        assert card(asked).op.name == found


CALLS: dict[str, Any] = {
    "view": lambda x: x.view(4),
    "flatten": lambda x: x.flatten(),
    "squeeze": lambda x: x.view(2, 1, 2).squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "transpose": lambda x: x.transpose(0, 1),
    "movedim": lambda x: x.movedim(0, 1),
    "broadcastto": lambda x: x.broadcast_to((3, 2, 2)),
    "concat": lambda x: gobhir.concat([x, x]),
    "pad": lambda x: nn.functional.pad(x, (1, 1)),
    "bmm": lambda x: x[None].bmm(x[None]),
    "dot": lambda x: x[0].dot(x[1]),
    "square": lambda x: x.square(),
    "gather": lambda x: x.gather(1, gobhir.tensor([[0], [1]])),
    "indexselect": lambda x: x.index_select(0, gobhir.tensor([0])),
    "maskedfill": lambda x: x.masked_fill(x > 2, 0.0),
    "scaleddotproductattention": lambda x: nn.functional.scaled_dot_product_attention(x, x, x),
    "interpolate": lambda x: nn.functional.interpolate(x[None, None], scale_factor=2),
    "lstm": lambda x: nn.LSTM(2, 2)(x)[0],
    "lstmcell": lambda x: nn.LSTMCell(2, 2)(x)[0],
    "gru": lambda x: nn.GRU(2, 2)(x)[0],
    "grucell": lambda x: nn.GRUCell(2, 2)(x),
    "rnn": lambda x: nn.RNN(2, 2)(x)[0],
    "rnncell": lambda x: nn.RNNCell(2, 2)(x),
    "einsum": lambda x: gobhir.einsum("ij,jk->ik", x, x),
    "relu6": lambda x: nn.functional.relu6(x),
    "binarycrossentropy": lambda x: nn.functional.binary_cross_entropy(x, x.detach()),
    "binarycrossentropywithlogits": lambda x: nn.functional.binary_cross_entropy_with_logits(x, x),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_op_shows_the_op_that_does_its_work(name: str) -> None:
    node, ran = CALLS[name](gobhir.ones(2, 2, requires_grad=True)).grad_fn, []
    while node is not None:
        ran.append(node.name().removesuffix("Backward0"))
        node = next((n for n, _ in node.next_functions if n is not None), None)
    assert OPS[_DONE_BY[name]].__name__ in ran


def test_every_op_that_does_anothers_work_is_there() -> None:
    assert not [op for op in _DONE_BY.values() if op not in OPS]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_example_is_one_a_teacher_would_give(name: str) -> None:
    told = card(name).to_text("en")
    for garbled in ("-0.,", "-0. ", "e+1", "array(", "<class", "-92233720"):
        assert garbled not in told.split("In the code")[0]


def test_every_sentence_of_its_own_belongs_to_an_op() -> None:
    own = [key.removeprefix("rules.op.") for key in catalogue("en") if key.startswith("rules.op.")]
    assert own and not [name for name in own if name not in OPS]
