"""Keras 3: train_on_batch on a compiled model."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks.peers import Step
from benchmarks.workloads import Arrays, Workload


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
    elif workload.name == "W4":
        # Keras has one bias where PyTorch has two, and Adam moves two twice as far: the second
        # is the kernel's row for an input that is always 1.
        x = np.concatenate([x, np.ones_like(x[:, :, :1])], axis=2)
        kernel = np.vstack([w["lstm.weight_ih_l0"].T, w["lstm.bias_ih_l0"]])
        values = [kernel, w["lstm.weight_hh_l0"].T, w["lstm.bias_hh_l0"]]
        parts = [(layers.LSTM(128), values), dense("out")]
    if workload.name == "W5":
        model, parts = _transformer(w, x.shape[1])
        y = y.reshape(x.shape)
    else:
        model = keras.Sequential([keras.Input(x.shape[1:]), *(layer for layer, _ in parts)])
    for layer, values in parts:
        layer.set_weights([np.ascontiguousarray(v) for v in values])
    loss: Any = keras.losses.MeanSquaredError()
    if workload.loss != "mse":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    kind = getattr(keras.optimizers, workload.optimizer)
    more = {} if workload.optimizer == "SGD" else {"epsilon": 1e-8}
    if workload.optimizer == "AdamW":
        more["weight_decay"] = 0.01
    optimizer = kind(learning_rate=workload.settings["lr"], **more)
    model.compile(optimizer=optimizer, loss=loss)
    return lambda: _one(model, x, y)


def _transformer(w: Arrays, t: int) -> tuple[Any, list[Any]]:
    """The model and, for each of its layers, the values of its weights."""
    import keras
    from keras import layers, ops

    parts: list[Any] = []

    def put(layer: Any, *values: np.ndarray) -> Any:
        parts.append((layer, list(values)))
        return layer

    def dense(name: str, x: Any, activation: str | None = None) -> Any:
        layer = layers.Dense(len(w[f"{name}.bias"]), activation=activation)
        return put(layer, w[f"{name}.weight"].T, w[f"{name}.bias"])(x)

    def norm(name: str, x: Any) -> Any:
        layer = layers.LayerNormalization(epsilon=1e-5)
        return put(layer, w[f"{name}.weight"], w[f"{name}.bias"])(x)

    def attention(here: str, x: Any) -> Any:
        kernels = w[here + "qkv.weight"].T.reshape(64, 3, 4, 16)
        biases = w[here + "qkv.bias"].reshape(3, 4, 16)
        qkv = [a for i in range(3) for a in (kernels[:, i], biases[i])]
        merge = [w[here + "merge.weight"].T.reshape(4, 16, 64), w[here + "merge.bias"]]
        layer = put(layers.MultiHeadAttention(4, 16), *qkv, *merge)
        return layer(x, x, use_causal_mask=True)

    class Place(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.table = layers.Embedding(t, 64)

        def build(self, _shape: Any) -> None:
            self.table.build((t,))

        def call(self, h: Any) -> Any:
            return h + self.table(ops.arange(t))

    x = keras.Input((t,), dtype="int32")
    h = put(layers.Embedding(65, 64), w["token.weight"])(x)
    h = put(Place(), w["place.weight"])(h)
    for k in range(2):
        here = f"blocks.{k}."
        h = h + attention(here, norm(here + "norm1", h))
        wide = dense(here + "wide", norm(here + "norm2", h), "gelu")
        h = h + dense(here + "narrow", wide)
    return keras.Model(x, dense("head", norm("norm", h))), parts


def _one(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    answer = model.train_on_batch(x, y)
    model.reset_metrics()  # its loss is a running mean
    return float(answer if np.isscalar(answer) else np.asarray(answer).ravel()[0])
