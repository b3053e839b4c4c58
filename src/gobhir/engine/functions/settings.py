"""Settings of the whole program that PyTorch programs touch: device, threads, determinism."""

from __future__ import annotations

import os
from typing import Any

from gobhir.engine.arguments import checked
from gobhir.engine.device import CPU, check_place, device
from gobhir.engine.functions.publish import function


@function
def get_default_device() -> device:
    """Where new tensors are made: the CPU."""
    return CPU


@function
def set_default_device(device: Any) -> None:
    """Accepts the CPU. RuntimeError for any other device."""
    check_place(device)


@function
@checked
def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted and not needed: from the same seed the engine always computes the same."""


@function
def are_deterministic_algorithms_enabled() -> bool:
    """True: from the same seed the engine always computes the same."""
    return True


@function
def get_num_threads() -> int:
    """How many threads the matrix products of NumPy's library may take."""
    named = (os.environ.get(f"{lib}_NUM_THREADS", "") for lib in ("OPENBLAS", "OMP", "MKL"))
    return next((int(n) for n in named if n.isdigit()), os.cpu_count() or 1)


@function
@checked
def set_num_threads(n: int) -> None:
    """Accepted and without effect: NumPy's library reads OPENBLAS_NUM_THREADS when it starts."""


@function
def get_num_interop_threads() -> int:
    """1: one operation after another."""
    return 1


@function
@checked
def set_num_interop_threads(n: int) -> None:
    """Accepted and without effect: one operation follows another."""


@function
def set_flush_denormal(mode: bool) -> bool:
    """False: NumPy cannot be told to take the tiniest numbers as 0."""
    return False


@function
def set_float32_matmul_precision(precision: str) -> None:
    """Accepted and without effect: matrix products of float32 are always "highest"."""


@function
def get_float32_matmul_precision() -> str:
    """highest: matrix products of float32 are computed in float32."""
    return "highest"
