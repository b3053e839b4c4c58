"""The picture of a network that branches: the right boxes and wires, numbers that can be asked, and
nothing drawn over anything else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

import gobhir
from gobhir.explain.explanation import Explanation
from gobhir.studio import graph as module
from gobhir.studio.graph import graph
from gobhir.studio.rows import LANE, places


class Branching(nn.Module):
    """Two inputs, a residual sum, a layer that is used twice, two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.twice = nn.Linear(3, 4), nn.Linear(2, 4), nn.Linear(4, 4)
        self.price, self.kind = nn.Linear(4, 1), nn.Linear(4, 3)

    def forward(self, x: Any, u: Any) -> Any:
        h = torch.tanh(self.left(x)) + self.right(u)
        h = h + self.twice(torch.relu(self.twice(h)))
        return self.price(h), self.kind(h)


def explained(model: nn.Module, *given: Any, loss: Any) -> Explanation:
    with gobhir.watch() as watch:
        loss(model(*given)).backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    return watch.explain(1)


@pytest.fixture(scope="module")
def page() -> Explanation:
    torch.manual_seed(0)
    y, kind = torch.randn(4, 1), torch.tensor([0, 2, 1, 1])

    def loss(heads: Any) -> Any:
        return F.mse_loss(heads[0], y) + 0.5 * F.cross_entropy(heads[1], kind)

    return explained(Branching(), torch.randn(4, 3), torch.randn(4, 2), loss=loss)


WIRES = """
x left, left tanh, tanh add, given right, right add, add twice, twice relu, relu twice_2,
twice_2 add_2, add add_2, add_2 price, add_2 kind, price mse_loss, y mse_loss,
kind cross_entropy_loss, given_2 cross_entropy_loss, cross_entropy_loss mul, mse_loss loss, mul loss
"""


def test_boxes_and_wires_are_those_of_the_program(page: Explanation) -> None:
    drawn = graph(page)
    assert drawn is not None
    at = {(n["x"], n["row"]): n["name"] for n in drawn["nodes"]}
    assert len(at) == len(drawn["nodes"])
    found = {(at[tuple(wire[0])], at[tuple(wire[-1])]) for wire in drawn["wires"]}
    assert found == {tuple(pair.split()) for pair in WIRES.split(",")}
    kinds = {n["name"]: (n["kind"], n["op"]) for n in drawn["nodes"]}
    assert kinds["left"] == ("layer", "Linear") and kinds["add"] == ("op", "add")
    assert kinds["given"][0] == "input" and kinds["loss"][0] == "loss"


def test_every_number_of_a_box_is_what_why_says_of_it(page: Explanation) -> None:
    asked = 0
    for node in (graph(page) or {})["nodes"]:
        numbers = [(name, value) for name, value, _ in node["numbers"]]
        numbers += [(f"{n}.value{at}", value) for n, at, _, value, _ in node["weights"]]
        for name, value in numbers:
            found = page.trace.find(name)
            assert float(page.trace.value(found.node)[found.index]) == pytest.approx(
                value, rel=1e-5
            )
            assert page.why(name, 1).steps
            asked += 1
        for n, at, _, _, slope in node["weights"]:
            found = page.trace.find(f"{n}{at}")
            gradient = page.trace.gradient(found.node)
            assert gradient is not None and slope == pytest.approx(gradient[found.index], rel=1e-5)
    assert asked > 40


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(x)[0][:, -1])


def test_an_lstm_is_one_box_and_its_zeros_are_no_input() -> None:
    torch.manual_seed(0)
    drawn = graph(explained(Reader(), torch.randn(2, 4, 2), loss=lambda out: out.square().mean()))
    assert drawn is not None
    assert [n["name"] for n in drawn["nodes"] if n["kind"] in ("input", "layer")] == [
        "x",
        "rnn",
        "out",
    ]
    rnn = drawn["nodes"][1]
    assert (rnn["op"], rnn["shape"]) == ("LSTM", [2, 4, 3]) and len(rnn["weights"]) == 4


def test_a_large_network_is_drawn_by_its_parts_or_not_at_all(
    page: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = [nn.Sequential(*[nn.Tanh() for _ in range(9)]) for _ in range(6)]
    deep = nn.Sequential(nn.Linear(2, 2), *blocks)
    drawn = graph(explained(deep, torch.randn(3, 2), loss=lambda out: out.mean()))
    assert drawn is not None
    assert [n["name"] for n in drawn["nodes"]][1:4] == ["0", "1", "2"]
    assert drawn["nodes"][2]["op"] == "Sequential"
    monkeypatch.setattr(module, "MOST_BOXES", 5)
    assert graph(page) is None


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 12))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = {(min(pair), max(pair)) for pair in draw(st.lists(pairs, max_size=20))}
    return count, sorted((a, b) for a, b in edges if a != b)


@given(graphs())
def test_nothing_is_drawn_over_anything_else(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = drawn
    found = places(count, edges)
    lanes = [place for wire in found.wires for place in wire[1:-1]]
    everything = [(x, row, 1.0) for x, row in found.node] + [(x, row, LANE) for x, row in lanes]
    for x, row, room in everything:
        assert x - room / 2 >= -1e-6 and x + room / 2 <= found.width + 1e-6
        for other, same, wide in everything:
            if (x, row) != (other, same) and row == same:
                assert abs(x - other) >= (room + wide) / 2 - 2e-3
    assert len({(x, row) for x, row, _ in everything}) == len(everything)
    for (a, b), wire in zip(edges, found.wires, strict=True):
        assert (wire[0], wire[-1]) == (found.node[a], found.node[b])
        rows = [row for _, row in wire]
        assert rows == list(range(rows[0], rows[-1] + 1)) and len(rows) > 1
