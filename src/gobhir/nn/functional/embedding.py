"""Whole numbers as vectors: one-hot rows and embeddings."""

from __future__ import annotations

import numpy as np

from gobhir.engine import Tensor
from gobhir.lang import say

__all__ = ["one_hot"]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Labels (...) as rows of zeros with a single 1: (..., num_classes), int64."""
    labels = tensor.array
    if labels.dtype != np.int64 or labels.size and labels.min() < 0:
        raise RuntimeError(say("errors.nn.one_hot", dtype=labels.dtype))
    classes = int(labels.max()) + 1 if num_classes == -1 else num_classes
    if labels.size and labels.max() >= classes:
        top = int(labels.max())
        raise RuntimeError(say("errors.loss.label", label=top, last=classes - 1, classes=classes))
    return Tensor._wrap((labels[..., None] == np.arange(classes)).astype(np.int64))
