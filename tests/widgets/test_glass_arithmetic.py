"""The picture's arithmetic, run under Node, against the engine and PyTorch; its printed lines,
redone with a calculator's rules from the printed digits."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from gobhir.widgets.network import read_network
from gobhir.widgets.numbers import one_step, replay
from tests.widgets.node import ask, drawn_states

STATES = drawn_states(100, seed=4)
EXACT = {"rtol": 1e-12, "atol": 1e-15}


def close(got, want):
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(np.array(one, float), other, **EXACT)


def test_a_hundred_drawn_states_agree_with_the_engine():
    answers = ask("step", STATES)
    for state, got in zip(STATES, answers, strict=True):
        want = one_step(state)
        close(got["z"], want.z)
        close(got["a"], want.a)
        close(got["deltas"], want.deltas)
        close(got["gradients"]["weights"], want.weight_gradients)
        close(got["gradients"]["biases"], want.bias_gradients)
        np.testing.assert_allclose(got["loss"], want.loss, **EXACT)
        updated = replay(state, [["go", 1]])
        close(got["updated"]["weights"], [np.array(w) for w in updated["weights"]])
        close(got["updated"]["biases"], [np.array(b) for b in updated["biases"]])
        np.testing.assert_allclose(got["after"]["loss"], one_step(updated).loss, **EXACT)


def test_the_engine_is_not_alone_pytorch_agrees():
    torch = pytest.importorskip("torch")
    kinds = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
    for state, got in zip(STATES, ask("step", STATES), strict=True):
        of = {"dtype": torch.float64, "requires_grad": True}
        weights = [torch.tensor(w, **of) for w in state["weights"]]
        biases = [torch.tensor(b, **of) for b in state["biases"]]
        a = torch.tensor(state["x"], dtype=torch.float64)
        for w, b, kind in zip(weights, biases, state["activations"], strict=True):
            a = kinds.get(kind, lambda z: z)(torch.nn.functional.linear(a, w, b))
        loss = 0.5 * ((a - torch.tensor(state["y"], dtype=torch.float64)) ** 2).sum()
        loss.backward()
        np.testing.assert_allclose(got["loss"], loss.item(), **EXACT)
        close(got["gradients"]["weights"], [w.grad.numpy() for w in weights])
        close(got["gradients"]["biases"], [b.grad.numpy() for b in biases])


def test_the_specimen_numbers():
    (got,) = ask("step", [read_network("4-4-1")])
    assert np.round(got["a"][0], 4).tolist() == [0.5987, 0.4182, 0.5572, 0.7875]
    assert round(got["output"][0], 4) == 0.6368
    assert round(got["loss"], 4) == 0.0660
    assert np.round(got["deltas"][0], 5).tolist() == [-0.00807, 0.01431, -0.01036, -0.00422]
    assert round(got["deltas"][1][0], 5) == -0.084
    assert round(got["gradients"]["weights"][0][1][2], 5) == 0.01288
    assert round(got["updated"]["weights"][0][1][2], 5) == -0.60644
    assert round(got["after"]["loss"], 4) == 0.0573


def test_moves_mean_the_same_in_the_page_and_in_python():
    network = read_network("4-4-1")
    moves = [
        ["w2.1.2", 0.7],
        ["go", 3],
        ["x3", -0.2],
        ["b1.4", 1.5],
        ["y1", 0],
        ["lr", 2],
        ["go", 2],
    ]
    (got,) = ask("replay", [{"network": network, "moves": moves}])
    want = replay(network, moves)
    close(got["weights"], [np.array(w) for w in want["weights"]])
    close(got["biases"], [np.array(b) for b in want["biases"]])
    assert (got["x"], got["y"], got["lr"]) == (want["x"], want["y"], want["lr"])


# ---- the printed lines ----

POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = r"−?\d+(?:\.\d+)?(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"


def value(printed: str) -> float:
    """What a calculator makes of a printed number or row of numbers."""
    code = re.sub(r"·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "e" + m[1].translate(POWERS), printed)
    for sign, python in {"−": "-", "×": "*", "½": "0.5*", "²": "**2", "[": "(", "]": ")"}.items():
        code = code.replace(sign, python)
    code = code.replace("e^(", "exp(").strip()
    assert re.fullmatch(r"(?:[\d.\s()+*/,-]|e-?\d|exp|tanh|max)+", code), code
    return eval(code, {"exp": math.exp, "tanh": math.tanh, "max": max, "__builtins__": {}})


def test_every_printed_line_comes_out_on_a_calculator():
    states = [read_network("4-4-1"), *STATES[:60]]
    checked = 0
    for lines in ask("lines", states):
        for rows in (rows for of in lines.values() for rows in of):
            for result, sides in results(rows):
                digits = max(4, len(re.sub(r"·10.*|\D", "", result).lstrip("0")))
                for side in sides:
                    redone = value(side)
                    shown = float(f"{redone * (1 + 2e-13):.{digits}g}")  # halves go up
                    zero = value(result) == 0 and abs(redone) < 1e-13
                    assert zero or shown == value(result), (rows, side, result)
                    checked += 1
    assert checked > 7000


def results(rows: list[str]):
    """(printed result, the rows of numbers that must give it) for each block of rows."""
    sides = [side.strip() for row in rows for side in row.split(" = ")[1 if " = " in row else 0 :]]
    sides = [side.removeprefix("= ") for side in sides]
    named = re.compile(r"[_σ∂δηL]|(?<!ma)[xyzabŷw]\b")
    numeric = [side for side in sides if re.search(r"\d", side) and not named.search(side)]
    block: list[str] = []
    for side in numeric:
        if re.fullmatch(NUMBER, side):
            yield side, block
            block = []
        else:
            block.append(side)
