"""Keras 3: train_on_batch on a compiled model."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.peers import Step
from benchmarks.workloads import Workload


def make(workload: Workload, threads: int, backend: str) -> Step:
    os.environ["KERAS_BACKEND"] = backend
    import keras
    from keras import layers

    w = workload.weights()
    x, y = workload.batch()

    def dense(name: str, activation: str | None = None) -> Any:
        layer = layers.Dense(len(w[f"{name}.bias"]), activation=activation)
        return layer, [w[f"{name}.weight"].T, w[f"{name}.bias"]]

    def conv(name: str) -> Any:
        layer = layers.Conv2D(len(w[f"{name}.bias"]), 3, activation="relu")
        return layer, [w[f"{name}.weight"].transpose(2, 3, 1, 0), w[f"{name}.bias"]]

    if workload.name == "W1":
        parts = [dense("0", "sigmoid"), dense("2", "sigmoid")]
    elif workload.name == "W2":
        parts = [dense("0", "relu"), dense("2", "relu"), dense("4")]
    elif workload.name == "W3":
        x = x.transpose(0, 2, 3, 1)
        last, values = dense("7")
        # Keras flattens channels last, PyTorch channels first.
        values[0] = values[0].reshape(16, 5, 5, 10).transpose(1, 2, 0, 3).reshape(400, 10)
        pool = (layers.MaxPooling2D(), [])
        parts = [conv("0"), pool, conv("3"), (layers.MaxPooling2D(), [])]
        parts += [(layers.Flatten(), []), (last, values)]
    else:
        bias = w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"]
        kernels = [w["lstm.weight_ih_l0"].T, w["lstm.weight_hh_l0"].T, bias]
        parts = [(layers.LSTM(128), kernels), dense("out")]
    model = keras.Sequential([keras.Input(x.shape[1:]), *(layer for layer, _ in parts)])
    for layer, values in parts:
        layer.set_weights([np.ascontiguousarray(v) for v in values])
    loss: Any = keras.losses.MeanSquaredError()
    if workload.loss != "mse":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    kind = getattr(keras.optimizers, workload.optimizer)
    more = {} if workload.optimizer == "SGD" else {"epsilon": 1e-8}
    optimizer = kind(learning_rate=workload.settings["lr"], **more)
    model.compile(optimizer=optimizer, loss=loss)
    return lambda: _one(model, x, y)


def _one(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    answer = model.train_on_batch(x, y)
    model.reset_metrics()  # its loss is a running mean
    return float(answer if np.isscalar(answer) else np.asarray(answer).ravel()[0])
