"""What the glass network can draw, as plain data that JSON can carry."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from gobhir import examples
from gobhir.lang import say

LIMIT = 100.0  # of every number that can be set
FASTEST = 10.0  # learning rate
MOST_LAYERS = 3
MOST_NEURONS = 6
MOST_UPDATES = 2000
MOST_MOVES = 200
ACTIVATIONS = {"Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "Identity": "identity"}


def read_network(
    example: str | Any = "4-4-1",
    x: Sequence[float] | None = None,
    y: Sequence[float] | None = None,
    lr: float | None = None,
) -> dict[str, Any]:
    """The network as the picture keeps it: weights [layer][to][from], biases [layer][to],
    activations [layer], x, y, lr.

    example: the name of a network of gobhir.examples, or a Sequential of Linear layers and
    activations (gobhir's or PyTorch's). A Sequential starts from x = 0.5 and y = 1 everywhere,
    where x and y do not say otherwise. ValueError for what cannot be drawn.
    """
    if isinstance(example, str):
        # A network as large as these can be read; the larger ones are refused without being made.
        sizes = [int(n) for n in re.findall(r"\d{1,6}", example)]
        _check_sizes(sizes, example)
        made = examples.network(example)
        model, given_x, given_y = made.model, made.x.tolist(), made.y.tolist()
        given_lr = float(made.optimizer.param_groups[0]["lr"])
        layers = _layers(model)
    else:
        layers = _layers(example)
        given_x = [0.5] * len(layers[0][0][0])
        given_y = [1.0] * len(layers[-1][0])
        given_lr = examples.LEARNING_RATE
    weights = [layer[0] for layer in layers]
    sizes = [len(weights[0][0]), *map(len, weights)]
    _check_sizes(sizes, "-".join(map(str, sizes)))
    for k, (matrix, bias, _) in enumerate(layers):
        _numbers(f"W{k + 1}", [w for row in matrix for w in row])
        _numbers(f"b{k + 1}", bias)
    return {
        "weights": weights,
        "biases": [layer[1] for layer in layers],
        "activations": [layer[2] for layer in layers],
        "x": _numbers("x", given_x if x is None else x, sizes[0]),
        "y": _numbers("y", given_y if y is None else y, sizes[-1]),
        "lr": _numbers("lr", [given_lr if lr is None else lr], low=0.0, high=FASTEST)[0],
    }


def _layers(model: Any) -> list[tuple[list[list[float]], list[float], str]]:
    """(weights, biases, activation) of each Linear layer."""
    found: list[tuple[list[list[float]], list[float], str]] = []
    awaits = False
    known = ", ".join(ACTIVATIONS)
    try:
        modules = list(model)
    except TypeError:
        modules = [model]
    for module in modules:
        name = type(module).__name__
        if name == "Linear" and module.bias is not None:
            found.append((_decimals(module.weight), _decimals(module.bias), "identity"))
            awaits = True
        elif name in ACTIVATIONS and awaits:
            found[-1] = (*found[-1][:2], ACTIVATIONS[name])
            awaits = False
        else:
            raise ValueError(say("widgets.state.layers", known=known, found=name))
    if not found:
        raise ValueError(say("widgets.state.layers", known=known, found="0 Linear"))
    return found


def _decimals(parameter: Any) -> Any:
    """Nested lists; a float32 0.1 becomes 0.1, not 0.10000000149."""
    values = np.asarray(parameter.detach().numpy())
    return np.vectorize(lambda v: float(str(v)), otypes=[float])(values).tolist()


def _check_sizes(sizes: Sequence[int], shown: str) -> None:
    if len(sizes) > MOST_LAYERS + 1 or any(n > MOST_NEURONS for n in sizes):
        wide = {"sizes": shown, "layers": MOST_LAYERS, "neurons": MOST_NEURONS}
        raise ValueError(say("widgets.state.wide", **wide))


def _numbers(
    name: str, values: Any, want: int | None = None, low: float = -LIMIT, high: float = LIMIT
) -> list[float]:
    flat = np.ravel(np.asarray(values, dtype=object)).tolist()
    if want is not None and len(flat) != want:
        raise ValueError(say("widgets.state.size", name=name, want=want, got=len(flat)))
    for value in flat:
        if not is_number(value) or not low <= value <= high:
            trouble = {"name": name, "low": f"{low:g}", "high": f"{high:g}", "got": value}
            raise ValueError(say("widgets.state.number", **trouble))
    return [float(value) for value in flat]


def is_number(value: Any) -> bool:
    """Whether this is an ordinary number: not True, not NaN, not infinity."""
    ordinary = isinstance(value, (int, float, np.integer, np.floating))
    return ordinary and not isinstance(value, bool) and math.isfinite(value)


# ---- names: what can be touched and changed ----


def things(network: dict[str, Any]) -> set[str]:
    """The names of all that can be touched: x1, n1.2, w1.2.3, y1, L."""
    weights = network["weights"]
    names = {"L"} | {f"x{i + 1}" for i in range(len(network["x"]))}
    names |= {f"y{k + 1}" for k in range(len(network["y"]))}
    for layer, matrix in enumerate(weights, 1):
        for j, row in enumerate(matrix, 1):
            names |= {f"n{layer}.{j}"} | {f"w{layer}.{j}.{i + 1}" for i in range(len(row))}
    return names


def place_of(network: dict[str, Any], knob: str) -> tuple[Any, Any]:
    """Where the number behind a knob stands: (list or dict, index or key)."""
    if knob == "lr":
        return network, "lr"
    kind, places = knob[0], [int(n) - 1 for n in knob[1:].split(".")]
    if kind == "w":
        return network["weights"][places[0]][places[1]], places[2]
    return (network["biases"][places[0]], places[1]) if kind == "b" else (network[kind], places[0])


def last_step(network: dict[str, Any]) -> int:
    """The number of the last stage: start, each layer forward, loss, two a layer back, update."""
    return 3 * len(network["weights"]) + 2


def check_moves(network: dict[str, Any], moves: Any) -> None:
    """ValueError unless every move sets a number that there is (["w1.2.3", -0.5]) or does some
    updates (["go", 3])."""
    knobs = {name.replace("n", "b") for name in things(network) if name != "L"} | {"lr"}
    updates = 0
    if not isinstance(moves, (list, tuple)) or len(moves) > MOST_MOVES:
        raise ValueError(say("widgets.state.move", got=str(moves)[:60]))
    for move in moves:
        good = isinstance(move, (list, tuple)) and len(move) == 2 and is_number(move[1])
        if good and move[0] == "go":
            updates += move[1]
            good = move[1] > 0 and move[1] == int(move[1]) and updates <= MOST_UPDATES
        elif good:
            low, high = (0.0, FASTEST) if move[0] == "lr" else (-LIMIT, LIMIT)
            good = move[0] in knobs and low <= move[1] <= high
        if not good:
            raise ValueError(say("widgets.state.move", got=str(move)[:60]))
