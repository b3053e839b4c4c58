"""RNN, LSTM, GRU and their cells against PyTorch: all options, states given or not, packed."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers, same
from tests.nn.states import carried, refused_alike, same_gradients, same_start

IN, H, T, B = 3, 4, 5, 3
OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"batch_first": True, "bias": False},
    {"num_layers": 2, "batch_first": True},
    {"bidirectional": True, "bias": False},
]
LAYERS = [(kind, options) for kind, options in product(("RNN", "LSTM", "GRU"), OPTIONS)]
LAYERS += [("RNN", {"nonlinearity": "relu", "num_layers": 2})]
LAYERS += [("LSTM", {"proj_size": 2}), ("LSTM", {"proj_size": 2, "bidirectional": True})]


def call(layer: Any) -> Any:
    """The layer as a function of x, h (and c) with several results."""

    def run(x: Any, *states: Any) -> Any:
        given = None if not states else states if len(states) > 1 else states[0]
        out, last = layer(x, given)
        return (out, *last) if isinstance(last, tuple) else (out, last)

    return run


def arrays(kind: str, options: dict) -> list[np.ndarray]:
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    x = numbers(2, (B, T, IN) if options.get("batch_first") else (T, B, IN))
    states = [numbers(5, (count, B, options.get("proj_size", H)))]
    return [x, *states, numbers(8, (count, B, H))] if kind == "LSTM" else [x, *states]


@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_layers(kind: str, options: dict) -> None:
    mine, theirs = same_start(lambda nn: getattr(nn, kind)(IN, H, **options))
    mine, theirs = mine.double(), theirs.double()
    carried(mine, theirs)
    x, *states = arrays(kind, options)
    check(call(mine), call(theirs), [x, *states])
    check(call(mine), call(theirs), [x], second=False)
    row = x[0] if options.get("batch_first") else x[:, 0]
    check(call(mine), call(theirs), [row, *(s[:, 0] for s in states)], second=False)
    for layer, t in ((mine, gobhir), (theirs, torch)):
        (call(layer)(t.from_numpy(x))[0] ** 2).sum().backward()
    same_gradients(mine, theirs)


@pytest.mark.parametrize(("kind", "options"), [LAYERS[1], LAYERS[6], LAYERS[7], LAYERS[-1]])
@pytest.mark.parametrize(("lengths", "ordered"), [([5, 3, 1], True), ([2, 5, 4], False)])
def test_packed(kind: str, options: dict, lengths: list, ordered: bool) -> None:
    mine, theirs = same_start(lambda nn: getattr(nn, kind)(IN, H, **options))
    mine, theirs = mine.double(), theirs.double()
    first = options.get("batch_first", False)

    def run(layer: Any, tool: Any) -> Any:
        def f(x: Any, *states: Any) -> Any:
            packed = tool.pack_padded_sequence(x, lengths, first, enforce_sorted=ordered)
            out, *last = call(layer)(packed, *states)
            padded, sizes = tool.pad_packed_sequence(out, first, -1.5, total_length=6)
            assert sizes.tolist() == lengths
            return (padded, *last, out.data)

        return f

    run_mine = run(mine, gobhir.nn.utils.rnn)
    run_theirs = run(theirs, torch.nn.utils.rnn)
    given = arrays(kind, options)
    check(run_mine, run_theirs, given)
    check(run_mine, run_theirs, given[:1], second=False)


CELLS = [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu", "bias": False})]
CELLS += [(kind, {"bias": bias}) for kind in ("LSTMCell", "GRUCell") for bias in (True, False)]


@pytest.mark.parametrize(("kind", "options"), CELLS)
def test_cells(kind: str, options: dict) -> None:
    mine, theirs = same_start(lambda nn: getattr(nn, kind)(IN, H, **options))
    mine, theirs = mine.double(), theirs.double()
    carried(mine, theirs)
    states = [numbers(5, (2, H)), numbers(8, (2, H))][: 2 if kind == "LSTMCell" else 1]

    def run(cell: Any) -> Any:
        def f(x: Any, *given: Any) -> Any:
            return cell(x, (given if len(given) > 1 else given[0]) if given else None)

        return f

    check(run(mine), run(theirs), [numbers(2, (2, IN)), *states])
    check(run(mine), run(theirs), [numbers(2, (0, IN))], second=False)
    check(run(mine), run(theirs), [numbers(2, (IN,)), *(s[0] for s in states)], second=False)


def test_dropout_between_layers_draws_pytorchs_numbers() -> None:
    mine, theirs = same_start(lambda nn: nn.LSTM(IN, H, 3, dropout=0.5))
    x = numbers(2, (T, B, IN), "float32")
    same(mine.eval()(gobhir.from_numpy(x))[0], theirs.eval()(torch.from_numpy(x))[0])
    gobhir.manual_seed(2)
    torch.manual_seed(2)
    same(mine.train()(gobhir.from_numpy(x))[0], theirs.train()(torch.from_numpy(x))[0])


def test_all_weights_and_what_flatten_parameters_does() -> None:
    layer = gobhir.nn.GRU(IN, H, 2, bidirectional=True)
    assert [[p.shape for p in group] for group in layer.all_weights][3] == [
        (3 * H, 2 * H),
        (3 * H, H),
        (3 * H,),
        (3 * H,),
    ]
    assert layer.flatten_parameters() is None
    names = torch.nn.GRU(IN, H, 2, bidirectional=True)._flat_weights_names
    assert layer._flat_weights_names == names == list(layer._parameters)


def test_dropout_without_a_second_layer_is_warned_about() -> None:
    with pytest.warns(UserWarning, match=r"0\.3"):
        gobhir.nn.GRU(IN, H, dropout=0.3)


REFUSED: dict[str, Any] = {
    "dropout": lambda t: t.nn.LSTM(IN, H, dropout=1.5),
    "dropout true": lambda t: t.nn.LSTM(IN, H, dropout=True),
    "bias": lambda t: t.nn.LSTM(IN, H, 1, 1),
    "batch_first": lambda t: t.nn.GRU(IN, H, batch_first=1),
    "sizes": lambda t: t.nn.LSTM(0, H),
    "half a size": lambda t: t.nn.LSTM(IN, 4.0),
    "layers": lambda t: t.nn.LSTM(IN, H, 0),
    "proj_size": lambda t: t.nn.LSTM(IN, H, proj_size=4),
    "proj_size negative": lambda t: t.nn.LSTM(IN, H, proj_size=-1),
    "proj_size of a GRU": lambda t: t.nn.GRU(IN, H, proj_size=1),
    "nonlinearity": lambda t: t.nn.RNN(IN, H, nonlinearity="sin"),
    "nonlinearity of a cell": lambda t: t.nn.RNNCell(IN, H, nonlinearity="sin")(t.zeros(1, IN)),
    "dims": lambda t: t.nn.LSTM(IN, H)(t.zeros(1, 1, 1, IN)),
    "features": lambda t: t.nn.LSTM(IN, H)(t.zeros(2, 2, IN + 1)),
    "dtype": lambda t: t.nn.GRU(IN, H)(t.zeros(2, 2, IN, dtype=t.float64)),
    "no steps": lambda t: t.nn.RNN(IN, H)(t.zeros(0, 2, IN)),
    "state shape": lambda t: t.nn.GRU(IN, H)(t.zeros(2, 2, IN), t.zeros(2, 2, H)),
    "state dims": lambda t: t.nn.GRU(IN, H)(t.zeros(2, 2, IN), t.zeros(2, H)),
    "state of one": lambda t: t.nn.LSTM(IN, H)(t.zeros(2, IN), (t.zeros(1, 1, H),) * 2),
    "cell dims": lambda t: t.nn.GRUCell(IN, H)(t.zeros(1, 1, IN)),
    "cell features": lambda t: t.nn.LSTMCell(IN, H)(t.zeros(2, IN + 1)),
    "cell state": lambda t: t.nn.GRUCell(IN, H)(t.zeros(2, IN), t.zeros(3, H)),
    "cell dtype": lambda t: t.nn.GRUCell(IN, H)(t.zeros(2, IN, dtype=t.float64)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])


@pytest.mark.parametrize("lstm", [gobhir.nn.LSTM(2, 3), gobhir.nn.LSTMCell(2, 3)])
def test_an_lstm_that_is_given_h_alone_asks_for_the_pair(lstm: Any) -> None:
    h = gobhir.zeros(2, 5, 3) if isinstance(lstm, gobhir.nn.LSTM) else gobhir.zeros(2, 3)
    with pytest.raises(RuntimeError, match=r"pair of tensors, \(h, c\), not from Tensor"):
        lstm(gobhir.zeros(4, 5, 2)[: h.ndim], h)


def test_a_sequence_without_a_batch_is_shown_as_it_was_given() -> None:
    with pytest.raises(RuntimeError, match=r"the input has \(5, \[2\]\)"):
        gobhir.nn.LSTM(3, 4)(gobhir.zeros(5, 2))
