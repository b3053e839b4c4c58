"""Networks as people write them in Keras, with a batch and a loss: the twins of networks.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

CLASSES = "sparse_categorical_crossentropy"


def mlp() -> Any:
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="gelu", name="hidden"),
            layers.Dense(5, activation="softmax", kernel_regularizer="l2", name="out"),
        ]
    )


def lenet() -> Any:
    return keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(4, 3, padding="same", name="conv1"),
            layers.BatchNormalization(name="norm1"),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(6, 3, activation="relu", name="conv2"),
            layers.BatchNormalization(name="norm2"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3, seed=3),
            layers.Dense(8, activation="relu", name="fc1"),
            layers.Dense(5, name="fc2"),
        ]
    )


def _residual(x: Any, width: int, stride: int, name: str) -> Any:
    y = layers.Conv2D(width, 3, stride, "same", use_bias=False, name=f"{name}_conv1")(x)
    y = layers.ReLU()(layers.BatchNormalization(name=f"{name}_norm1")(y))
    y = layers.Conv2D(width, 3, 1, "same", use_bias=False, name=f"{name}_conv2")(y)
    y = layers.BatchNormalization(name=f"{name}_norm2")(y)
    if stride > 1:
        x = layers.Conv2D(width, 1, stride, use_bias=False, name=f"{name}_down")(x)
    return layers.ReLU()(layers.Add()([x, y]))


def resnet() -> Any:
    x = given = layers.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    x = _residual(_residual(x, 4, 1, "one"), 6, 2, "two")
    return keras.Model(given, layers.Dense(5, name="head")(layers.GlobalAveragePooling2D()(x)))


def reader(kind: Any) -> Any:
    return keras.Sequential(
        [
            layers.Input((6,), dtype="int32"),
            layers.Embedding(20, 4, name="embed"),
            layers.Bidirectional(kind(5, return_sequences=True), name="both"),
            kind(4, name="rnn"),
            layers.Dense(5, name="head"),
        ]
    )


def encoder() -> Any:
    given = layers.Input((6,), dtype="int32")
    x = layers.Embedding(20, 8, name="embed")(given)
    y = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm1")(x + y)
    y = layers.Dense(8, name="narrow")(layers.Dense(16, activation="relu", name="wide")(x))
    x = layers.LayerNormalization(name="norm2")(layers.Add()([x, layers.Dropout(0.1, seed=4)(y)]))
    return keras.Model(given, layers.Dense(5, name="head")(layers.GlobalAveragePooling1D()(x)))


def unet() -> Any:
    given = layers.Input((6, 6, 1))
    a = layers.Conv2D(3, 3, padding="same", activation="relu", name="down1")(given)
    b = layers.Conv2D(4, 3, padding="same", activation="relu", name="down2")(
        layers.MaxPooling2D()(a)
    )
    up = layers.Conv2DTranspose(3, 2, 2, name="up")(b)
    x = layers.Concatenate()([a, up])
    return keras.Model(given, layers.Conv2D(1, 1, activation="sigmoid", name="out")(x))


class VAE(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="vae")
        self.encode = layers.Dense(8, activation="relu", name="encode")
        self.mean, self.log_var = layers.Dense(2, name="mean"), layers.Dense(2, name="log_var")
        self.decode = layers.Dense(6, activation="sigmoid", name="decode")
        self.seeds = keras.random.SeedGenerator(5)

    def call(self, x: Any) -> Any:
        h = self.encode(x)
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seeds)
        apart = -0.5 * ops.sum(1 + log_var - ops.square(mean) - ops.exp(log_var))
        self.add_loss(apart / 4)
        return self.decode(z)


def _draw(seed: int) -> Any:
    return np.random.default_rng(seed)


def _floats(*shape: int) -> Any:
    return _draw(1).standard_normal(shape).astype("float32")


def _labels(n: int) -> Any:
    return _draw(2).integers(0, 5, n)


def _tokens() -> Any:
    return _draw(3).integers(0, 20, (3, 6)).astype("int32"), _labels(3)


def _logits() -> Any:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _bits() -> Any:
    return (_floats(2, 6, 6, 1) > 0).astype("float32")


def _vae_batch() -> Any:
    x = _draw(4).random((4, 6)).astype("float32")
    return x, x


NETWORKS: dict[str, tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]] = {
    "mlp": (mlp, lambda: (_floats(5, 6), _labels(5)), lambda: CLASSES),
    "lenet": (lenet, lambda: (_floats(4, 12, 12, 1), _labels(4)), _logits),
    "resnet": (resnet, lambda: (_floats(3, 6, 6, 3), _labels(3)), _logits),
    "rnn": (lambda: reader(layers.SimpleRNN), _tokens, _logits),
    "lstm": (lambda: reader(layers.LSTM), _tokens, _logits),
    "gru": (lambda: reader(layers.GRU), _tokens, _logits),
    "encoder": (encoder, _tokens, _logits),
    "unet": (unet, lambda: (_floats(2, 6, 6, 1), _bits()), lambda: "binary_crossentropy"),
    "vae": (VAE, _vae_batch, lambda: "binary_crossentropy"),
}
