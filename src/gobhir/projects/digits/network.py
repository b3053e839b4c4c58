"""The network: small enough for a phone, quick enough to train on a laptop.

With width 32, for a 28 x 28 digit (multiplications and additions are counted in pairs):

    layer                        output         parameters      pairs
    conv1  5x5, every 2nd pixel  32 x 14 x 14          800    156,800
    conv2  3x3                   32 x 14 x 14        9,216  1,806,336
    pool2  2x2                   32 x  7 x  7            -          -
    conv3  3x3                   64 x  7 x  7       18,432    903,168
    conv4  3x3                   64 x  7 x  7       36,864  1,806,336
    pool4  2x2                   64 x  3 x  3            -          -
    conv5  3x3                  128 x  3 x  3       73,728    663,552
    mean, then linear                 10             1,290      1,280
    normalisation (5 x)                                640

    140,970 parameters, 5.3 million pairs a digit.

Behind each convolution stand BatchNorm and ReLU (Ioffe, Szegedy 2015,
https://arxiv.org/abs/1502.03167); the mean over what is left of the picture follows Lin, Chen, Yan,
Network in Network (2014, https://arxiv.org/abs/1312.4400).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

LAYERS = ("relu1", "relu2", "relu3", "relu4", "relu5")
"""The activations that the page shows."""


def network(framework: Any, width: int, classes: int = 10) -> Any:
    """(N, 1, 28, 28) -> (N, classes) scores. framework: torch or gobhir, which speak alike."""
    nn = framework.nn
    w = width
    parts: list[tuple[str, Any]] = []

    def block(number: int, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        parts.append((f"conv{number}", layer))
        parts.append((f"norm{number}", nn.BatchNorm2d(outputs)))
        parts.append((f"relu{number}", nn.ReLU()))

    block(1, 1, w, kernel=5, stride=2)
    block(2, w, w)
    parts.append(("pool2", nn.MaxPool2d(2)))
    block(3, w, 2 * w)
    block(4, 2 * w, 2 * w)
    parts.append(("pool4", nn.MaxPool2d(2)))
    block(5, 2 * w, 4 * w)
    parts.append(("mean", nn.AdaptiveAvgPool2d(1)))
    parts.append(("flat", nn.Flatten()))
    parts.append(("linear", nn.Linear(4 * w, classes)))
    return nn.Sequential(OrderedDict(parts))


def keras_network(keras: Any, width: int, classes: int = 10) -> Any:
    """The same in Keras, each layer under the same name, and for the same pictures: the network
    itself puts their channel last, where Keras wants it."""
    layers = keras.layers
    w = width
    parts: list[Any] = [keras.Input((1, 28, 28)), layers.Permute((2, 3, 1))]

    def block(number: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        # Where it takes every 2nd pixel only, Keras's padding="same" pads otherwise than PyTorch.
        parts.append(layers.ZeroPadding2D(kernel // 2))
        layer = layers.Conv2D(outputs, kernel, stride, use_bias=False, name=f"conv{number}")
        parts.append(layer)
        norm = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm{number}")
        parts.append(norm)
        parts.append(layers.ReLU(name=f"relu{number}"))

    block(1, w, kernel=5, stride=2)
    block(2, w)
    parts.append(layers.MaxPooling2D(2, name="pool2"))
    block(3, 2 * w)
    block(4, 2 * w)
    parts.append(layers.MaxPooling2D(2, name="pool4"))
    block(5, 4 * w)
    parts.append(layers.GlobalAveragePooling2D(name="mean"))
    parts.append(layers.Dense(classes, name="linear"))
    return keras.Sequential(parts)
