"""The same network three times: a row of Linear and ReLU, in Gobhir, PyTorch and Keras.

The first weights are drawn once, by Gobhir, and given to all three: what then differs is how the
frameworks round.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import gobhir
from gobhir.projects.learning import framework, put_weights


def first_weights(sizes: list[int], seed: int) -> dict[str, np.ndarray]:
    """Weights (out, in) and biases (out,) by PyTorch's names, as its Linear draws them."""
    gobhir.manual_seed(seed)
    state = sequential(gobhir.nn, sizes).state_dict()
    return {name: tensor.numpy().copy() for name, tensor in state.items()}


def sequential(nn: Any, sizes: list[int]) -> Any:
    """sizes: inputs, hidden units ..., outputs. nn: gobhir.nn or torch.nn, which speak alike."""
    layers: list[Any] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def network(engine: str, weights: dict[str, np.ndarray]) -> Any:
    """The network that has these weights, on "gobhir", "torch" or "keras". ImportError with a
    sentence where that is not installed."""
    matrices = [w for w in weights.values() if w.ndim == 2]
    sizes = [matrices[0].shape[1], *(len(w) for w in matrices)]
    library = framework(engine)
    model = _keras(library, sizes) if engine == "keras" else sequential(library.nn, sizes)
    put_weights(model, weights)
    return model


def _keras(keras: Any, sizes: list[int]) -> Any:
    inputs, *hidden, outputs = sizes
    # Named as in PyTorch, where between two layers a ReLU counts.
    layers = [
        keras.layers.Dense(units, activation="relu", name=str(2 * k))
        for k, units in enumerate(hidden)
    ]
    last = keras.layers.Dense(outputs, name=str(2 * len(hidden)))
    return keras.Sequential([keras.Input((inputs,)), *layers, last])
