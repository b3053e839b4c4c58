"""What a trained network says about pictures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import gobhir
from gobhir.lang import say
from gobhir.projects.digits.network import network
from gobhir.projects.digits.settings import Settings
from gobhir.projects.learning import framework, model_file
from gobhir.training import predict


def trained(settings: Settings, folder: Path) -> Any:
    """The network that was trained in the folder. FileNotFoundError when none was, ValueError when
    the file there is another network's."""
    path = model_file(folder)
    if not path.exists():
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    weights = {name: tensor.numpy() for name, tensor in gobhir.load(path).items()}
    library = framework(_reader(settings.engine))
    classes = len(weights["linear.bias"]) if "linear.bias" in weights else 10
    model = network(library, settings.width, classes)
    try:
        model.load_state_dict({name: library.tensor(array) for name, array in weights.items()})
    except (RuntimeError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(say("digits.bad.other_model", path=path, reason=reason)) from None
    model.eval()
    return model


def _reader(engine: str) -> str:
    """The framework that reads what `engine` learned; for Keras the quicker one that is here."""
    return engine if engine != "keras" else "torch" if find_spec("torch") else "gobhir"


def scores(model: Any, x: np.ndarray) -> np.ndarray:
    """(N, classes), before the softmax, of tidied digits (N, 1, 28, 28)."""
    return np.asarray(predict(model, x).numpy(), np.float64)
