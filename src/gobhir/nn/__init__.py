"""Layers, losses and what holds them together, under PyTorch's names.
Stands on engine/ and lang/; training, explain and all above may import it.
Start reading in linear.py, then module.py.
"""

from gobhir.nn import functional, init, parameter
from gobhir.nn.activation import LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from gobhir.nn.container import ModuleDict, ModuleList, Sequential
from gobhir.nn.linear import Flatten, Identity, Linear
from gobhir.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
)
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Flatten",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Tanh",
    "functional",
    "init",
    "parameter",
]
