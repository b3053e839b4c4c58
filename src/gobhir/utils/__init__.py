"""What stands beside layers and optimizers in PyTorch's `torch.utils`: data loading, and layers
whose results are computed again for backward().
Stands on engine/ and lang/; training and all above may import it.
Start reading in data/__init__.py.
"""

from importlib import import_module
from typing import Any

from gobhir.engine.absent import missing
from gobhir.engine.hooks import RemovableHandle
from gobhir.engine.paths import offer
from gobhir.utils import data

offer(__name__, "hooks", {"RemovableHandle": RemovableHandle})

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> Any:
    if name != "checkpoint":
        raise missing(__name__, name)
    return import_module("gobhir.utils.checkpoint")
