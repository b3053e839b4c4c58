"""Recurrent layers, opened: gates and states as the textbook names them, and all of them the
engine's own numbers; their gradients PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.expression import indices
from gobhir.derivation.rounding import result
from gobhir.explain.opening import opened
from gobhir.explain.quantity import element
from gobhir.explain.reading import Reading
from gobhir.explain.recording import Recording, record_step
from tests.calculator import problems
from tests.explain.agreement import in_full

torch = pytest.importorskip("torch")

KINDS: dict[str, Any] = {
    "LSTM": {},
    "GRU": {},
    "RNN": {},
    "RNN, relu": {"nonlinearity": "relu"},
    "LSTM, no bias": {"bias": False},
    "LSTM, one unit": {"hidden_size": 1},
    "GRU, two layers both ways": {"num_layers": 2, "bidirectional": True},
    "LSTM, both ways": {"bidirectional": True},
    "LSTM, projected": {"hidden_size": 3, "proj_size": 2},
}


class Last(nn.Module):
    """A recurrent layer, and a linear one over what it says at the end."""

    def __init__(self, library: Any, kind: str, options: dict[str, Any]):
        super().__init__()
        sizes = {"input_size": 2, "hidden_size": 2} | options
        self.rnn = getattr(library, kind)(**sizes, batch_first=True)
        width = sizes.get("proj_size", sizes["hidden_size"])
        self.out = library.Linear(width * (1 + sizes.get("bidirectional", False)), 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.rnn(x)[0][:, -1])


class Walking(nn.Module):
    """A cell in a loop of one's own."""

    def __init__(self, cell: Any):
        super().__init__()
        self.cell, self.out = cell(2, 3), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        state = None
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
        return self.out(state[0] if isinstance(state, tuple) else state)


def step(name: str, batch: int, steps: int = 3) -> Recording:
    gobhir.manual_seed(0)
    model = in_full(Last(nn, name.split(",")[0], KINDS[name]))
    x = gobhir.randn(batch, steps, 2, dtype=gobhir.float64)
    y = gobhir.randn(batch, 1, dtype=gobhir.float64)
    return record_step(model, x, y, nn.MSELoss())


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", KINDS)
def test_what_was_opened_is_what_ran(name: str, batch: int) -> None:
    run = step(name, batch)
    inner = opened(run)
    assert inner.loss.value == pytest.approx(run.loss.value, rel=1e-15)
    fused = [r.value for r in run.tape.records if r.op.name.endswith("_step")]
    told = [cell for layer in inner.layers for cell in layer.cells]
    assert len(fused) == len(told) > 0
    results = {id(c.parts["h"].value): c for c in told}
    assert len(results) == len(told)
    ours = sorted(float(c.parts["h"].value.sum()) for c in told)
    theirs = sorted(float((v[0] if isinstance(v, tuple) else v).sum()) for v in fused)
    assert ours == pytest.approx(theirs, rel=1e-12)
    r = Reading(run, "exact")
    names = [str(layer.op) for layer in inner.layers]
    assert set(names) == {f"{name.split(',')[0].lower()}_step"}
    assert not r.unruled


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("mode", ["exact", "hand"])
@pytest.mark.parametrize("name", KINDS)
def test_its_formulas_give_its_numbers(name: str, mode: str, batch: int) -> None:
    r = Reading(step(name, batch), mode)
    checked = 0
    for q in (*r.computed, *r.pulled):
        if q.expr is None:
            continue
        for index in indices(q.shape):
            value = float(result(element(q.expr, index, q.shape), r.rounder))
            exact = float(np.asarray(q.exact)[index])
            near = 1e-9 if mode == "exact" else 0.02
            assert value == pytest.approx(exact, rel=near, abs=near / 10), q.name
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("name", [n for n in KINDS if "projected" not in n])
def test_pytorch_has_these_gradients(name: str) -> None:
    run = step(name, 2)
    r = Reading(run, "exact")
    theirs = _in_torch(name)
    state = {n: torch.tensor(p.array) for n, p in run.model.named_parameters()}
    theirs.load_state_dict(state)
    out = theirs(torch.tensor(run.x.array))
    torch.nn.functional.mse_loss(out, torch.tensor(run.y.array)).backward()  # type: ignore[union-attr]
    for n, p in run.model.named_parameters():
        there = theirs.get_parameter(n).grad.numpy()
        assert np.reshape(r.pulled_of[p].exact, p.shape) == pytest.approx(there, abs=1e-12), n


def _in_torch(name: str) -> Any:
    made = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "RNN": torch.nn.RNN}[name.split(",")[0]]
    options = KINDS[name]
    sizes = {"input_size": 2, "hidden_size": 2} | options

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = made(**sizes, batch_first=True)
            ways = 1 + bool(options.get("bidirectional"))
            self.out = torch.nn.Linear(sizes["hidden_size"] * ways, 1)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(x)[0][:, -1])

    return Theirs().double()


@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_a_cell_in_a_loop(cell: Any) -> None:
    gobhir.manual_seed(0)
    x, y = gobhir.randn(1, 4, 2), gobhir.randn(1, 1)
    page = gobhir.explain(Walking(cell), x, y, nn.MSELoss(), reference="differences")
    (layer,) = page.reading.run.layers
    assert [c.time for c in layer.cells] == [1, 2, 3, 4]
    assert "h⟨⁴⟩" in page.to_text("en")


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.slow
def test_a_calculator_gives_what_is_printed(name: str) -> None:
    gobhir.manual_seed(3)
    model = Last(nn, name, {})
    y, adam = gobhir.randn(1, 1), gobhir.optim.Adam(model.parameters(), lr=0.1)
    page = gobhir.explain(model, gobhir.randn(1, 4, 2), y, nn.MSELoss(), adam, mode="hand")
    assert problems(page.to_markdown("en"), "hand") == []


def test_the_page_tells_one_step_and_the_sum_over_time() -> None:
    gobhir.manual_seed(1)
    model = Last(nn, "LSTM", {})
    page = gobhir.explain(model, gobhir.randn(1, 4, 2), gobhir.randn(1, 1), nn.MSELoss())
    told = " ".join(page.to_text("en").split())
    assert "f⟨²⟩ ⊙ c⟨¹⟩ + i⟨²⟩ ⊙ g⟨²⟩" in told
    assert "The forget gate: how much of the old cell stays." in told
    assert "= δ⟨⁴⟩_g1h⟨³⟩₁ + δ⟨³⟩_g1h⟨²⟩₁ + δ⟨²⟩_g1h⟨¹⟩₁ + δ⟨¹⟩_g1h⟨⁰⟩₁" in told
    assert "shrinks from a size of" in told
    steps = [s for s in page.steps if s.rule.startswith("recurrent")]
    assert [s.phase for s in steps] == ["forward", "backward"]
    assert "ফরগেট গেট" in page.to_text("bn") and r"\langle 2\rangle" in page.to_markdown("bn")


def test_long_sequences_are_left_out_in_the_middle() -> None:
    gobhir.manual_seed(1)
    model = Last(nn, "GRU", {})
    page = gobhir.explain(model, gobhir.randn(1, 30, 2), gobhir.randn(1, 1), nn.MSELoss())
    told = " ".join(page.to_text("en").split())
    assert "(22 steps in the middle are left out.)" in told


class Used(nn.Module):
    """A recurrent layer of whose results only some are used."""

    def __init__(self, read: Any):
        super().__init__()
        self.rnn, self.out = nn.LSTM(2, 2, batch_first=True), nn.Linear(2, 1)
        self.read = read

    def forward(self, x: Any) -> Any:
        return self.out(self.read(self.rnn, x))


def packed(rnn: Any, x: Any) -> Any:
    sequences = nn.utils.rnn.pack_padded_sequence(x, [3, 1], batch_first=True)
    return rnn(sequences)[1][0][-1]


USES: dict[str, Any] = {
    "every step": lambda rnn, x: rnn(x)[0],
    "the last state": lambda rnn, x: rnn(x)[1][0][-1],
    "the last cell alone": lambda rnn, x: rnn(x)[1][1][-1],
    "one step's cell alone": lambda rnn, x: rnn(x[:, :1])[1][1][-1],
    "packed sequences": packed,
    "no batch": lambda rnn, x: rnn(x[0])[0],
}


@pytest.mark.parametrize("mode", ["exact", "hand"])
@pytest.mark.parametrize("use", USES)
def test_whatever_is_used_of_it(use: str, mode: str) -> None:
    gobhir.manual_seed(0)
    model = in_full(Used(USES[use]))
    x = gobhir.randn(2, 3, 2, dtype=gobhir.float64)
    page = gobhir.explain(model, x, None, lambda o: (o**2).sum(), mode=mode)
    r = page.reading
    assert not r.unruled and page.to_text("bn") and page.to_html("en")
    for q in (*r.computed, *r.pulled):
        shown, exact = (np.ravel(np.asarray(v, float)) for v in (q.sym.value, q.exact))
        assert shown == pytest.approx(exact, rel=0.02, abs=1e-3), q.name


def test_frozen_weights_get_no_blame() -> None:
    gobhir.manual_seed(0)
    model = Used(USES["every step"])
    for p in model.rnn.parameters():
        p.requires_grad = False
    x = gobhir.randn(1, 3, 2)
    page = gobhir.explain(model, x, None, lambda o: (o**2).sum(), reference="differences")
    assert [s.phase for s in page.steps if s.rule.startswith("recurrent")] == ["forward"]
