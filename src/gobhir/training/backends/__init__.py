"""What fit needs of a framework, one file each, imported when a model of that framework comes.
Only training/ imports it; a framework's own names (losses, optimizers, DataLoader) are used as is.
Start reading in base.py, then engine.py.
"""

from __future__ import annotations

import sys
from typing import Any

from gobhir.lang import say
from gobhir.training.backends.base import Backend


def backend_of(model: Any) -> Backend:
    """The backend of the framework that `model` is made of. TypeError when it is of none."""
    from gobhir.nn import Module

    if isinstance(model, Module):
        from gobhir.training.backends.engine import EngineBackend

        return EngineBackend(model)
    keras = sys.modules.get("keras")  # on PyTorch its models are PyTorch's as well
    if keras is not None and isinstance(model, keras.Layer):
        from gobhir.training.backends.keras import KerasBackend

        return KerasBackend(model)
    torch = sys.modules.get("torch")  # whoever has a PyTorch model has imported PyTorch
    if torch is not None and isinstance(model, torch.nn.Module):
        from gobhir.training.backends.pytorch import TorchBackend

        return TorchBackend(model)
    raise TypeError(say("errors.training.model", type=type(model).__name__))


__all__ = ["Backend", "backend_of"]
