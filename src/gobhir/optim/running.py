"""What optimizers keep from step to step: running means, and numbers for a whole parameter."""

from __future__ import annotations

import numpy as np

from gobhir.engine.dtypes import get_default_dtype


def scalar(value: float) -> np.ndarray:
    """State that is one number for the whole parameter, in the dtype that PyTorch gives it."""
    kind = np.float64 if get_default_dtype() == np.float64 else np.float32
    return np.array(value, kind)


def mean(kept: np.ndarray, beta: float, new: np.ndarray, out: np.ndarray) -> None:
    """kept = beta * kept + (1 - beta) * new, in place. out: memory to work in."""
    kept *= beta
    kept += np.multiply(new, 1 - beta, out=out)


def mean_square(kept: np.ndarray, beta: float, new: np.ndarray, out: np.ndarray) -> None:
    """kept = beta * kept + (1 - beta) * new**2, in place. out: memory to work in."""
    np.multiply(new, new, out=out)
    out *= 1 - beta
    kept *= beta
    kept += out
