"""TensorBoard's files, written by PyTorch's SummaryWriter."""

from __future__ import annotations

import sys
from os import PathLike
from types import ModuleType
from typing import Any

from gobhir.lang import say

_WITHOUT_TENSORFLOW = "tensorboard.compat.notf"
"""TensorBoard's own switch: where there is a module of this name, it writes its files by itself.
Else it imports TensorFlow, where that is installed, which takes some seconds."""


def writer(folder: str | PathLike[str], purge_step: int | None) -> Any:
    """A SummaryWriter into `folder`, which hides what was written there before from purge_step
    on. ImportError where PyTorch or tensorboard is missing."""
    if "tensorflow" not in sys.modules:
        sys.modules.setdefault(_WITHOUT_TENSORFLOW, ModuleType(_WITHOUT_TENSORFLOW))
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as trouble:
        raise ImportError(say("errors.training.tensorboard", detail=trouble)) from None
    return SummaryWriter(str(folder), purge_step=purge_step)
