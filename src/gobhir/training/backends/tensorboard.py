"""TensorBoard's files, written by PyTorch's SummaryWriter."""

from __future__ import annotations

from os import PathLike
from typing import Any

from gobhir.lang import say


def writer(folder: str | PathLike[str], purge_step: int | None) -> Any:
    """A SummaryWriter into `folder`, which hides what was written there before from purge_step
    on. ImportError where PyTorch or tensorboard is missing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as trouble:
        raise ImportError(say("errors.training.tensorboard", detail=trouble)) from None
    return SummaryWriter(str(folder), purge_step=purge_step)
