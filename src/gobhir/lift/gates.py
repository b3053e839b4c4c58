"""The gates of LSTM and GRU layers and cells, computed beside them: they themselves show only h.

Formulas: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and GRU.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

EXAMPLES, STEPS = 8, 32
"""So much of a batch is looked at: a layer's gates are open or shut alike over a batch."""

LSTM = ("input", "forget", "cell", "output")
GRU = ("reset", "update", "new")


def gates(
    module: Any, x: Any, numbers: Callable[[Any], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """(layer and gate, values) of an LSTM or GRU that starts from h = 0.

    module: with PyTorch's names of settings and weights. x: its input, (time, batch, features)
    or (batch, time, features), as batch_first says, or without the batch. numbers: what gives a
    tensor's array. Values: (time, batch, hidden).
    """
    x = numbers(x)
    if x.ndim == 2:
        x = x[:, None]
    elif module.batch_first:
        x = x.swapaxes(0, 1)
    x = x[:STEPS, :EXAMPLES]
    run, names = (_lstm, LSTM) if type(module).__name__ == "LSTM" else (_gru, GRU)
    for k in range(module.num_layers):
        both = []
        for way in ("", "_reverse")[: 1 + module.bidirectional]:
            kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            weights = [getattr(module, f"{kind}_l{k}{way}", None) for kind in kinds]
            arrays = [0.0 if w is None else numbers(w) for w in weights]
            h, values = run(x[::-1] if way else x, *arrays)
            both.append(h[::-1] if way else h)
            yield from ((f"l{k}{way}.{n}", v) for n, v in zip(names, values, strict=True))
        x = np.concatenate(both, -1)


def cell_gates(
    module: Any, args: Any, numbers: Callable[[Any], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """(gate, values (batch, hidden)) of one call of an LSTMCell or GRUCell. args: what it was
    called with: the input (batch, features) or (features,), and perhaps the state before."""
    x = np.atleast_2d(numbers(args[0]))[:EXAMPLES]
    state = args[1] if len(args) > 1 else None
    h = state[0] if isinstance(state, (tuple, list)) else state
    before = 0.0 if h is None else np.atleast_2d(numbers(h))[:EXAMPLES]
    weights = (module.weight_ih, module.weight_hh, module.bias_ih, module.bias_hh)
    w, u, b, c = (0.0 if p is None else numbers(p) for p in weights)
    run, names = (_lstm, LSTM) if type(module).__name__ == "LSTMCell" else (_gru, GRU)
    _, values = run(x[None], w, u, b, c, before)
    yield from ((n, v[0]) for n, v in zip(names, values, strict=True))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 0.5 * np.tanh(0.5 * z) + 0.5


def _lstm(
    x: np.ndarray, w: Any, u: Any, b: Any, c: Any, before: Any = 0.0
) -> tuple[np.ndarray, list[np.ndarray]]:
    given = x @ w.T + b + c
    cell = np.zeros((x.shape[1], u.shape[1]), x.dtype)
    h = cell + before
    out, seen = [], []
    for z in given:
        i, f, g, o = np.split(z + h @ u.T, 4, -1)
        opened = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        cell = opened[1] * cell + opened[0] * opened[2]
        h = opened[3] * np.tanh(cell)
        out.append(h)
        seen.append(opened)
    return np.stack(out), [np.stack(v) for v in zip(*seen, strict=True)]


def _gru(
    x: np.ndarray, w: Any, u: Any, b: Any, c: Any, before: Any = 0.0
) -> tuple[np.ndarray, list[np.ndarray]]:
    given = x @ w.T + b
    h = np.zeros((x.shape[1], u.shape[1]), x.dtype) + before
    out, seen = [], []
    for z in given:
        (zr, zu, zn), (hr, hu, hn) = (np.split(part, 3, -1) for part in (z, h @ u.T + c))
        reset, update = _sigmoid(zr + hr), _sigmoid(zu + hu)
        new = np.tanh(zn + reset * hn)
        h = (1 - update) * new + update * h
        out.append(h)
        seen.append((reset, update, new))
    return np.stack(out), [np.stack(v) for v in zip(*seen, strict=True)]
