"""The same network three times: a row of Linear and ReLU, in Gobhir, PyTorch and Keras.

The first weights are drawn once, by Gobhir, and given to all three: what then differs is how the
frameworks round.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import gobhir
from gobhir.lang import say


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
    try:
        return {"gobhir": _gobhir, "torch": _torch, "keras": _keras}[engine](sizes, weights)
    except ImportError as error:
        raise ImportError(say("tables.bad.engine", engine=engine, reason=error)) from error


def _gobhir(sizes: list[int], weights: dict[str, np.ndarray]) -> Any:
    model = sequential(gobhir.nn, sizes)
    model.load_state_dict({name: gobhir.from_numpy(w) for name, w in weights.items()})
    return model


def _torch(sizes: list[int], weights: dict[str, np.ndarray]) -> Any:
    import torch

    model = sequential(torch.nn, sizes)
    model.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()})
    return model


def _keras(sizes: list[int], weights: dict[str, np.ndarray]) -> Any:
    import keras

    inputs, *hidden, outputs = sizes
    dense = [keras.layers.Dense(units, activation="relu") for units in hidden]
    model = keras.Sequential([keras.Input((inputs,)), *dense, keras.layers.Dense(outputs)])
    # Keras keeps a weight as (in, out).
    model.set_weights([w.T if w.ndim == 2 else w for w in weights.values()])
    return model


def optimizer(model: Any, lr: float, weight_decay: float) -> Any:
    """AdamW of the model's framework, with PyTorch's epsilon (Keras would take a larger one)."""
    import sys

    framework = type(model).__module__.split(".")[0]
    if framework == "keras":
        import keras

        return keras.optimizers.AdamW(lr, weight_decay=weight_decay, epsilon=1e-8)
    kind = sys.modules[framework].optim.AdamW
    return kind(model.parameters(), lr=lr, weight_decay=weight_decay)


def weights_of(engine: str, model: Any) -> dict[str, np.ndarray]:
    """The weights by PyTorch's names, whatever the framework: one file format for all three."""
    if engine == "keras":
        pairs = zip(model.weights[::2], model.weights[1::2], strict=True)
        arrays = {}
        for k, (weight, bias) in enumerate(pairs):
            arrays[f"{2 * k}.weight"] = np.ascontiguousarray(weight.numpy().T)
            arrays[f"{2 * k}.bias"] = bias.numpy()
        return arrays
    return {name: tensor.detach().numpy().copy() for name, tensor in model.state_dict().items()}
