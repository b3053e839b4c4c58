"""Layers, losses and what holds them together, under PyTorch's names.
Stands on engine/, autograd/ (for hooks) and lang/; training, explain and all above may import it.
Start reading in linear.py, then module.py.
"""

from importlib import import_module
from typing import Any

from gobhir.engine.absent import missing
from gobhir.nn import functional, init, parameter, utils
from gobhir.nn.activation import *
from gobhir.nn.adaptive_softmax import *
from gobhir.nn.attention import *
from gobhir.nn.container import *
from gobhir.nn.conv import *
from gobhir.nn.distance import *
from gobhir.nn.dropout import *
from gobhir.nn.embedding import *
from gobhir.nn.lazy import *
from gobhir.nn.linear import *
from gobhir.nn.loss import *
from gobhir.nn.margin_loss import *
from gobhir.nn.module import Module as Module
from gobhir.nn.normalisation import *
from gobhir.nn.padding import *
from gobhir.nn.parallel import *
from gobhir.nn.parameter import Buffer as Buffer
from gobhir.nn.parameter import Parameter as Parameter
from gobhir.nn.parameter import UninitializedParameter as UninitializedParameter
from gobhir.nn.pooling import *
from gobhir.nn.rnn import *
from gobhir.nn.rnn_cell import *
from gobhir.nn.transformer import *
from gobhir.nn.vision import *


def __getattr__(name: str) -> Any:
    if name not in ("grad", "modules"):
        raise missing(__name__, name)
    return import_module(f"gobhir.nn.{name}")
