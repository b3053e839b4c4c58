"""Who can look on: a recorder for each framework that the user's program has imported."""

from __future__ import annotations

import sys
from typing import Any

from gobhir.lift.keras_parts import backend, is_layer
from gobhir.lift.recorder import Recorder


def recorders(models: tuple[Any, ...], **wishes: Any) -> list[Recorder]:
    """One for PyTorch, one for TensorFlow, or none: Keras says on which of the two it runs. No
    framework is imported that the program has not imported itself."""
    found: list[Recorder] = []
    keras_on = backend()
    if "torch" in sys.modules:
        from gobhir.lift.torch_watch import TorchWatch

        theirs = [m for m in models if isinstance(m, sys.modules["torch"].nn.Module)]
        found.append(TorchWatch(*theirs, **wishes))
    if keras_on == "tensorflow" or (keras_on is None and "tensorflow" in sys.modules):
        from gobhir.lift.tensorflow_watch import TensorFlowWatch

        found.append(TensorFlowWatch(*filter(is_layer, models), **wishes))
    return found
